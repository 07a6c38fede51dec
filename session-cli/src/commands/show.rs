//! One session.

use std::io::Write;

use serde::Serialize;
use session_store::FieldValue;
use session_store::admin::SessionOverview;

use super::Job;
use crate::args::ShowArgs;
use crate::failure::Failure;
use crate::row::{Row, iso};
use crate::run::{Ended, say};
use crate::table::table;
use crate::text::{escaped, json};

#[derive(Serialize)]
struct Details<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    login_at: Option<String>,
    fields: Vec<Field<'a>>,
}

/// A field, and its value where values are to be shown.
#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
}

impl<W: Write> Job<'_, W> {
    /// Writes what is known of the session.
    pub(crate) async fn show(&mut self, args: &ShowArgs) -> Result<Ended, Failure> {
        let (_, admin) = self.place.open()?;
        let Some(found) = admin.show_session(&args.public_id).await? else {
            say(&format!("no such session: {}", args.public_id));
            return Ok(Ended::NotFound);
        };
        let details = Details::of(&found, args.values);
        if self.is_json {
            self.out.line(&json(&details)?)?;
            return Ok(Ended::Done);
        }
        let mut lines = details.row.lines();
        let login_at = details.login_at.unwrap_or_else(|| "-".to_owned());
        lines.push(["log-in".to_owned(), login_at]);
        self.out.line(&table([10, 0], None, lines))?;
        self.out.line("")?;
        let rows = details.fields.iter().map(Field::cells);
        let text = match args.values {
            true => table([16, 5, 0], Some(["FIELD", "BYTES", "VALUE"]), rows),
            false => {
                let rows = rows.map(|[name, bytes, _]| [name, bytes]);
                table([16, 5], Some(["FIELD", "BYTES"]), rows)
            }
        };
        self.out.line(&text)?;
        Ok(Ended::Done)
    }
}

impl<'a> Details<'a> {
    fn of(overview: &'a SessionOverview, with_values: bool) -> Self {
        let fields = overview.session.fields.iter();
        Self {
            row: Row::of(overview),
            login_at: overview.session.login_at.map(iso),
            fields: fields
                .map(|(name, value)| Field::of(name.as_str(), value, with_values))
                .collect(),
        }
    }
}

impl<'a> Field<'a> {
    fn of(name: &'a str, value: &'a FieldValue, with_value: bool) -> Self {
        let bytes = value.as_bytes();
        let text = std::str::from_utf8(bytes).ok();
        let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            name,
            bytes: bytes.len(),
            value: text.filter(|_| with_value),
            value_hex: (with_value && text.is_none()).then(hex),
        }
    }

    fn cells(&self) -> [String; 3] {
        let value = match (self.value, &self.value_hex) {
            (Some(value), _) => escaped(value),
            (None, Some(hex)) => format!("0x{hex}"),
            (None, None) => String::new(),
        };
        [escaped(self.name), self.bytes.to_string(), value]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_on_request_and_act_on_no_terminal() {
        for (value, with_value, shown, as_json) in [
            (
                "a\u{1b}[31m".into(),
                true,
                "a\\u{1b}[31m",
                r#","value":"a\u001b[31m""#,
            ),
            (
                FieldValue::from(vec![0xff, 0]),
                true,
                "0xff00",
                r#","value_hex":"ff00""#,
            ),
            ("secret".into(), false, "", ""),
        ] {
            let field = Field::of("f\n", &value, with_value);
            let bytes = value.as_bytes().len();
            let expected = ["f\\n".to_owned(), bytes.to_string(), shown.to_owned()];
            assert_eq!(field.cells(), expected);
            let expected = format!("{{\"name\":\"f\\n\",\"bytes\":{bytes}{as_json}}}");
            assert_eq!(json(&field).unwrap(), expected);
        }
    }
}

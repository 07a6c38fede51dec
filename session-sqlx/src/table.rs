//! The name of the table.

use std::fmt;
use std::str::FromStr;

/// The name of the table that the sessions are in: `sessions`, or on PostgreSQL with its schema
/// `app.sessions`.
///
/// Each part is 1 to 40 of the characters `a-z`, `0-9` and `_`, the first of them no digit: so a
/// name means one table, whether or not it is quoted.
///
/// ```
/// use session_sqlx::TableName;
///
/// let table: TableName = "web.sessions".parse()?;
/// assert_eq!(table.as_str(), "web.sessions");
/// assert!("sessions; DROP TABLE users".parse::<TableName>().is_err());
/// # Ok::<(), session_sqlx::InvalidTableName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName(String);

/// Not the name of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a table's name: expected 1 to 40 of a-z, 0-9 and _, no digit first, perhaps behind a schema's name and a dot"
)]
pub struct InvalidTableName;

const MAX_LEN: usize = 40;

impl TableName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the schema, if it has one.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.0.split_once('.').map(|(schema, _)| schema)
    }

    /// The name without the schema's.
    fn last(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(_, last)| last)
    }

    /// The name without the schema's, quoted.
    #[cfg(feature = "sqlite")]
    pub(crate) fn bare(&self) -> String {
        format!("\"{}\"", self.last())
    }

    /// The name of an index of the table, quoted.
    pub(crate) fn index(&self, of: &str) -> String {
        format!("\"{}_{of}\"", self.last())
    }

    /// The table of the versions that were applied, quoted.
    pub(crate) fn migrations(&self) -> String {
        match self.schema() {
            Some(schema) => format!("\"{schema}\".\"{}_migrations\"", self.last()),
            None => format!("\"{}_migrations\"", self.last()),
        }
    }
}

impl Default for TableName {
    fn default() -> Self {
        Self("sessions".to_owned())
    }
}

/// As SQL has it: quoted, so that any word can be a name.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = self.schema() {
            write!(f, "\"{schema}\".")?;
        }
        write!(f, "\"{}\"", self.last())
    }
}

impl FromStr for TableName {
    type Err = InvalidTableName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_part = |part: &str| {
            let mut bytes = part.bytes();
            (1..=MAX_LEN).contains(&part.len())
                && !part.starts_with(|first: char| first.is_ascii_digit())
                && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let is_name = match text.split_once('.') {
            Some((schema, table)) => is_part(schema) && is_part(table),
            None => is_part(text),
        };
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidTableName),
        }
    }
}

impl From<InvalidTableName> for session_core::Error {
    fn from(invalid: InvalidTableName) -> Self {
        use session_core::{Effect, ErrorKind};
        Self::new(ErrorKind::Config, Effect::NotApplied).with_source(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_table_whatever_surrounds_it() {
        let long = "x".repeat(MAX_LEN);
        for name in ["sessions", "_s1", "a.b", &long] {
            assert_eq!(name.parse::<TableName>().unwrap().as_str(), name);
        }
        let too_long = "x".repeat(MAX_LEN + 1);
        for name in [
            "", ".", "a.", ".a", "a.b.c", "Sessions", "1a", "a.1", "a b", "a\"", "a;", "ä",
            &too_long,
        ] {
            assert_eq!(name.parse::<TableName>(), Err(InvalidTableName), "{name}");
        }
    }
}

//! What is shown of a session, for people and for programs.

use std::borrow::Cow;

use serde::Serialize;
use session_store::admin::SessionOverview;
use session_store::{FieldValue, Timestamp, UnixMillis};

use crate::text::{cut, duration, escaped, or_dash};

/// The longest timestamp in the table. Others' clients may have written more, and no time.
const MOST_OF_TIMESTAMP: usize = 40;

/// A session's facts. The names are those of the JSON, which programs rely on.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) public_id: &'a str,
    pub(crate) principal: Option<&'a str>,
    created_at: Cow<'a, str>,
    last_accessed_at: Cow<'a, str>,
    ttl_seconds: u32,
    expires_in_seconds: Option<u64>,
    deadline: Option<String>,
}

/// The table's columns, and their least widths.
pub(crate) const HEADING: [&str; 5] = [
    "PUBLIC ID",
    "PRINCIPAL",
    "CREATED",
    "LAST SEEN",
    "EXPIRES IN",
];
pub(crate) const WIDTHS: [u16; 5] = [16, 16, 25, 25, 0];

impl<'a> Row<'a> {
    pub(crate) fn of(overview: &'a SessionOverview) -> Self {
        let session = &overview.session;
        Self {
            public_id: session.public_id.as_str(),
            principal: overview.principal.as_ref().map(|name| name.as_str()),
            created_at: lossy(&session.created_at_text),
            last_accessed_at: lossy(&session.last_accessed_at_text),
            ttl_seconds: overview.configured_ttl.as_secs(),
            expires_in_seconds: overview.ttl.whole_seconds(),
            deadline: overview.deadline.map(iso),
        }
    }

    /// A row of the table.
    pub(crate) fn cells(&self) -> [String; 5] {
        let time = |text: &str| escaped(&cut(text, MOST_OF_TIMESTAMP));
        [
            self.public_id.to_owned(),
            or_dash(self.principal),
            time(&self.created_at),
            time(&self.last_accessed_at),
            self.expires_in(),
        ]
    }

    /// The lines of one session.
    pub(crate) fn lines(&self) -> Vec<[String; 2]> {
        let [public_id, principal, created, seen, expires_in] = self.cells();
        let deadline = self.deadline.clone();
        [
            ("public id", public_id),
            ("principal", principal),
            ("created", created),
            ("last seen", seen),
            ("expires in", expires_in),
            ("ttl", duration(self.ttl_seconds.into())),
            ("deadline", deadline.unwrap_or_else(|| "-".to_owned())),
        ]
        .map(|(name, value)| [name.to_owned(), value])
        .into()
    }

    fn expires_in(&self) -> String {
        let seconds = self.expires_in_seconds.map(duration);
        seconds.unwrap_or_else(|| "no expiry".to_owned())
    }
}

fn lossy(value: &FieldValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// ISO 8601 in UTC. What lies after the year 9999 is shown as its end: as good as never.
pub(crate) fn iso(time: UnixMillis) -> String {
    Timestamp::from_system_time(time.to_system_time()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::table;
    use crate::text::json;
    use serde_json::Value;
    use session_store::{ListedSession, Principal, PublicId, Remaining, SessionTtl};
    use std::time::Duration;

    fn overview() -> SessionOverview {
        let at = FieldValue::from("2026-04-02T12:34:56+00:00");
        let public_id = PublicId::parse("4nWUyWTEw-6RWZJ0").unwrap();
        let ttl = SessionTtl::from_secs(3600).unwrap();
        let session = ListedSession::new(public_id, at.clone(), at, None);
        let remaining = Remaining::In(Duration::from_millis(58_001));
        let mut overview = SessionOverview::new(session, ttl, remaining);
        overview.principal = Some(Principal::new("ann").unwrap());
        overview.deadline = Some(UnixMillis::new(1_775_133_296_999));
        overview
    }

    fn as_json(overview: &SessionOverview) -> Value {
        serde_json::from_str(&json(&Row::of(overview)).unwrap()).unwrap()
    }

    #[test]
    fn people_see_columns_and_programs_the_same_facts() {
        let overview = overview();
        assert_eq!(
            table(WIDTHS, Some(HEADING), [Row::of(&overview).cells()]),
            "PUBLIC ID         PRINCIPAL         CREATED                    LAST SEEN                  \
             EXPIRES IN\n\
             4nWUyWTEw-6RWZJ0  ann               2026-04-02T12:34:56+00:00  2026-04-02T12:34:56+00:00  \
             59s"
        );
        let expected = serde_json::json!({
            "public_id": "4nWUyWTEw-6RWZJ0",
            "principal": "ann",
            "created_at": "2026-04-02T12:34:56+00:00",
            "last_accessed_at": "2026-04-02T12:34:56+00:00",
            "ttl_seconds": 3600,
            "expires_in_seconds": 59,
            "deadline": "2026-04-02T12:34:56+00:00",
        });
        assert_eq!(as_json(&overview), expected);
    }

    #[test]
    fn nobodys_sessions_and_foreign_times_are_shown_as_what_they_are() {
        let mut overview = overview();
        overview.principal = None;
        overview.deadline = None;
        overview.ttl = Remaining::NoExpiry;
        overview.session.created_at_text = "\u{1b}[31m".repeat(40).into();
        let cells = Row::of(&overview).cells();
        assert_eq!((&*cells[1], &*cells[4]), ("-", "no expiry"));
        assert!(!cells[2].contains('\u{1b}') && cells[2].len() < 400);
        let json = as_json(&overview);
        assert!(json["principal"].is_null() && json["deadline"].is_null());
        assert!(json["expires_in_seconds"].is_null());
    }
}

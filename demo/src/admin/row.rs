//! What is shown of a session, for people and for programs.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use session_store::admin::SessionOverview;
use session_store::{FieldValue, Timestamp, UnixMillis};

use super::text::{ascii_controls, cut, duration, escaped, or_dash};

/// The longest timestamp in the table. Others' clients may have written more, and no time.
const MOST_OF_TIMESTAMP: usize = 40;

/// A session's facts. The names are those of the JSON, which programs rely on. There a session's
/// public id is its handle.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    handle: &'a str,
    principal: Option<&'a str>,
    created_at: Cow<'a, str>,
    last_accessed_at: Cow<'a, str>,
    ttl_seconds: u32,
    remaining_seconds: Option<u64>,
    deadline: Option<String>,
}

impl<'a> Row<'a> {
    pub(super) fn of(overview: &'a SessionOverview) -> Self {
        let session = &overview.session;
        Self {
            handle: session.public_id.as_str(),
            principal: overview.principal.as_ref().map(|name| name.as_str()),
            created_at: lossy(&session.created_at_text),
            last_accessed_at: lossy(&session.last_accessed_at_text),
            ttl_seconds: overview.configured_ttl.as_secs(),
            remaining_seconds: overview.ttl.whole_seconds(),
            deadline: overview.deadline.map(iso),
        }
    }

    /// The names of the table's columns.
    pub(super) fn heading() -> String {
        columns(
            "HANDLE",
            "PRINCIPAL",
            "CREATED",
            "LAST USED",
            "REMAINING",
            "TTL",
            "DEADLINE",
        )
    }

    /// A line of the table.
    pub(super) fn line(&self) -> String {
        let time = |text: &str| escaped(&cut(text, MOST_OF_TIMESTAMP));
        let remaining = self.remaining_seconds.map(duration);
        columns(
            self.handle,
            &or_dash(self.principal),
            &time(&self.created_at),
            &time(&self.last_accessed_at),
            remaining.as_deref().unwrap_or("no expiry"),
            &duration(self.ttl_seconds.into()),
            self.deadline.as_deref().unwrap_or("-"),
        )
    }

    /// A line of JSON.
    pub(super) fn json(&self) -> io::Result<String> {
        Ok(ascii_controls(&serde_json::to_string(self)?))
    }
}

fn columns(
    handle: &str,
    principal: &str,
    created: &str,
    used: &str,
    remaining: &str,
    ttl: &str,
    deadline: &str,
) -> String {
    format!(
        "{handle:16}  {principal:16}  {created:25}  {used:25}  {remaining:10}  {ttl:8}  {deadline}"
    )
}

fn lossy(value: &FieldValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// ISO 8601 in UTC. What lies after the year 9999 is shown as its end: as good as never.
fn iso(time: UnixMillis) -> String {
    Timestamp::from_system_time(time.to_system_time()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use session_store::{ListedSession, Principal, PublicId, Remaining, SessionTtl};
    use std::time::Duration;

    fn overview() -> SessionOverview {
        let at = FieldValue::from("2026-04-02T12:34:56+00:00");
        let public_id = PublicId::parse("4nWUyWTEw-6RWZJ0").unwrap();
        let ttl = SessionTtl::from_secs(3600).unwrap();
        let session = ListedSession::new(public_id, at.clone(), at, None);
        let remaining = Remaining::In(Duration::from_millis(58_001));
        let mut overview = SessionOverview::new(session, ttl, remaining);
        overview.principal = Some(Principal::new("Ann").unwrap());
        overview.deadline = Some(UnixMillis::new(1_775_133_296_999));
        overview
    }

    fn json(overview: &SessionOverview) -> Value {
        serde_json::from_str(&Row::of(overview).json().unwrap()).unwrap()
    }

    #[test]
    fn people_see_columns_and_programs_the_same_facts() {
        let overview = overview();
        assert_eq!(
            format!("{}\n{}", Row::heading(), Row::of(&overview).line()),
            "HANDLE            PRINCIPAL         CREATED                    LAST USED                  \
             REMAINING   TTL       DEADLINE\n\
             4nWUyWTEw-6RWZJ0  Ann               2026-04-02T12:34:56+00:00  2026-04-02T12:34:56+00:00  \
             59s         1h        2026-04-02T12:34:56+00:00"
        );
        let expected = json!({
            "handle": "4nWUyWTEw-6RWZJ0",
            "principal": "Ann",
            "created_at": "2026-04-02T12:34:56+00:00",
            "last_accessed_at": "2026-04-02T12:34:56+00:00",
            "ttl_seconds": 3600,
            "remaining_seconds": 59,
            "deadline": "2026-04-02T12:34:56+00:00",
        });
        assert_eq!(json(&overview), expected);
    }

    #[test]
    fn what_a_session_has_not_is_a_dash_or_null() {
        let mut bare = overview();
        (bare.principal, bare.deadline) = (None, None);
        bare.ttl = Remaining::NoExpiry;
        let line = Row::of(&bare).line();
        assert!(line.contains("  -                 2026"), "{line}");
        assert!(line.contains("no expiry   1h        -"), "{line}");
        for name in ["principal", "remaining_seconds", "deadline"] {
            assert_eq!(json(&bare)[name], Value::Null);
        }
    }

    #[test]
    fn foreign_text_moves_no_cursor_and_keeps_to_its_line() {
        let foreign = "a\u{1b}[2J\r\n\t\u{9b}1m\u{7f}\u{202e}\u{2028}\0";
        let mut overview = overview();
        overview.principal = Some(Principal::new(foreign).unwrap());
        overview.session.created_at_text = FieldValue::from("x".repeat(10_000));
        overview.session.last_accessed_at_text = FieldValue::from(&b"\xff\x1b"[..]);
        let (row, value) = (Row::of(&overview), json(&overview));
        assert_eq!(value["principal"], foreign);
        assert_eq!(value["last_accessed_at"], "\u{fffd}\u{1b}");
        assert_eq!(value["created_at"], "x".repeat(10_000));
        assert!(row.line().len() < 250, "a timestamp that is none is cut");
        for shown in [row.json().unwrap(), row.line()] {
            let harmless = |c: char| "\u{fffd}…".contains(c) || (' '..='~').contains(&c);
            assert!(shown.chars().all(harmless), "{shown:?}");
        }
    }

    #[test]
    fn deadlines_beyond_all_calendars_are_the_last_there_is() {
        for millis in [253_402_300_799_999, 253_402_300_800_000, u64::MAX] {
            assert_eq!(iso(UnixMillis::new(millis)), "9999-12-31T23:59:59+00:00");
        }
    }
}

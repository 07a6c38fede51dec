//! That what must not happen is noticed.

use std::time::{Duration, Instant};

use session_core::{Remaining, SessionId, SessionRecord, StoredSession};

use super::losses::{Losses, Wrong};
use super::session::{OWNER, PAIRS, Session, fields, ttl};

const NUMBER: u64 = 7;

/// What a look shows, but that one field is another.
fn record(field: &str, value: Option<&str>) -> SessionRecord {
    let time = "2026-04-02T12:34:56+00:00";
    let seconds = ttl(0).as_secs().to_string();
    let fields = fields(NUMBER);
    let own = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")));
    let reserved = [
        ("created_at", time),
        ("last_accessed_at", time),
        ("session_ttl", &*seconds),
    ];
    let others = own.chain(reserved).filter(|it| it.0 != field);
    let all: Vec<_> = others.chain(value.map(|it| (field, it))).collect();
    let all = all
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let session = StoredSession::parse(all).expect("a session");
    SessionRecord::new(session, Remaining::NoExpiry)
}

fn id() -> SessionId {
    SessionId::random().expect("an id")
}

fn later() -> Instant {
    Instant::now() + Duration::from_millis(1)
}

fn own(session: &Session) -> SessionId {
    session.ids.first().expect("an id").clone()
}

fn see(session: &mut Session, record: SessionRecord, losses: &Losses) -> Result<(), Wrong> {
    session.found(&own(session), later(), Some(&record), losses)
}

fn count(session: &mut Session, value: i64, losses: &Losses) -> Result<(), Wrong> {
    let change = session.begin(None, true);
    session.acknowledge(change, Some(value), losses)
}

type Steps = fn(&mut Session, &Losses) -> Result<(), Wrong>;

/// What the steps violate, and whether a fail-over may have brought it about.
const WRONG: [(&str, bool, Steps); 11] = [
    ("resurrection", true, |it, losses| {
        it.ended = Some(Instant::now());
        let id = own(it);
        it.found(&id, later(), None, losses)
    }),
    ("rotated id lives", true, |it, losses| {
        let old = own(it);
        it.moved(&id());
        it.found(&old, later(), None, losses)
    }),
    ("lost session", true, |it, losses| {
        let id = own(it);
        it.missed(&id, later(), losses).map(drop)
    }),
    ("cross-session read", false, |it, losses| {
        see(it, record(OWNER, Some("8")), losses)
    }),
    ("partial session", false, |it, losses| {
        see(it, record(OWNER, None), losses)
    }),
    ("partial session", false, |it, losses| {
        see(it, record(PAIRS[0][0], Some("1")), losses)
    }),
    ("partial session", false, |it, losses| {
        see(
            it,
            record("session_deadline", Some("9999999999999")),
            losses,
        )
    }),
    ("lost write", false, |it, losses| {
        see(it, record("session_ttl", Some("3601")), losses)
    }),
    ("lost write", true, |it, losses| {
        let change = it.begin(Some(0), false);
        it.acknowledge(change, None, losses)?;
        see(it, record("", None), losses)
    }),
    ("lost increment", true, |it, losses| {
        count(it, 1, losses)?;
        see(it, record("", None), losses)
    }),
    ("doubled increment", true, |it, losses| {
        count(it, 1, losses)?;
        count(it, 1, losses)
    }),
];

#[test]
fn what_must_not_happen_is_noticed() {
    for (number, (kind, is_forgiven, steps)) in WRONG.into_iter().enumerate() {
        for fails_over in [false, true] {
            let (began, losses) = (Instant::now(), Losses::default());
            if fails_over {
                losses.open(began);
            }
            let mut session = Session::new(NUMBER, id(), began, None);
            see(&mut session, record("", None), &losses).expect("as it began");
            let seen = steps(&mut session, &losses).err().map(|it| it.0);
            let expected = (!fails_over || !is_forgiven).then_some(kind);
            assert_eq!(seen, expected, "{number} {fails_over}");
        }
    }
}

//! The server's replies, and what they mean.

use bytes::Bytes;
use session_core::steps::{ReadOutcome, Refusal, Written};
use session_core::{
    Effect, Error, ErrorKind, FieldName, FieldValue, Limit, Remaining, SessionRecord,
    StoredSession, Tombstone, UnixMillis, reserved,
    rules::{self, State},
};
use std::time::Duration;

use crate::server_error::ServerError;

/// A reply of the server, in no client's types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Integer(i64),
    /// A string.
    Bytes(Bytes),
    /// Several replies.
    Array(Vec<Reply>),
}

/// What a script says in the first element of its reply. The numbers are those of
/// `lua/session.lua`.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Done; the rest of the reply.
    Done(Parts),
    /// The same, and sessions were ended for their principal's limit.
    Evicted(Parts),
    /// There is no session.
    NotFound,
    /// There is none, for it was rotated a short while ago. Where tombstones were followed to a key
    /// without a session: that key's suffix.
    Rotated(Option<Bytes>),
    /// The id is taken.
    IdTaken,
    /// Refused.
    Refused(Refusal),
    /// To be run again: only entries of ended sessions were removed, or sessions were ended too.
    Again {
        /// Sessions were ended to make room for another.
        evicts: bool,
    },
    /// The cross-slot index must have an entry of the session first.
    NotIndexed {
        /// Whose the session is.
        principal: Option<Bytes>,
        /// Its deadline.
        deadline: Option<UnixMillis>,
        /// Its public id.
        public_id: Option<Bytes>,
    },
    /// The principal is over its quota: how many entries the index has, and which.
    OverQuota(Parts),
}

/// The rest of a script's reply, to be taken one by one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// Of a script that returns no more than what remains.
    remaining: Option<Reply>,
    rest: std::vec::IntoIter<Reply>,
    /// The reply to what was sent behind the script.
    behind: Option<Reply>,
}

impl Parts {
    /// And then the reply to what was sent behind the script.
    pub(crate) fn with_behind(mut self, behind: Reply) -> Self {
        self.behind = Some(behind);
        self
    }
}

impl From<Vec<Reply>> for Parts {
    fn from(parts: Vec<Reply>) -> Self {
        Self {
            rest: parts.into_iter(),
            ..Self::default()
        }
    }
}

impl Iterator for Parts {
    type Item = Reply;

    fn next(&mut self) -> Option<Reply> {
        let script = self.remaining.take().or_else(|| self.rest.next());
        script.or_else(|| self.behind.take())
    }
}

mod code {
    pub(super) const DONE: i64 = 1;
    pub(super) const NOT_FOUND: i64 = 0;
    pub(super) const NO_SESSION: i64 = -1;
    pub(super) const ID_TAKEN: i64 = 2;
    pub(super) const REFUSED: i64 = 3;
    pub(super) const NOT_INDEXED: i64 = 4;
    pub(super) const OVER_QUOTA: i64 = 5;
    pub(super) const FAILED: i64 = 6;
    pub(super) const ROTATED: i64 = -2;
    pub(super) const EVICTED: i64 = 7;
    pub(super) const AGAIN: i64 = 9;

    pub(super) const NOT_AN_INTEGER: i64 = 1;
    pub(super) const OVERFLOW: i64 = 2;
    pub(super) const TOO_MANY_FIELDS: i64 = 3;
    pub(super) const TOO_MANY_BYTES: i64 = 4;
    pub(super) const TOO_MANY_SESSIONS: i64 = 5;
    pub(super) const CONFLICT: i64 = 6;
}

pub(crate) fn corrupt() -> Error {
    Error::new(ErrorKind::CorruptReply, Effect::Unknown)
}

pub(crate) fn outcome(reply: Reply) -> Result<Outcome, Error> {
    let (code, mut parts) = match reply {
        // What remains, and no more.
        Reply::Integer(remaining @ 1..) => {
            let parts = Parts {
                remaining: Some(Reply::Integer(remaining)),
                ..Parts::default()
            };
            (code::DONE, parts)
        }
        Reply::Integer(code) => (code, Parts::default()),
        reply => {
            let mut parts = Parts::from(array(reply)?);
            (integer(parts.next())?, parts)
        }
    };
    Ok(match code {
        code::DONE => Outcome::Done(parts),
        code::EVICTED => Outcome::Evicted(parts),
        code::NOT_FOUND => Outcome::NotFound,
        code::NO_SESSION => {
            // Without the key's name: it may be the id.
            tracing::warn!("a key that holds no valid session was taken for absent");
            Outcome::NotFound
        }
        code::ROTATED => {
            let suffix = parts.next();
            Outcome::Rotated(suffix.map(|suffix| bytes(Some(suffix))).transpose()?)
        }
        code::ID_TAKEN => Outcome::IdTaken,
        code::REFUSED => Outcome::Refused(refusal(integer(parts.next())?)?),
        code::NOT_INDEXED => Outcome::NotIndexed {
            principal: text_or_nil(parts.next())?,
            deadline: deadline(parts.next())?,
            public_id: text_or_nil(parts.next())?,
        },
        code::OVER_QUOTA => Outcome::OverQuota(parts),
        code::AGAIN => Outcome::Again {
            evicts: parts.next().is_some(),
        },
        code::FAILED => return Err(failed(&bytes(parts.next())?)),
        _ => return Err(corrupt()),
    })
}

/// A script's step failed with this error before it changed anything.
fn failed(text: &[u8]) -> Error {
    let text = String::from_utf8_lossy(text);
    let (code, detail) = text.split_once(' ').unwrap_or((&text, ""));
    ServerError::into_error(code, detail).with_effect(Effect::NotApplied)
}

fn refusal(code: i64) -> Result<Refusal, Error> {
    Ok(match code {
        code::NOT_AN_INTEGER => Refusal::NotAnInteger,
        code::OVERFLOW => Refusal::Overflow,
        code::TOO_MANY_FIELDS => Refusal::Limit(Limit::Fields),
        code::TOO_MANY_BYTES => Refusal::Limit(Limit::SessionBytes),
        code::TOO_MANY_SESSIONS => Refusal::TooManySessions,
        code::CONFLICT => Refusal::Conflict,
        _ => return Err(corrupt()),
    })
}

pub(crate) fn deadline(reply: Option<Reply>) -> Result<Option<UnixMillis>, Error> {
    let millis = u64::try_from(integer(reply)?).map_err(|_| corrupt())?;
    Ok(Some(millis)
        .filter(|millis| *millis > 0)
        .map(UnixMillis::new))
}

/// A text, if there is one.
pub(crate) fn text_or_nil(reply: Option<Reply>) -> Result<Option<Bytes>, Error> {
    match reply {
        Some(Reply::Nil) => Ok(None),
        Some(Reply::Bytes(text)) => Ok(Some(text)),
        _ => Err(corrupt()),
    }
}

/// A time as a reserved field holds it; a text that is none counts as absent.
pub(crate) fn stored_time(reply: Option<Reply>) -> Result<Option<UnixMillis>, Error> {
    Ok(text_or_nil(reply)?.and_then(|text| UnixMillis::parse(&text)))
}

/// What remains, and the session with these fields, if they are one's. Where they were read behind
/// the script, the read happens there: what they hold is checked again, and the session may have
/// ended, or have been rotated.
pub(crate) fn found(mut parts: Parts) -> Result<ReadOutcome, Error> {
    let remaining = remaining(parts.next())?;
    Ok(match hash(parts.last().ok_or_else(corrupt)?)? {
        Hash::Session(session) => ReadOutcome::Found(SessionRecord::new(session, remaining)),
        // A moment ago it was a session: the tombstone is new, and counts.
        Hash::Tombstone(_) => ReadOutcome::Rotated,
        Hash::NoSession => ReadOutcome::NotFound,
    })
}

/// What a script that peeks says of a key.
pub(crate) fn peeked(mut parts: Parts) -> Result<Seen, Error> {
    let remaining = integer(parts.next())?;
    let now = u64::try_from(integer(parts.next())?).map_err(|_| corrupt())?;
    let remaining = u64::try_from(remaining).ok();
    let expires_at = remaining.map(|remaining| UnixMillis::new(now.saturating_add(remaining)));
    let fields = hash(parts.last().ok_or_else(corrupt)?)?;
    Ok(seen_as(fields, expires_at, UnixMillis::new(now)))
}

/// What the fields of a hash are.
enum Hash {
    Session(StoredSession),
    Tombstone(Tombstone),
    NoSession,
}

fn hash(fields: Reply) -> Result<Hash, Error> {
    let parts = array(fields)?;
    if parts.is_empty() {
        return Ok(Hash::NoSession);
    }
    let mut names = parts.iter().step_by(2);
    let is_rotated =
        |name: &Reply| matches!(name, Reply::Bytes(name) if name == reserved::SESSION_ROTATED);
    if let Some(at) = names.position(is_rotated) {
        let value = bytes(parts.get(2 * at + 1).cloned())?;
        if let Some(tombstone) = Tombstone::parse(&value) {
            return Ok(Hash::Tombstone(tombstone));
        }
    }
    let mut parts = parts.into_iter();
    let mut is_corrupt = false;
    let pairs = std::iter::from_fn(|| match (parts.next()?, parts.next()) {
        (Reply::Bytes(name), Some(Reply::Bytes(value))) => Some((name, FieldValue::from(value))),
        _ => {
            is_corrupt = true;
            None
        }
    });
    let session = StoredSession::parse(pairs);
    if is_corrupt {
        return Err(corrupt());
    }
    match session {
        Ok(session) => Ok(Hash::Session(session)),
        Err(reason) => {
            tracing::warn!(%reason, "a key that holds no valid session was taken for absent");
            Ok(Hash::NoSession)
        }
    }
}

/// What a look at a key shows.
pub(crate) enum Seen {
    /// A live session, and the server's time.
    Live(State, UnixMillis),
    /// None; what a read of it returns.
    NotLive(ReadOutcome),
}

/// What the replies to a look at a key show.
pub(crate) fn seen([time, expiry, fields]: [Result<Reply, Error>; 3]) -> Result<Seen, Error> {
    let is_other_type =
        |error: &Error| ServerError::of(error).is_some_and(|error| error.code() == "WRONGTYPE");
    let (time, expiry) = (array(time?)?, integer(Some(expiry?))?);
    let fields = match fields {
        Err(error) if is_other_type(&error) => return Ok(Seen::NotLive(ReadOutcome::NotFound)),
        fields => fields?,
    };
    let mut time = time.into_iter().map(|part| {
        let number = rules::parse_integer(&bytes(Some(part))?);
        let number = number.and_then(|it| u64::try_from(it).ok());
        number.ok_or_else(corrupt)
    });
    let mut next = || time.next().unwrap_or_else(|| Err(corrupt()));
    let now = UnixMillis::new(next()?.saturating_mul(1000).saturating_add(next()? / 1000));
    let expires_at = u64::try_from(expiry).ok().map(UnixMillis::new);
    Ok(seen_as(hash(fields)?, expires_at, now))
}

fn seen_as(hash: Hash, expires_at: Option<UnixMillis>, now: UnixMillis) -> Seen {
    match hash {
        Hash::Session(session) => {
            let state = State {
                session,
                expires_at,
            };
            if state.is_live(now) {
                Seen::Live(state, now)
            } else {
                Seen::NotLive(ReadOutcome::NotFound)
            }
        }
        Hash::Tombstone(tombstone) if tombstone.counts(now) => Seen::NotLive(ReadOutcome::Rotated),
        Hash::Tombstone(_) | Hash::NoSession => Seen::NotLive(ReadOutcome::NotFound),
    }
}

pub(crate) fn written<'a>(
    mut parts: impl Iterator<Item = Reply>,
    counters: impl Iterator<Item = &'a FieldName>,
) -> Result<Written, Error> {
    let remaining = remaining(parts.next())?;
    let values = match parts.next() {
        None | Some(Reply::Nil) => Vec::new(),
        Some(Reply::Array(values)) => values,
        Some(value) => vec![value],
    };
    let mut written = Written::new(remaining);
    let mut values = values.into_iter();
    for name in counters {
        let value = match values.next() {
            Some(Reply::Integer(value)) => value,
            text => rules::parse_integer(&bytes(text)?).ok_or_else(corrupt)?,
        };
        written.counters.push((name.clone(), value));
    }
    written.record = match parts.next() {
        None | Some(Reply::Nil) => None,
        Some(fields) => match hash(fields)? {
            Hash::Session(session) => Some(SessionRecord::new(session, remaining)),
            _ => return Err(corrupt()),
        },
    };
    Ok(written)
}

pub(crate) fn remaining(reply: Option<Reply>) -> Result<Remaining, Error> {
    match integer(reply)? {
        -1 => Ok(Remaining::NoExpiry),
        // The key was checked in the same step, so a negative rest is the last millisecond.
        millis => Ok(Remaining::In(Duration::from_millis(
            u64::try_from(millis).unwrap_or_default(),
        ))),
    }
}

pub(crate) fn integer(reply: Option<Reply>) -> Result<i64, Error> {
    match reply {
        Some(Reply::Integer(number)) => Ok(number),
        _ => Err(corrupt()),
    }
}

pub(crate) fn bytes(reply: Option<Reply>) -> Result<Bytes, Error> {
    match reply {
        Some(Reply::Bytes(bytes)) => Ok(bytes),
        _ => Err(corrupt()),
    }
}

pub(crate) fn array(reply: Reply) -> Result<Vec<Reply>, Error> {
    match reply {
        Reply::Array(parts) => Ok(parts),
        _ => Err(corrupt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Reply {
        Reply::Bytes(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_read_is_checked_at_its_fields() {
        let hash = "created_at then last_accessed_at now session_ttl 15 username andrew";
        let hash = hash.split(' ').map(text).collect();
        let read = |fields| found(vec![Reply::Integer(15_000), Reply::Array(fields)].into());
        let ReadOutcome::Found(record) = read(hash).unwrap() else {
            panic!("a session");
        };
        assert_eq!(record.fields().get_str("username"), Some("andrew"));
        assert_eq!(record.ttl(), Remaining::In(Duration::from_secs(15)));
        for fields in [vec![], vec![text("username"), text("ghost")]] {
            assert_eq!(read(fields).unwrap(), ReadOutcome::NotFound);
        }
        let tombstone = vec![text("session_rotated"), text("9000 k")];
        assert_eq!(read(tombstone).unwrap(), ReadOutcome::Rotated);
    }

    /// A key of another type is no session; whatever else is in the way is an error.
    #[test]
    fn a_look_tells_another_type_from_a_failure() {
        let time = || Ok(Reply::Array(vec![text("1800000000"), text("500000")]));
        let look = |code| {
            let failed = Err(ServerError::into_error(code, "of the key"));
            seen([time(), Ok(Reply::Integer(-1)), failed])
        };
        let outcome = look("WRONGTYPE").unwrap();
        assert!(matches!(outcome, Seen::NotLive(ReadOutcome::NotFound)));
        assert_eq!(look("NOPERM").err().unwrap().kind(), ErrorKind::Denied);
    }

    #[test]
    fn each_code_has_its_meaning() {
        for (codes, meaning) in [
            (&[0][..], "NotFound"),
            (&[-1], "NotFound"),
            (&[-2], "Rotated(None)"),
            (&[2], "IdTaken"),
            (&[3, 1], "Refused(NotAnInteger)"),
            (&[3, 2], "Refused(Overflow)"),
            (&[3, 3], "Refused(Limit(Fields))"),
            (&[3, 4], "Refused(Limit(SessionBytes))"),
            (&[3, 5], "Refused(TooManySessions)"),
            (&[3, 6], "Refused(Conflict)"),
            (&[9], "Again { evicts: false }"),
        ] {
            let reply = Reply::Array(codes.iter().copied().map(Reply::Integer).collect());
            assert_eq!(format!("{:?}", outcome(reply).unwrap()), meaning);
            if let [code @ ..=0] = codes {
                let outcome = outcome(Reply::Integer(*code)).unwrap();
                assert_eq!(format!("{outcome:?}"), meaning);
            }
        }
    }

    #[test]
    fn times_may_be_absent() {
        let time = |millis| Some(UnixMillis::new(millis));
        for (millis, expected) in [(0, None), (1, time(1))] {
            assert_eq!(deadline(Some(Reply::Integer(millis))).unwrap(), expected);
        }
        for (stored, expected) in [(text("5"), time(5)), (text("x"), None), (Reply::Nil, None)] {
            assert_eq!(stored_time(Some(stored)).unwrap(), expected);
        }
    }

    #[test]
    fn a_step_that_failed_before_it_changed_anything_says_so() {
        for (error, kind) in [
            ("NOPERM a command", ErrorKind::Denied),
            (
                "ERR The user executing the script can't script: 9f",
                ErrorKind::Denied,
            ),
            ("WRONGTYPE", ErrorKind::Rejected),
        ] {
            let reply = Reply::Array(vec![Reply::Integer(code::FAILED), text(error)]);
            let error = outcome(reply).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (kind, Effect::NotApplied));
        }
    }

    #[test]
    fn replies_that_make_no_sense_are_corrupt_and_never_panic() {
        let nonsense = [
            Reply::Nil,
            text("1"),
            Reply::Array(vec![]),
            Reply::Array(vec![text("1")]),
            Reply::Array(vec![Reply::Integer(8)]),
            Reply::Array(vec![Reply::Integer(3), Reply::Integer(77)]),
        ];
        for reply in nonsense {
            assert_eq!(outcome(reply).unwrap_err().kind(), ErrorKind::CorruptReply);
        }
        let odd = Reply::Array(vec![text("a")]);
        let error = hash(odd).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::CorruptReply);
    }
}

//! The server's answers, and what they mean.

use bytes::Bytes;
use session_core::steps::Refusal;
use session_core::{
    Effect, Error, ErrorKind, FieldName, FieldValue, Limit, Remaining, SessionRecord,
    StoredSession, UnixMillis, Written, rules,
};
use std::time::Duration;

/// An answer of the server, in neither client's types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Integer(i64),
    /// A string.
    Bytes(Bytes),
    /// Several answers.
    Array(Vec<Reply>),
}

/// The first element of every script's answer, understood.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Done; the rest of the answer.
    Done(std::vec::IntoIter<Reply>),
    /// There is no session.
    Gone,
    /// The id is taken.
    IdTaken,
    /// Refused.
    Refused(Refusal),
    /// Only dead index members were pruned: ask again.
    Again,
    /// The index must list the session first.
    Unlisted {
        /// Whose the session is.
        principal: Option<Bytes>,
        /// Its deadline.
        deadline: Option<UnixMillis>,
    },
    /// The index has no room: how many are in it, and who.
    Crowded(std::vec::IntoIter<Reply>),
}

pub(crate) fn corrupt() -> Error {
    Error::new(ErrorKind::CorruptReply, Effect::Unknown)
}

pub(crate) fn outcome(reply: Reply) -> Result<Outcome, Error> {
    let mut parts = array(reply)?.into_iter();
    let code = integer(parts.next())?;
    Ok(match code {
        1 => Outcome::Done(parts),
        0 => Outcome::Gone,
        -1 => {
            // Without the key's name: it may be the id.
            tracing::warn!("a key that is no valid session was taken for absent");
            Outcome::Gone
        }
        2 => Outcome::IdTaken,
        3 => Outcome::Refused(match integer(parts.next())? {
            1 => Refusal::NotAnInteger,
            2 => Refusal::Overflow,
            3 => Refusal::Limit(Limit::Fields),
            4 => Refusal::Limit(Limit::SessionBytes),
            5 => Refusal::TooManySessions,
            _ => return Err(corrupt()),
        }),
        4 => Outcome::Unlisted {
            principal: principal(parts.next())?,
            deadline: deadline(parts.next())?,
        },
        5 => Outcome::Crowded(parts),
        9 => Outcome::Again,
        _ => return Err(corrupt()),
    })
}

pub(crate) fn deadline(reply: Option<Reply>) -> Result<Option<UnixMillis>, Error> {
    let millis = u64::try_from(integer(reply)?).map_err(|_| corrupt())?;
    Ok(Some(millis)
        .filter(|millis| *millis > 0)
        .map(UnixMillis::new))
}

/// The principal of a session that may have none.
pub(crate) fn principal(reply: Option<Reply>) -> Result<Option<Bytes>, Error> {
    match reply {
        Some(Reply::Nil) => Ok(None),
        Some(Reply::Bytes(principal)) => Ok(Some(principal).filter(|name| !name.is_empty())),
        _ => Err(corrupt()),
    }
}

/// The answer of `READ` or `PEEK` without fields, and the answer of the `HGETALL` sent with it. The read
/// happens at the latter: what it holds is judged anew, and may be gone although the former saw it.
///
/// # Errors
/// [`ErrorKind::CorruptReply`].
pub fn read(touch: Reply, fields: Result<Reply, Error>) -> Result<Option<SessionRecord>, Error> {
    match outcome(touch)? {
        Outcome::Done(mut parts) => record(remaining(parts.next())?, fields?),
        // Whatever `HGETALL` said of a key that is no session, an error included.
        Outcome::Gone => Ok(None),
        _ => Err(corrupt()),
    }
}

/// The session with these fields, if they are one's.
pub(crate) fn record(remaining: Remaining, fields: Reply) -> Result<Option<SessionRecord>, Error> {
    let parts = array(fields)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let mut pairs = Vec::with_capacity(parts.len() / 2);
    let mut parts = parts.into_iter();
    while let Some(name) = parts.next() {
        pairs.push((bytes(Some(name))?, FieldValue::from(bytes(parts.next())?)));
    }
    match StoredSession::parse(pairs) {
        Ok(session) => Ok(Some(SessionRecord::new(session, remaining))),
        Err(reason) => {
            tracing::warn!(%reason, "a key that is no valid session was taken for absent");
            Ok(None)
        }
    }
}

pub(crate) fn written<'a>(
    mut parts: impl Iterator<Item = Reply>,
    counters: impl Iterator<Item = &'a FieldName>,
) -> Result<Written, Error> {
    let remaining = remaining(parts.next())?;
    let values = array(parts.next().ok_or_else(corrupt)?)?;
    let mut written = Written::new(remaining);
    let mut values = values.into_iter();
    for name in counters {
        let value = rules::parse_integer(&bytes(values.next())?).ok_or_else(corrupt)?;
        written.counters.push((name.clone(), value));
    }
    written.record = match parts.next() {
        None | Some(Reply::Nil) => None,
        Some(fields) => Some(record(remaining, fields)?.ok_or_else(corrupt)?),
    };
    Ok(written)
}

pub(crate) fn remaining(reply: Option<Reply>) -> Result<Remaining, Error> {
    match integer(reply)? {
        -1 => Ok(Remaining::NoExpiry),
        // The key was judged live in the same step, so a negative rest is the last millisecond.
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

    fn hash() -> Reply {
        Reply::Array(vec![
            text("created_at"),
            text("2026-04-02T12:34:56+00:00"),
            text("last_accessed_at"),
            text("2026-04-02T12:34:56+00:00"),
            text("session_ttl"),
            text("15"),
            text("username"),
            text("andrew"),
        ])
    }

    #[test]
    fn a_read_is_judged_at_its_fields() {
        let done = Reply::Array(vec![Reply::Integer(1), Reply::Integer(15_000)]);
        let found = read(done.clone(), Ok(hash())).unwrap().unwrap();
        assert_eq!(found.fields().get_str("username"), Some("andrew"));
        assert_eq!(found.remaining(), Remaining::In(Duration::from_secs(15)));
        assert!(
            read(done.clone(), Ok(Reply::Array(vec![])))
                .unwrap()
                .is_none()
        );
        assert!(
            read(
                done,
                Ok(Reply::Array(vec![text("username"), text("ghost")]))
            )
            .unwrap()
            .is_none()
        );
        assert!(
            read(Reply::Array(vec![Reply::Integer(0)]), Err(corrupt()))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn answers_that_make_no_sense_are_corrupt_and_never_panic() {
        let nonsense = [
            Reply::Nil,
            Reply::Integer(1),
            text("1"),
            Reply::Array(vec![]),
            Reply::Array(vec![text("1")]),
            Reply::Array(vec![Reply::Integer(7)]),
            Reply::Array(vec![Reply::Integer(3), Reply::Integer(77)]),
        ];
        for reply in nonsense {
            assert_eq!(outcome(reply).unwrap_err().kind(), ErrorKind::CorruptReply);
        }
        let odd = Reply::Array(vec![text("a")]);
        assert_eq!(
            record(Remaining::NoExpiry, odd).unwrap_err().kind(),
            ErrorKind::CorruptReply
        );
    }
}

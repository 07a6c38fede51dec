//! What the cases are written with.

mod bench;
mod clock;
mod dice;
mod dropped;
mod forced;
mod guide;
mod operations;
mod operator;
mod requests;
mod secret;
mod timer;

use std::borrow::Cow;
use std::time::Duration;

use session_core::{Delta, FieldName, Fields, NewSession, Principal, SessionId, SessionTtl};

pub(crate) use self::bench::{Bench, Snapshot};
pub(crate) use self::clock::AppClock;
pub(crate) use self::dice::{Dice, seed};
pub(crate) use self::dropped::{POLLS, poll_and_drop};
pub(crate) use self::forced::ForcedIds;
pub(crate) use self::guide::{ClientHash, GUIDE_CREATED_AT, clients, guide_hash, with, without};
pub(crate) use self::operations::{assert_gone_and_left_alone, assert_nothing_there};
pub(crate) use self::operator::{AdminCatcher, Operator};
pub(crate) use self::requests::{Catcher, insert_request, rename_request};
pub(crate) use self::secret::{SECRET, assert_silent, shown};
pub(crate) use self::timer::Timer;

/// A field name.
pub(crate) fn name(text: impl Into<Cow<'static, str>>) -> FieldName {
    FieldName::new(text).expect("not a reserved name")
}

/// A TTL or lifetime.
pub(crate) fn ttl(seconds: u64) -> SessionTtl {
    SessionTtl::from_secs(seconds).expect("a TTL")
}

/// A duration of whole seconds.
pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An id that no store knows.
pub(crate) fn fresh_id() -> SessionId {
    SessionId::random().expect("randomness")
}

/// A principal that no store knows, whose name begins so.
pub(crate) fn fresh_principal(label: &str) -> Principal {
    let principal = format!("{label}:{}", fresh_id().handle());
    Principal::new(principal).expect("a principal")
}

/// These fields.
pub(crate) fn fields<const N: usize>(pairs: [(&'static str, &str); N]) -> Fields {
    pairs
        .into_iter()
        .fold(Fields::new(), |all, (n, v)| all.with(name(n), v))
}

/// A session with one field and this TTL.
pub(crate) fn session(seconds: u64) -> NewSession {
    NewSession::new(fields([("username", "andrew")])).ttl(ttl(seconds))
}

/// A delta that sets one field.
pub(crate) fn set(field: &'static str, value: &str) -> Delta {
    Delta::new().set(name(field), value)
}

/// A delta that adds to one counter.
pub(crate) fn add(field: &'static str, by: i64) -> Delta {
    Delta::new().increment(name(field), by)
}

//! What the cases are written with.

mod bench;
mod clock;
mod dice;
mod dropped;
mod guide;
mod operations;
mod operator;
mod secret;
mod spy;
mod step;
mod timer;
mod tombstone;

use std::borrow::Cow;
use std::time::Duration;

use session_core::steps::{InsertRequest, RenameRequest};
use session_core::{
    Delta, FieldName, Fields, Lifetime, NewSession, OnExcess, Principal, PrincipalLimit, PublicId,
    SessionCount, SessionId, SessionPolicy, SessionTtl, StoredSession, UnixMillis,
};

use crate::harness::{Harness, RawKey};

pub(crate) use self::bench::{Bench, Snapshot};
pub(crate) use self::clock::AppClock;
pub(crate) use self::dice::{Dice, seed};
pub(crate) use self::dropped::{POLLS, poll_and_drop};
pub(crate) use self::guide::{ClientHash, GUIDE_CREATED_AT, clients, guide_hash, with, without};
pub(crate) use self::operations::{
    Operation, assert_not_found_and_left_alone, assert_nothing_there,
};
pub(crate) use self::operator::{Operator, page_at, revoke_at};
pub(crate) use self::secret::{SECRET, assert_silent, shown};
pub(crate) use self::spy::Spy;
pub(crate) use self::step::{Finding, Place, Step};
pub(crate) use self::timer::{Timer, pass};
pub(crate) use self::tombstone::{Told, assert_tombstone, told, tombstone_in};

/// A field name.
pub(crate) fn name(text: impl Into<Cow<'static, str>>) -> FieldName {
    FieldName::new(text).expect("not a reserved name")
}

/// A TTL or lifetime.
pub(crate) fn ttl(seconds: u64) -> SessionTtl {
    SessionTtl::from_secs(seconds).expect("a TTL")
}

/// A lifetime of whole seconds.
pub(crate) fn lasting(seconds: u64) -> Lifetime {
    Lifetime::from_secs(seconds).expect("a lifetime")
}

/// The limit of so many sessions of a principal.
pub(crate) fn limit(max: u32, on_excess: OnExcess) -> PrincipalLimit {
    let max = SessionCount::new(max).expect("a limit");
    PrincipalLimit { max, on_excess }
}

/// A duration of whole seconds.
pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An id that no store knows.
pub(crate) fn fresh_id() -> SessionId {
    SessionId::random().expect("randomness")
}

/// A public id that no store knows.
pub(crate) fn fresh_public_id() -> PublicId {
    PublicId::random().expect("randomness")
}

/// A public id that differs from this one in the case of a letter.
pub(crate) fn in_other_case(public_id: &PublicId) -> PublicId {
    let mut text = public_id.as_str().as_bytes().to_vec();
    let letter = text.iter_mut().find(|c| c.is_ascii_alphabetic());
    *letter.expect("a letter among 16 random characters") ^= 0x20;
    PublicId::parse(text).expect("a public id")
}

/// The public id under which an operator sees what is stored under an id: the stored one of a bound
/// session, else the one that is derived from the id.
pub(crate) async fn public_id_of(h: &dyn Harness, id: &SessionId) -> PublicId {
    let key = h.dump(id).await;
    let session = key.and_then(|key| StoredSession::parse(key.fields().to_vec()).ok());
    let of_unbound = || PublicId::of_unbound(id);
    session.map_or_else(of_unbound, |session| session.public_id_or(of_unbound))
}

/// The deadline that a session is stored with.
pub(crate) fn stored_deadline(key: &RawKey) -> Option<UnixMillis> {
    let text = std::str::from_utf8(key.field("session_deadline")?).ok()?;
    text.parse().ok().map(UnixMillis::new)
}

/// The request that creates this session under this id.
pub(crate) fn insert_request(
    policy: &SessionPolicy,
    id: &SessionId,
    new: NewSession,
) -> InsertRequest {
    InsertRequest::new(policy, id.clone(), new).expect("a request within its limits")
}

/// The request that moves a session from one id to another and applies this delta.
pub(crate) fn rename_request(
    policy: &SessionPolicy,
    from: &SessionId,
    to: &SessionId,
    delta: Delta,
) -> RenameRequest {
    let request = RenameRequest::new(policy, from.clone(), to.clone(), delta);
    request.expect("a request within its limits")
}

/// A principal that no store knows, whose name begins so.
pub(crate) fn fresh_principal(label: &str) -> Principal {
    let principal = format!("{label}:{}", fresh_public_id());
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

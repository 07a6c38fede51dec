//! What a step describes, built.

use session_core::{Delta, Fields, LogIn, NewSession, Principal, SessionId};

use super::operation::{
    self, Binding, Change, Kept, MOST_UNITS, New, Plant, UNIT, between_units, lasting, units,
};
use crate::harness::{Harness, RawHash};
use crate::kit::{fresh_id, guide_hash, name, with, without};

/// A session as a step describes it.
pub(super) fn new_session(new: &New, principals: &[Principal]) -> NewSession {
    let fields = new.fields.iter();
    let fields: Fields = fields.map(|(n, v)| (name(*n), (*v).into())).collect();
    let mut session = NewSession::new(fields);
    if let Some(ttl) = new.ttl {
        session = session.ttl(units(ttl));
    }
    if let Some(lifetime) = new.lifetime {
        session = session.max_lifetime(lasting(lifetime));
    }
    if let Some(bind) = new.bind {
        session = session.bind(log_in(bind, principals));
    }
    session
}

fn log_in(bind: operation::LogIn, principals: &[Principal]) -> LogIn {
    let mut log_in = LogIn::new(principals[bind.who].clone());
    log_in.lifetime = bind.lifetime.map(between_units);
    log_in.persistent = bind.persistent;
    log_in.fresh = bind.fresh;
    log_in
}

/// A delta as a step describes it.
pub(super) fn delta(change: &Change, principals: &[Principal]) -> Delta {
    let mut delta = Delta::new().touch(change.touch);
    for field in &change.removals {
        delta = delta.remove(name(*field));
    }
    for (field, value) in &change.sets {
        delta = delta.set(name(*field), *value);
    }
    for (field, by) in &change.counters {
        delta = delta.increment(name(*field), *by);
    }
    if let Some(ttl) = change.ttl {
        delta = delta.ttl(units(ttl));
    }
    delta = match change.binding {
        Some(Binding::Bind(bind)) => delta.bind(log_in(bind, principals)),
        Some(Binding::Unbind) => delta.unbind(),
        None => delta,
    };
    if let Some(Kept {
        names,
        is_conditional,
    }) = &change.kept
    {
        let names = names.iter().map(|text| name(*text));
        delta = match is_conditional {
            true => delta.keep_only_if_principal_changes(names),
            false => delta.keep_only(names),
        };
    }
    for (field, value) in &change.expected {
        delta = match value {
            Some(value) => delta.expect_value(name(*field), *value),
            None => delta.expect_absent(name(*field)),
        };
    }
    if change.is_returning {
        delta = delta.returning_record();
    }
    delta
}

/// Writes a key as a step describes it, under a fresh id.
pub(super) async fn plant(h: &dyn Harness, plant: Plant) -> SessionId {
    let id = fresh_id();
    let hash = |ttl: u32| guide_hash(units(ttl).to_string());
    let far = Some(UNIT * MOST_UNITS);
    let deadline = |hash: RawHash, at: u64| with(hash, "session_deadline", at.to_string());
    let now = h.now().await;
    let in_units = |n| {
        let millis = units(n).as_duration().as_millis();
        now.plus_millis(u64::try_from(millis).expect("a lifetime"))
    };
    let (hash, expires_in) = match plant {
        Plant::Valid { ttl, expires_in } => (hash(ttl), expires_in.map(|n| UNIT * n)),
        Plant::Odd { ttl } => {
            let odd = with(hash(ttl), [0xff, 0xfe], "hidden");
            (with(odd, "created_at", "\0yesterday"), Some(UNIT * ttl))
        }
        Plant::Large { ttl } => {
            let large = (0..6).fold(hash(ttl), |hash, n| with(hash, format!("f{n}"), "1"));
            (large, Some(UNIT * ttl))
        }
        Plant::Deadline { ttl, deadline: at } => (deadline(hash(ttl), in_units(at).get()), far),
        Plant::Reserved { ttl } => {
            let odd = with(hash(ttl), "session_public_id", "none");
            let odd = with(odd, "session_login_at", "never");
            (with(odd, "session_persistent", "1"), Some(UNIT * ttl))
        }
        Plant::Undated => (with(hash(3), "session_principal", "ann"), far),
        Plant::Rotated { until, is_whole } => {
            let hash = if is_whole { hash(3) } else { RawHash::new() };
            let until = until.map_or("soon".to_owned(), |n| in_units(n).get().to_string());
            (with(hash, "session_rotated", until), far)
        }
        Plant::Ended => (deadline(hash(3), now.get() - 1_000_000), far),
        Plant::Ttl(text) => (guide_hash(text), far),
        Plant::MalformedDeadline(text) => (with(hash(3), "session_deadline", text), far),
        Plant::Without(field) => (without(hash(3), field), far),
        Plant::OtherType => {
            h.plant_other_type(&id).await;
            return id;
        }
    };
    h.plant(&id, hash, expires_in).await;
    id
}

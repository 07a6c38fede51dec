//! Requests as script calls: which script, which keys, which arguments in which order.

use bytes::Bytes;
use session_core::steps::{
    InsertRequest, ReadRequest, RemoveRequest, RenameRequest, Write, WriteRequest,
};
use session_core::{
    Effect, Error, FieldChange, Principal, PrincipalLimit, SessionId, Touch, UnixMillis,
};

use crate::key::KeySpace;
use crate::script::{self, Script};
use crate::slot::hash_slot;

pub(crate) mod apart;
pub(crate) mod pages;

/// One script call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The script.
    pub script: &'static Script,
    /// Its keys. In a Redis Cluster they share a slot.
    pub keys: Vec<Bytes>,
    /// Its other arguments.
    pub args: Vec<Bytes>,
    /// It is meant for the node that serves the slot, not for the keys: it must not be led to another.
    pub is_for_node: bool,
}

impl Call {
    /// What is known when the call failed so: a script that changes nothing has changed nothing.
    #[must_use]
    pub fn judged(&self, error: Error) -> Error {
        if self.script.writes() {
            error
        } else {
            error.with_effect(Effect::NotApplied)
        }
    }

    /// The hash slot of its keys.
    pub fn slot(&self) -> u16 {
        self.keys.first().map_or(0, |key| hash_slot(key))
    }
}

/// What the index that has steps of its own lists of a session, before the session's step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Whose index.
    pub(crate) principal: Bytes,
    /// Until when.
    pub(crate) until: UnixMillis,
    /// The deadline that a session gets which has none.
    pub(crate) fresh: UnixMillis,
}

const YES: Bytes = Bytes::from_static(b"1");
const NO: Bytes = Bytes::from_static(b"0");
const NONE: Bytes = Bytes::new();

/// Whether the answer of a read brings the fields, or an `HGETALL` sent with it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldsBy {
    /// The script answers the fields.
    Script,
    /// The caller sends `HGETALL` behind the script; see [`reply::read`](crate::reply::read).
    Hgetall,
}

pub(crate) fn insert(keys: &KeySpace, request: &InsertRequest, listed: Option<&Listed>) -> Call {
    let principal = request.session.principal();
    let hash = request.session.to_hash();
    let mut args = Vec::with_capacity(6 + 2 * hash.len());
    args.push(number(request.session.ttl().as_secs()));
    args.push(match (listed, request.lifetime) {
        (Some(listed), _) => exactly(listed.fresh),
        (None, Some(lifetime)) => millis(lifetime.as_secs()),
        (None, None) => NONE,
    });
    args.push(keys.index_prefix_of_steps().into());
    args.push(principal.as_ref().map_or(NONE, name));
    limit_args(&mut args, request.principal_limit);
    for (name, value) in hash {
        args.push(name);
        args.push(value.into_bytes());
    }
    call(&script::INSERT, vec![keys.session(&request.id)], args)
}

pub(crate) fn read(keys: &KeySpace, request: &ReadRequest, fields: FieldsBy) -> Call {
    let script = match request.touch {
        Touch::Never => &script::PEEK,
        _ => &script::READ,
    };
    let args = vec![
        request.now.to_value().into_bytes(),
        touch(request.touch),
        if fields == FieldsBy::Script { YES } else { NO },
    ];
    call(script, vec![keys.session(&request.id)], args)
}

pub(crate) fn write(keys: &KeySpace, request: &WriteRequest, listed: Option<&Listed>) -> Call {
    let script = if request.write.delta.may_grow() {
        &script::WRITE
    } else {
        &script::WRITE_WITHOUT_GROWTH
    };
    call(
        script,
        vec![keys.session(&request.id)],
        apply_args(keys, &request.write, listed),
    )
}

pub(crate) fn rename(
    from: &KeySpace,
    to: &KeySpace,
    request: &RenameRequest,
    listed: Option<&Listed>,
) -> Call {
    let script = if request.write.delta.may_grow() {
        &script::RENAME
    } else {
        &script::RENAME_WITHOUT_GROWTH
    };
    let session_keys = vec![from.session(&request.from), to.session(&request.to)];
    call(script, session_keys, apply_args(to, &request.write, listed))
}

pub(crate) fn remove(keys: &KeySpace, request: &RemoveRequest) -> Call {
    call(
        &script::REMOVE,
        vec![keys.session(&request.id)],
        vec![keys.index_prefix_of_steps().into(), NONE],
    )
}

pub(crate) fn list(
    keys: &KeySpace,
    principal: &Principal,
    least_score: Bytes,
    page: usize,
) -> Call {
    let args = vec![
        keys.index_prefix().into(),
        name(principal),
        least_score,
        page.to_string().into(),
    ];
    call(&script::LIST, vec![keys.index(principal)], args)
}

pub(crate) fn revoke_page(
    keys: &KeySpace,
    principal: &Principal,
    keep: Option<&SessionId>,
    page: usize,
) -> Call {
    let keep = keep.map_or_else(Vec::new, |id| keys.names(id));
    let mut args = vec![
        keys.index_prefix().into(),
        name(principal),
        page.to_string().into(),
        keep.len().to_string().into(),
    ];
    args.extend(keep.into_iter().map(Bytes::from));
    call(&script::REVOKE, vec![keys.index(principal)], args)
}

pub(crate) fn revoke_one(keys: &KeySpace, principal: &Principal, session: Bytes) -> Call {
    let mut args = vec![keys.index_prefix().into(), name(principal), YES, NO];
    args.extend(keys.names_from(session));
    call(&script::REVOKE, vec![keys.index(principal)], args)
}

fn call(script: &'static Script, keys: Vec<Vec<u8>>, args: Vec<Bytes>) -> Call {
    let keys = keys.into_iter().map(Bytes::from).collect();
    Call {
        script,
        keys,
        args,
        is_for_node: false,
    }
}

fn apply_args(keys: &KeySpace, write: &Write, listed: Option<&Listed>) -> Vec<Bytes> {
    let delta = &write.delta;
    let mut args = Vec::with_capacity(16 + 2 * delta.changes().len());
    args.push(write.now.to_value().into_bytes());
    args.push(touch(delta.touch_policy()));
    args.push(if delta.returns_record() { YES } else { NO });
    args.push(delta.new_ttl().map_or(NONE, |ttl| number(ttl.as_secs())));
    args.push(number(write.limits.fields()));
    args.push(write.limits.session_bytes().map_or(NONE, number));
    args.push(keys.index_prefix_of_steps().into());
    args.push(delta.principal().map_or(NONE, name));
    args.push(match listed {
        Some(listed) => exactly(listed.fresh),
        None => millis(write.principal_lifetime.as_secs()),
    });
    limit_args(&mut args, write.principal_limit);
    args.push(listed.map_or(NONE, |listed| listed.principal.clone()));
    args.push(listed.map_or(NONE, |listed| listed.until.get().to_string().into()));
    let (mut counters, mut sets, mut removals) = (Vec::new(), Vec::new(), Vec::new());
    for (field, change) in delta.changes() {
        let field = Bytes::copy_from_slice(field.as_str().as_bytes());
        match change {
            FieldChange::Increment(by) => counters.extend([field, by.to_string().into()]),
            FieldChange::Set(value) => sets.extend([field, value.clone().into_bytes()]),
            FieldChange::Remove => removals.push(field),
        }
    }
    args.push((counters.len() / 2).to_string().into());
    args.push((sets.len() / 2).to_string().into());
    args.push(removals.len().to_string().into());
    args.extend(counters);
    args.extend(sets);
    args.extend(removals);
    args
}

fn limit_args(args: &mut Vec<Bytes>, limit: Option<PrincipalLimit>) {
    args.push(limit.map_or(NONE, |limit| number(limit.max.get())));
    let evicts = limit.is_some_and(|limit| limit.on_excess == session_core::OnExcess::EvictOldest);
    args.push(if evicts { YES } else { NO });
}

fn touch(policy: Touch) -> Bytes {
    match policy {
        Touch::Always => Bytes::from_static(b"A"),
        Touch::Never => Bytes::from_static(b"N"),
        // The age is judged in whole milliseconds, so "at least" rounds up.
        Touch::IfOlderThan(age) => age.as_nanos().div_ceil(1_000_000).to_string().into(),
    }
}

fn number(number: u32) -> Bytes {
    number.to_string().into()
}

fn millis(seconds: u32) -> Bytes {
    (u64::from(seconds) * 1000).to_string().into()
}

/// A time that is not relative, as the scripts' `time` takes it.
fn exactly(time: UnixMillis) -> Bytes {
    format!("={}", time.get()).into()
}

fn name(principal: &Principal) -> Bytes {
    Bytes::copy_from_slice(principal.as_str().as_bytes())
}

//! Requests as script calls: which script, which keys, which arguments in which order. Each
//! function is the counterpart of the arguments that its script names at its top.

use bytes::Bytes;
use session_core::steps::{
    InsertRequest, ListRequest, ReadRequest, RenameRequest, Write, WriteRequest,
};
use session_core::{
    Binding, Delta, Effect, Error, Expectation, FieldChange, FieldName, KeepWhen, Lifetime,
    ListPosition, OnExcess, Principal, PrincipalLimit, SessionTtl, Timestamp, Touch, UnixMillis,
};

use crate::command::{Args, ArgsBuilder, Command};
use crate::connection::ReadForm;
use crate::key_format::KeyFormat;
use crate::keys::{KeySpace, public_id_of, suffix_in};
use crate::script::{self, Script};
use crate::slot::hash_slot;

pub(crate) mod index;
pub(crate) mod scan;

/// One script call.
#[derive(Debug, Clone)]
pub(crate) struct ScriptCall {
    pub(crate) script: &'static Script,
    /// The number of keys, the keys, and the other arguments.
    args: Args,
    /// Whether the fields of its first key are read behind it, in the same round trip.
    pub(crate) reads_behind: bool,
    /// Whose sessions may end for a limit.
    pub(crate) limited: Option<Principal>,
    /// It is meant for the node that serves the slot, not for the keys: it must not be redirected.
    pub(crate) is_for_node: bool,
}

impl ScriptCall {
    /// What is known when the call failed so: a script that changes nothing has changed nothing.
    pub(crate) fn checked(&self, error: Error) -> Error {
        if self.script.writes() {
            error
        } else {
            error.with_effect(Effect::NotApplied)
        }
    }

    /// The hash slot of its keys.
    pub(crate) fn slot(&self) -> u16 {
        self.args.iter().nth(1).map_or(0, hash_slot)
    }

    /// The first of its keys.
    pub(crate) fn first_key(&self) -> Option<Bytes> {
        self.args.shared().nth(1)
    }

    /// By the script's SHA-1.
    pub(crate) fn evalsha(&self) -> Command {
        Command::with_args("EVALSHA", Some(self.script.sha()), self.args.clone())
    }

    /// By the script's source.
    pub(crate) fn eval(&self) -> Command {
        Command::with_args("EVAL", Some(self.script.source()), self.args.clone())
    }

    /// What is sent behind the script, in the same round trip, if it reads behind it.
    pub(crate) fn behind(&self) -> Command {
        Command::with_args("HGETALL", None, self.args.only(1))
    }
}

/// A script call in the making.
struct Building {
    script: &'static Script,
    args: ArgsBuilder,
    limited: Option<Principal>,
}

impl Building {
    fn with_keys(script: &'static Script, keys: &[&[u8]], args: usize) -> Self {
        let bytes: usize = keys.iter().map(|key| key.len()).sum();
        let mut built = ArgsBuilder::with_capacity(1 + keys.len() + args, bytes + 16 * args + 2);
        built.push_number(keys.len());
        for key in keys {
            built.push(key);
        }
        Self {
            script,
            args: built,
            limited: None,
        }
    }

    fn finish(self) -> ScriptCall {
        ScriptCall {
            script: self.script,
            args: self.args.finish(),
            reads_behind: false,
            limited: self.limited,
            is_for_node: false,
        }
    }
}

/// The session that a principal knows by a public id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) principal: &'a [u8],
    pub(crate) public_id: &'a [u8],
}

impl<'a> Owner<'a> {
    /// The owner of the session with this entry in the principal's index.
    pub(crate) fn of_entry(principal: &'a [u8], entry: &'a [u8]) -> Self {
        let public_id = public_id_of(entry);
        Self {
            principal,
            public_id,
        }
    }
}

fn push_owner(args: &mut ArgsBuilder, owner: Option<Owner<'_>>) {
    args.push_or_empty(owner.map(|owner| owner.principal));
    args.push_or_empty(owner.map(|owner| owner.public_id));
}

/// The entry that a cross-slot index has of a session, before the session's step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Indexed {
    /// Whose index.
    pub(crate) principal: Bytes,
    pub(crate) entry: Bytes,
    /// Until when.
    pub(crate) until: UnixMillis,
    /// The deadline that a session gets which has none.
    pub(crate) fresh: UnixMillis,
}

pub(crate) fn insert(
    keys: &KeySpace,
    request: &InsertRequest,
    indexed: Option<&Indexed>,
) -> ScriptCall {
    let hash = request.session.to_hash();
    let key = keys.session(&request.id);
    let mut call = Building::with_keys(&script::INSERT, &[&key], 8 + 2 * hash.len());
    let args = &mut call.args;
    args.push_number(request.session.configured_ttl().as_secs());
    match (indexed, request.lifetime) {
        (Some(indexed), _) => push_time(args, Time::Exactly(indexed.fresh)),
        (None, Some(lifetime)) => push_time(args, Time::In(lifetime)),
        (None, None) => args.push(b""),
    }
    args.push(&keys.index_prefix_of_steps());
    let principal = request.session.principal();
    args.push_or_empty(principal.as_ref().map(bytes_of));
    let public_id = request.session.public_id();
    args.push_or_empty(public_id.as_ref().map(|id| id.as_str().as_bytes()));
    push_limit(args, request.principal_limit);
    let needs_entry = principal.is_some() && keys.has_cross_slot_index();
    let is_indexed = indexed.is_some() || !needs_entry;
    args.push(if is_indexed { b"1" } else { b"" });
    for (name, value) in &hash {
        args.push(name);
        args.push(value.as_bytes());
    }
    call.limited = principal;
    call.finish()
}

/// Touches the session of this key, if that is due. Returns what remains and the fields: these by
/// the script, or by an `HGETALL` behind it.
pub(crate) fn touch(
    keys: &KeySpace,
    key: &[u8],
    request: &ReadRequest,
    form: ReadForm,
) -> ScriptCall {
    let returns_fields = form == ReadForm::Script;
    let mut call = hot(&script::TOUCH, keys, key, request.now, returns_fields, 1);
    push_touch(&mut call.args, request.touch);
    ScriptCall {
        reads_behind: form == ReadForm::Pipeline,
        ..call.finish()
    }
}

/// Reads the session of this key, if it is the owner's, and slides its expiry if that is due.
pub(crate) fn read(
    keys: &KeySpace,
    key: &[u8],
    owner: Owner<'_>,
    request: &ReadRequest,
) -> ScriptCall {
    let mut call = Building::with_keys(&script::READ, &[key], 5);
    call.args.push(&request.now.to_text());
    push_touch(&mut call.args, request.touch);
    push_owner(&mut call.args, Some(owner));
    call.args.push(&keys.index_prefix_of_steps());
    call.finish()
}

/// Reads the session of this key and changes nothing.
pub(crate) fn peek(key: &[u8], owner: Option<Owner<'_>>) -> ScriptCall {
    let mut call = Building::with_keys(&script::PEEK, &[key], 2);
    push_owner(&mut call.args, owner);
    call.finish()
}

/// What reads the session of this key and when it expires, without a script: the server's time, the
/// expiry, the fields.
pub(crate) fn look(key: &[u8]) -> [Command; 3] {
    let mut args = ArgsBuilder::with_capacity(1, key.len());
    args.push(key);
    let key = args.finish();
    [
        Command::new("TIME", None),
        Command::with_args("PEXPIRETIME", None, key.clone()),
        Command::with_args("HGETALL", None, key),
    ]
}

/// A step on one session that touches it, with so many arguments more.
fn hot(
    script: &'static Script,
    keys: &KeySpace,
    key: &[u8],
    now: Timestamp,
    returns_fields: bool,
    more: usize,
) -> Building {
    let mut call = Building::with_keys(script, &[key], 3 + more);
    call.args.push(&now.to_text());
    call.args.push(&keys.index_prefix_of_steps());
    call.args.push_flag(returns_fields);
    call
}

/// The most fields that the script of simple updates takes: they are on Lua's stack.
const FIELDS_ON_STACK: usize = 1_000;

/// The call of a write that only touches, only sets fields, or only increments one: most do. `None`
/// for another.
pub(crate) fn simple_write(keys: &KeySpace, key: &[u8], write: &Write) -> Option<ScriptCall> {
    let delta = &write.delta;
    let is_simple = delta.touch_policy() == Touch::Always
        && delta.binding().is_none()
        && delta.new_ttl().is_none()
        && delta.kept().is_none()
        && delta.expectations().len() == 0
        && write.limits.session_bytes().is_none();
    if !is_simple || delta.changes().len() > FIELDS_ON_STACK {
        return None;
    }
    let hot = |script, more| hot(script, keys, key, write.now, delta.returns_record(), more);
    let changes = delta.changes();
    match delta.changes().next() {
        None => {
            let mut call = hot(&script::TOUCH, 1);
            push_touch(&mut call.args, Touch::Always);
            Some(call.finish())
        }
        Some((field, FieldChange::Increment(by))) if changes.len() == 1 => {
            let mut call = hot(&script::INCREMENT, 3);
            call.args.push_number(write.limits.fields());
            call.args.push(field.as_str().as_bytes());
            call.args.push_number(by);
            Some(call.finish())
        }
        Some(_) => {
            let mut call = hot(&script::UPDATE, 1 + 2 * changes.len());
            call.args.push_number(write.limits.fields());
            for (field, change) in changes {
                let FieldChange::Set(value) = change else {
                    return None;
                };
                call.args.push(field.as_str().as_bytes());
                call.args.push(value.as_bytes());
            }
            Some(call.finish())
        }
    }
}

pub(crate) fn write(
    keys: &KeySpace,
    key: &[u8],
    owner: Option<Owner<'_>>,
    request: &WriteRequest,
    indexed: Option<&Indexed>,
) -> ScriptCall {
    let script = if request.write.delta.may_grow() {
        &script::WRITE
    } else {
        &script::WRITE_WITHOUT_GROWTH
    };
    apply(script, &[key], keys, owner, &request.write, indexed).finish()
}

pub(crate) fn rename(
    keys: &KeySpace,
    (from, to): (KeyFormat, KeyFormat),
    request: &RenameRequest,
    indexed: Option<&Indexed>,
) -> ScriptCall {
    let script = if request.write.delta.may_grow() {
        &script::RENAME
    } else {
        &script::RENAME_WITHOUT_GROWTH
    };
    let from = keys.session_in(from, &request.from);
    let suffix = suffix_in(to, &request.to);
    let to = keys.with_suffix(&suffix);
    let mut call = apply(script, &[&from, &to], keys, None, &request.write, indexed);
    call.args.push_number(millis_of(request.tombstone_lifetime));
    call.args.push(&suffix);
    call.finish()
}

/// Deletes the session of this key; if an owner is given, only that one's.
pub(crate) fn remove(keys: &KeySpace, key: &[u8], owner: Option<Owner<'_>>) -> ScriptCall {
    removal(keys, key, owner, b"")
}

/// Deletes the session of this key, or the one that its tombstone leads to.
pub(crate) fn remove_following(keys: &KeySpace, key: &[u8]) -> ScriptCall {
    removal(keys, key, None, keys.prefix().as_str().as_bytes())
}

fn removal(keys: &KeySpace, key: &[u8], owner: Option<Owner<'_>>, prefix: &[u8]) -> ScriptCall {
    let mut call = Building::with_keys(&script::REMOVE, &[key], 4);
    call.args.push(&keys.index_prefix_of_steps());
    push_owner(&mut call.args, owner);
    call.args.push(prefix);
    call.finish()
}

/// So many entries of a principal's index from this position on.
pub(crate) fn list(
    keys: &KeySpace,
    request: &ListRequest,
    position: ListPosition,
    count: usize,
) -> ScriptCall {
    let ListRequest {
        principal, fields, ..
    } = request;
    let indexes = keys.indexes(principal);
    let indexes: Vec<&[u8]> = indexes.iter().map(Vec::as_slice).collect();
    let mut call = Building::with_keys(&script::LIST, &indexes, 5 + fields.len());
    call.args.push(&keys.index_prefix());
    call.args.push(bytes_of(principal));
    push_position(&mut call.args, position);
    call.args.push_number(count);
    push_fields(&mut call.args, fields);
    call.finish()
}

/// The entries of a public id among so many of a principal's index.
pub(crate) fn find(index: &[u8], public_id: &str, cursor: &[u8], count: usize) -> ScriptCall {
    let mut call = Building::with_keys(&script::FIND, &[index], 3);
    call.args.push(public_id.as_bytes());
    call.args.push(cursor);
    call.args.push_number(count);
    call.finish()
}

/// Ends the sessions of so many entries of a principal's index, but for those of these keys.
pub(crate) fn revoke(
    keys: &KeySpace,
    principal: &Principal,
    keep: &[Vec<u8>],
    count: usize,
) -> ScriptCall {
    let indexes = keys.indexes(principal);
    let indexes: Vec<&[u8]> = indexes.iter().map(Vec::as_slice).collect();
    let mut call = Building::with_keys(&script::REVOKE, &indexes, 3 + keep.len());
    call.args.push(&keys.index_prefix());
    call.args.push(bytes_of(principal));
    call.args.push_number(count);
    for suffix in keep {
        call.args.push(suffix);
    }
    call.finish()
}

fn apply(
    script: &'static Script,
    session_keys: &[&[u8]],
    keys: &KeySpace,
    owner: Option<Owner<'_>>,
    write: &Write,
    indexed: Option<&Indexed>,
) -> Building {
    let delta = &write.delta;
    let mut call = Building::with_keys(script, session_keys, 27 + 2 * delta.changes().len());
    let args = &mut call.args;
    args.push(&write.now.to_text());
    push_touch(args, delta.touch_policy());
    args.push_flag(delta.returns_record());
    args.push_number_or_empty(delta.new_ttl().map(SessionTtl::as_secs));
    args.push_number(write.limits.fields());
    args.push_number_or_empty(write.limits.session_bytes());
    args.push(&keys.index_prefix_of_steps());
    let log_in = delta.log_in();
    args.push(match delta.binding() {
        Some(Binding::Bind(_)) => b"B",
        Some(_) => b"U",
        None => b"",
    });
    args.push_or_empty(delta.principal().map(bytes_of));
    args.push_or_empty(write.public_id.as_ref().map(|id| id.as_str().as_bytes()));
    match indexed {
        Some(indexed) => push_time(args, Time::Exactly(indexed.fresh)),
        None => push_time(args, Time::In(lifetime_of_binding(write))),
    }
    args.push_flag(log_in.is_some_and(|it| it.lifetime.is_some()));
    args.push_number_or_empty(log_in.and_then(|it| it.persistent).map(u8::from));
    push_limit(args, write.principal_limit);
    match indexed {
        Some(indexed) => args.push_all(&[public_id_of(&indexed.entry), &indexed.principal]),
        None => args.push(b""),
    }
    args.push_number_or_empty(indexed.map(|it| it.until.get()));
    args.push(match delta.kept().map(|kept| kept.when) {
        _ if log_in.is_some_and(|it| it.fresh) => b"F",
        Some(KeepWhen::Always) => b"A",
        Some(KeepWhen::IfPrincipalChanges) => b"P",
        None => b"",
    });
    push_owner(args, owner);
    push_changes(args, delta);
    call.limited = delta.principal().cloned();
    call
}

/// The lifetime that a binding gives to a session that has none.
pub(crate) fn lifetime_of_binding(write: &Write) -> Lifetime {
    let brought = write.delta.log_in().and_then(|log_in| log_in.lifetime);
    brought.unwrap_or(write.principal_lifetime)
}

/// The numbers of expectations, counters, sets, removals and kept fields, and then these.
fn push_changes(args: &mut ArgsBuilder, delta: &Delta) {
    let count = |is_meant: fn(&FieldChange) -> bool| {
        let changes = delta.changes();
        changes.filter(|(_, it)| is_meant(it)).count()
    };
    let is_fresh = delta.log_in().is_some_and(|log_in| log_in.fresh);
    let kept = delta.kept().filter(|_| !is_fresh);
    args.push_number(delta.expectations().len());
    args.push_number(count(|it| matches!(it, FieldChange::Increment(_))));
    args.push_number(count(|it| matches!(it, FieldChange::Set(_))));
    args.push_number(count(|it| matches!(it, FieldChange::Remove)));
    args.push_number(kept.map_or(0, |kept| kept.names.len()));
    for (field, expectation) in delta.expectations() {
        args.push(field.as_str().as_bytes());
        match expectation {
            Expectation::Equals(value) => args.push_all(&[b"=", value.as_bytes()]),
            Expectation::Absent => args.push(b""),
        }
    }
    for (field, change) in delta.changes() {
        if let FieldChange::Increment(by) = change {
            args.push(field.as_str().as_bytes());
            args.push_number(by);
        }
    }
    for (field, change) in delta.changes() {
        if let FieldChange::Set(value) = change {
            args.push(field.as_str().as_bytes());
            args.push(value.as_bytes());
        }
    }
    for (field, change) in delta.changes() {
        if matches!(change, FieldChange::Remove) {
            args.push(field.as_str().as_bytes());
        }
    }
    for field in kept.into_iter().flat_map(|kept| &kept.names) {
        args.push(field.as_str().as_bytes());
    }
}

fn push_position(args: &mut ArgsBuilder, position: ListPosition) {
    args.push_number(position.deadline().get());
    args.push_or_empty(
        position
            .public_id()
            .as_ref()
            .map(|id| id.as_str().as_bytes()),
    );
}

fn push_fields(args: &mut ArgsBuilder, fields: &[FieldName]) {
    for field in fields {
        args.push(field.as_str().as_bytes());
    }
}

fn push_limit(args: &mut ArgsBuilder, limit: Option<PrincipalLimit>) {
    args.push_number_or_empty(limit.map(|limit| limit.max.get()));
    args.push_flag(limit.is_some_and(|limit| limit.on_excess == OnExcess::EvictOldest));
}

fn push_touch(args: &mut ArgsBuilder, touch: Touch) {
    match touch {
        Touch::Always => args.push(b"A"),
        Touch::Never => args.push(b"N"),
        // The age is compared in whole milliseconds, so "at least" rounds up.
        Touch::IfOlderThan(age) => args.push_number(age.as_nanos().div_ceil(1_000_000)),
    }
}

/// A time as the scripts' `time` takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Time {
    /// So long from now on.
    In(Lifetime),
    /// Then.
    Exactly(UnixMillis),
}

fn push_time(args: &mut ArgsBuilder, time: Time) {
    match time {
        Time::In(lifetime) => args.push_number(millis_of(lifetime)),
        Time::Exactly(time) => args.push_number(format_args!("={}", time.get())),
    }
}

fn millis_of(lifetime: Lifetime) -> u64 {
    u64::from(lifetime.as_secs()) * 1000
}

fn bytes_of(principal: &Principal) -> &[u8] {
    principal.as_str().as_bytes()
}

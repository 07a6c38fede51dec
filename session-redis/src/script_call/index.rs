//! Calls of the cross-slot index, and of a principal's sessions one by one.

use bytes::Bytes;
use session_core::{FieldName, ListPosition, PrincipalLimit};

use super::{Building, Owner, ScriptCall, Time, push_fields, push_owner, push_position, push_time};
use crate::command::ArgsBuilder;
use crate::keys::{KeySpace, suffix_of};
use crate::script;

/// An entry to be removed from an index: if its score is still this one, or in any case.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) entry: Bytes,
    pub(crate) score: Option<Bytes>,
}

/// An entry to be added to an index.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub(crate) entry: Bytes,
    /// The suffix of the key that the session has now, if it is stored already.
    pub(crate) suffix: Option<Bytes>,
    /// Until when. A lifetime counts only where there is no such entry yet.
    pub(crate) until: Time,
    pub(crate) limit: Option<PrincipalLimit>,
    /// Whether a full server may refuse it.
    pub(crate) may_grow: bool,
}

pub(crate) fn add(
    keys: &KeySpace,
    principal: &[u8],
    new: &NewEntry,
    removals: &[Removal],
) -> ScriptCall {
    let script = if new.may_grow {
        &script::INDEX_ADD
    } else {
        &script::INDEX_ADD_WITHOUT_GROWTH
    };
    let count = 4 + 2 * removals.len();
    let mut call = Building::with_keys(script, &[&keys.cross_slot_index(principal)], count);
    call.args.push(&new.entry);
    call.args.push_or_empty(new.suffix.as_deref());
    push_time(&mut call.args, new.until);
    call.args
        .push_number_or_empty(new.limit.map(|limit| limit.max.get()));
    push_removals(&mut call.args, removals);
    call.finish()
}

pub(crate) fn remove(keys: &KeySpace, principal: &[u8], removals: &[Removal]) -> ScriptCall {
    let index = keys.cross_slot_index(principal);
    let mut call = Building::with_keys(&script::INDEX_REMOVE, &[&index], 2 * removals.len());
    push_removals(&mut call.args, removals);
    call.finish()
}

/// So many entries from this position on.
pub(crate) fn page(
    keys: &KeySpace,
    principal: &[u8],
    position: ListPosition,
    count: usize,
    removals: &[Removal],
) -> ScriptCall {
    let index = keys.cross_slot_index(principal);
    let mut call = Building::with_keys(&script::INDEX_PAGE, &[&index], 3 + 2 * removals.len());
    push_position(&mut call.args, position);
    call.args.push_number(count);
    push_removals(&mut call.args, removals);
    call.finish()
}

/// Whether the session with this entry is this principal's.
pub(crate) fn member(keys: &KeySpace, principal: &[u8], entry: &[u8]) -> ScriptCall {
    listed(keys, principal, entry, &[])
}

/// What a list shows of the session with this entry, if it is this principal's.
pub(crate) fn listed(
    keys: &KeySpace,
    principal: &[u8],
    entry: &[u8],
    fields: &[FieldName],
) -> ScriptCall {
    let key = keys.with_suffix(suffix_of(entry));
    let mut call = Building::with_keys(&script::MEMBER, &[&key], 2 + fields.len());
    push_owner(&mut call.args, Some(Owner::of_entry(principal, entry)));
    push_fields(&mut call.args, fields);
    call.finish()
}

fn push_removals(args: &mut ArgsBuilder, removals: &[Removal]) {
    for removal in removals {
        args.push(&removal.entry);
        args.push_or_empty(removal.score.as_deref());
    }
}

//! Calls of the cross-slot index, and of a principal's sessions one by one.

use bytes::Bytes;
use session_core::{FieldName, ListPosition, PrincipalLimit};

use super::{Building, Owner, ScriptCall, Time, push_fields, push_owner, push_position, push_time};
use crate::command::ArgsBuilder;
use crate::keys::{KeySpace, suffix_of};
use crate::script;

/// An entry to be removed from the index of this key: if its score is still this one, or in any
/// case.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) index: Bytes,
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

/// Adds an entry to the index that it belongs to, and removes those of that index.
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
    let index = keys.index_of(principal, &new.entry);
    let mut call = Building::with_keys(script, &[&index], 4 + 2 * removals.len());
    call.args.push(&new.entry);
    call.args.push_or_empty(new.suffix.as_deref());
    push_time(&mut call.args, new.until);
    call.args
        .push_number_or_empty(new.limit.map(|limit| limit.max.get()));
    push_removals(&mut call.args, &index, removals);
    call.finish()
}

pub(crate) fn remove(removal: &Removal) -> ScriptCall {
    let mut call = Building::with_keys(&script::INDEX_REMOVE, &[&removal.index], 2);
    push_removals(
        &mut call.args,
        &removal.index,
        std::slice::from_ref(removal),
    );
    call.finish()
}

/// So many entries of an index from this position on. Removes those of this index.
pub(crate) fn page(
    index: &[u8],
    position: ListPosition,
    count: usize,
    removals: &[Removal],
) -> ScriptCall {
    let mut call = Building::with_keys(&script::INDEX_PAGE, &[index], 3 + 2 * removals.len());
    push_position(&mut call.args, position);
    call.args.push_number(count);
    push_removals(&mut call.args, index, removals);
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

fn push_removals(args: &mut ArgsBuilder, index: &[u8], removals: &[Removal]) {
    for removal in removals.iter().filter(|it| it.index == index) {
        args.push(&removal.entry);
        args.push_or_empty(removal.score.as_deref());
    }
}

//! Calls of the index that has steps of its own, and of a principal's sessions one by one.

use bytes::Bytes;
use session_core::{PrincipalLimit, SessionTtl, UnixMillis};

use super::{Call, NONE, call, exactly, millis, number};
use crate::key::KeySpace;
use crate::script;

/// A member that is to leave an index, if its score is still this one, or in any case.
#[derive(Debug, Clone)]
pub(crate) struct Leaving {
    pub(crate) name: Bytes,
    pub(crate) score: Option<Bytes>,
}

/// A session that is to be listed.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: Bytes,
    /// The name whose place it takes.
    pub(crate) replaced: Option<Bytes>,
    pub(crate) until: Until,
    pub(crate) limit: Option<PrincipalLimit>,
    /// Whether a full server may refuse it.
    pub(crate) may_grow: bool,
}

/// Until when a session is to be listed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// So long from now on; or as long as it is listed already.
    Lifetime(SessionTtl),
    /// Until then.
    Exactly(UnixMillis),
}

pub(crate) fn enter(keys: &KeySpace, principal: &[u8], entry: &Entry, leaving: &[Leaving]) -> Call {
    let script = if entry.may_grow {
        &script::ENTER
    } else {
        &script::ENTER_WITHOUT_GROWTH
    };
    let mut args = vec![
        entry.name.clone(),
        entry.replaced.clone().unwrap_or(NONE),
        match entry.until {
            Until::Lifetime(lifetime) => millis(lifetime.as_secs()),
            Until::Exactly(time) => exactly(time),
        },
        entry.limit.map_or(NONE, |limit| number(limit.max.get())),
    ];
    leave_args(&mut args, leaving);
    call(script, vec![keys.index_of(principal)], args)
}

pub(crate) fn leave(keys: &KeySpace, principal: &[u8], leaving: &[Leaving]) -> Call {
    let mut args = Vec::with_capacity(2 * leaving.len());
    leave_args(&mut args, leaving);
    call(&script::LEAVE, vec![keys.index_of(principal)], args)
}

pub(crate) fn page(
    keys: &KeySpace,
    principal: &[u8],
    least_score: Bytes,
    size: usize,
    leaving: &[Leaving],
) -> Call {
    let mut args = vec![least_score, size.to_string().into()];
    leave_args(&mut args, leaving);
    call(&script::PAGE, vec![keys.index_of(principal)], args)
}

pub(crate) fn member(keys: &KeySpace, principal: &Bytes, session: &[u8]) -> Call {
    let key = keys.session_named(session);
    call(&script::MEMBER, vec![key], vec![principal.clone()])
}

/// Ends a session, if it is this principal's.
pub(crate) fn end(keys: &KeySpace, principal: &Bytes, session: &[u8]) -> Call {
    let key = keys.session_named(session);
    call(&script::REMOVE, vec![key], vec![NONE, principal.clone()])
}

fn leave_args(args: &mut Vec<Bytes>, leaving: &[Leaving]) {
    for member in leaving {
        args.push(member.name.clone());
        args.push(member.score.clone().unwrap_or(NONE));
    }
}

//! Calls of the steps that look through the store.

use bytes::Bytes;
use session_core::SessionId;

use super::{Call, NO, NONE, YES, call};
use crate::key::{KeySpace, Topology};
use crate::script;
use crate::slot::tag_of;

/// What a page answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    Sessions,
    Names,
}

/// A page of the keys of the node that serves this slot, from this place on.
pub(crate) fn scan(keys: &KeySpace, slot: u16, position: u64, size: u16, shows: Shows) -> Call {
    // Nothing is stored there; it leads to the node.
    let any_key = format!("{}{{{}}}", keys.prefix(), tag_of(slot));
    let args = vec![
        position.to_string().into(),
        keys.prefix().to_string().into(),
        size.to_string().into(),
        if shows == Shows::Sessions { YES } else { NO },
    ];
    let script = match keys.topology() {
        Topology::OneServer => &script::SCAN,
        Topology::Cluster => &script::SCAN_NODE,
    };
    Call {
        is_for_node: true,
        ..call(script, vec![any_key.into_bytes()], args)
    }
}

/// Whether the session of this name lives.
pub(crate) fn peek(keys: &KeySpace, session: &[u8]) -> Call {
    let args = vec![NONE, Bytes::from_static(b"N"), NO];
    call(&script::PEEK, vec![keys.session_named(session)], args)
}

/// Ends the session of this name, whoever's it is.
pub(crate) fn end(keys: &KeySpace, session: &[u8]) -> Call {
    let args = vec![keys.index_prefix_of_steps().into(), NONE];
    call(&script::REMOVE, vec![keys.session_named(session)], args)
}

/// Gives a session that is stored plainly the key of new sessions.
pub(crate) fn convert(keys: &KeySpace, plain_name: &[u8], id: &SessionId) -> Call {
    let session_keys = vec![keys.session_named(plain_name), keys.session(id)];
    let args = vec![keys.index_prefix_of_steps().into()];
    call(&script::CONVERT, session_keys, args)
}

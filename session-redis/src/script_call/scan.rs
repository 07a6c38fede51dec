//! The call that looks at a page of a server's keys.

use super::{Building, ScriptCall};
use crate::keys::{KeySpace, Topology};
use crate::script;
use crate::slot::tag_of;

/// A page of the keys of the node that serves this slot, from this position on.
pub(crate) fn page(keys: &KeySpace, slot: u16, position: u64, size: u16) -> ScriptCall {
    let script = match keys.topology() {
        Topology::Standalone => &script::SCAN,
        Topology::Cluster => &script::SCAN_NODE,
    };
    // Nothing is stored there; it leads to the node.
    let any_key = format!("{}{{{}}}", keys.prefix(), tag_of(slot));
    let mut call = Building::with_keys(script, &[any_key.as_bytes()], 3);
    call.args.push_number(position);
    call.args.push(keys.prefix().as_str().as_bytes());
    call.args.push_number(size);
    ScriptCall {
        is_for_node: true,
        ..call.finish()
    }
}

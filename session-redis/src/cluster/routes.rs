//! What is known of a cluster's nodes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::map::SlotMap;
use super::masters::Masters;
use crate::endpoint::Endpoint;

/// What is known of a cluster. Shared by all operations of a backend.
#[derive(Debug)]
pub(super) struct Routes {
    seeds: Vec<Endpoint>,
    known: RwLock<Known>,
    is_refreshing: AtomicBool,
    /// Whether any node is unhealthy, so that a success need not look.
    is_any_unhealthy: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    map: SlotMap,
    /// The map may be out of date.
    is_stale: bool,
    /// An operation has waited for these in vain, and they have not replied since.
    unhealthy: HashSet<Endpoint>,
    /// An operation has waited for any node in vain, and none has replied since.
    is_lost: bool,
}

impl Routes {
    /// Of a cluster of which these nodes are known.
    pub(super) fn new(seeds: Vec<Endpoint>) -> Self {
        Self {
            seeds,
            known: RwLock::default(),
            is_refreshing: AtomicBool::new(false),
            is_any_unhealthy: AtomicBool::new(false),
        }
    }

    /// The node that serves a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<Endpoint> {
        self.read().map.owner(slot).cloned()
    }

    /// The same, unless the map may be out of date.
    pub(super) fn certain_owner(&self, slot: u16) -> Option<Endpoint> {
        let known = self.read();
        let owner = (!known.is_stale).then(|| known.map.owner(slot));
        owner.flatten().cloned()
    }

    /// A node said that another serves the slot; others may have moved as well.
    pub(super) fn set_owner(&self, slot: u16, node: Endpoint) {
        let mut known = self.write();
        known.map.set_owner(slot, node);
        known.is_stale = true;
    }

    /// The masters that serve slots, as far as they are known.
    pub(super) fn masters(&self) -> Masters {
        self.read().map.masters()
    }

    /// Whether the map may be out of date.
    pub(super) fn is_stale(&self) -> bool {
        self.read().is_stale
    }

    /// The same; only one operation is told so.
    pub(super) fn take_stale(&self) -> bool {
        self.is_stale() && std::mem::take(&mut self.write().is_stale)
    }

    /// A new map came from a node.
    ///
    /// # Returns
    /// All nodes that are known now, and whether the map is another than before.
    pub(super) fn replace(&self, map: SlotMap) -> (Vec<Endpoint>, bool) {
        let all = [map.nodes(), &self.seeds].concat();
        let mut known = self.write();
        known.unhealthy.retain(|node| all.contains(node));
        known.is_lost = false;
        let is_changed = known.map != map;
        known.map = map;
        (all, is_changed)
    }

    /// All nodes that are known; the unhealthy ones and the avoided one last.
    pub(super) fn candidates(&self, avoided: Option<&Endpoint>) -> Vec<Endpoint> {
        let known = self.read();
        let mut nodes: Vec<Endpoint> = Vec::new();
        for node in known.map.nodes().iter().chain(&self.seeds) {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        nodes.sort_by_key(|node| Some(node) == avoided || known.unhealthy.contains(node));
        nodes
    }

    /// Whether an operation has waited for this node in vain.
    pub(super) fn is_unhealthy(&self, node: &Endpoint) -> bool {
        self.read().unhealthy.contains(node)
    }

    /// An operation has waited for this node in vain.
    pub(super) fn mark_unhealthy(&self, node: &Endpoint) {
        self.write().unhealthy.insert(node.clone());
        self.is_any_unhealthy.store(true, Ordering::Relaxed);
    }

    /// A reply to this operation was lost: the slot may be elsewhere by now.
    pub(super) fn lost_reply_of(&self, node: &Endpoint) {
        self.write().is_stale = true;
        self.mark_unhealthy(node);
    }

    /// A node has replied.
    pub(super) fn mark_healthy(&self, node: &Endpoint) {
        if self.is_any_unhealthy.load(Ordering::Relaxed) {
            let mut known = self.write();
            known.unhealthy.remove(node);
            let is_any = !known.unhealthy.is_empty();
            self.is_any_unhealthy.store(is_any, Ordering::Relaxed);
        }
    }

    /// Whether an operation has waited for any node in vain.
    pub(super) fn is_lost(&self) -> bool {
        self.read().is_lost
    }

    /// An operation has waited for any node in vain.
    pub(super) fn mark_lost(&self) {
        self.write().is_lost = true;
    }

    /// The right to refresh the map, if no operation has it.
    pub(super) fn refresh_lock(&self) -> Option<RefreshLock<'_>> {
        RefreshLock::take(&self.is_refreshing)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to refresh the map; ends when dropped.
pub(super) struct RefreshLock<'a>(&'a AtomicBool);

impl<'a> RefreshLock<'a> {
    fn take(flag: &'a AtomicBool) -> Option<Self> {
        // Made only when it was free: dropping one ends the right, also another's.
        let is_taken = flag.swap(true, Ordering::Acquire);
        (!is_taken).then(|| Self(flag))
    }
}

impl Drop for RefreshLock<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

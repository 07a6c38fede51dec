//! The way of a call to the node that serves its slot.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use session_core::{Effect, Error, ErrorKind};

use super::map::SlotMap;
use super::masters::Masters;
use super::node::Node;
use super::nodes::{Nodes, Question};
use super::verdict::{Pauses, Verdict, verdict};
use crate::call::Call;
use crate::reply::Reply;

/// How often a call follows a node's word where its slot is without a pause.
const HOPS: u32 = 5;

/// What is known of a cluster. Shared by all operations of a backend.
#[derive(Debug)]
pub struct Routes {
    seeds: Vec<Node>,
    known: RwLock<Known>,
    is_refreshing: AtomicBool,
    /// Whether any node is in trouble, so that a success need not look.
    has_trouble: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    map: SlotMap,
    /// The map may be out of date.
    is_stale: bool,
    /// An operation has waited for these in vain, and they have not answered since.
    in_trouble: HashSet<Node>,
    /// An operation has waited for any node in vain, and none has answered since.
    is_lost: bool,
}

impl Routes {
    /// Over a cluster of which these nodes are known.
    pub fn new(seeds: Vec<Node>) -> Self {
        Self {
            seeds,
            known: RwLock::default(),
            is_refreshing: AtomicBool::new(false),
            has_trouble: AtomicBool::new(false),
        }
    }

    /// Carries a call to the node that serves its slot. It is sent again, there or elsewhere, only while the
    /// answers say that it was not carried out, and while the operation has time; the last such answer is the
    /// error then. A node that was waited for in vain is not waited for again until it has answered.
    ///
    /// # Errors
    /// The node's answer, or that no node could be reached.
    pub async fn carry(&self, nodes: &impl Nodes, call: &Call) -> Result<Reply, Error> {
        let slot = call.slot();
        let mut pauses = Pauses::default();
        let mut node = self.first(nodes, slot, &mut pauses).await?;
        let (mut is_asking, mut hops) = (false, 0);
        loop {
            let question = if is_asking {
                Question::RunAsking(call)
            } else {
                Question::Run(call)
            };
            let error = match nodes.ask(&node, question).await {
                Ok(reply) => {
                    self.answered(&node);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Final => return Err(error),
                Verdict::Lost => {
                    self.write().is_stale = true;
                    self.give_up(&node);
                    return Err(error);
                }
                Verdict::Elsewhere {
                    node: to,
                    is_asking: asks,
                } if hops < HOPS => {
                    let to = to.seen_from(&node);
                    if !asks {
                        let mut known = self.write();
                        known.map.set_owner(slot, to.clone());
                        known.is_stale = true;
                    }
                    if call.is_for_node {
                        return Err(error);
                    }
                    hops += 1;
                    (node, is_asking) = (to, asks);
                }
                Verdict::Elsewhere { .. } | Verdict::Later => {
                    if !nodes.pause(pauses.next()).await {
                        return Err(error);
                    }
                    (node, is_asking, hops) = (self.owner(slot).unwrap_or(node), false, 0);
                }
                Verdict::Away => {
                    drop(self.refresh(nodes, Some(&node)).await);
                    let owner = self.owner(slot).unwrap_or_else(|| node.clone());
                    if owner == node {
                        if self.is_in_trouble(&node) {
                            return Err(error);
                        }
                        if !nodes.pause(pauses.next()).await {
                            self.give_up(&node);
                            return Err(error);
                        }
                    }
                    (node, is_asking) = (owner, false);
                }
            }
        }
    }

    /// The answer of any node.
    ///
    /// # Errors
    /// When none answers, the last one's.
    pub async fn ask_any(
        &self,
        nodes: &impl Nodes,
        question: Question<'_>,
    ) -> Result<Reply, Error> {
        let mut failure = unreachable();
        for node in self.candidates(None) {
            match nodes.ask(&node, question).await {
                Ok(reply) => return Ok(reply),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The masters: for a walk that begins as the nodes tell now, else as they are known.
    ///
    /// # Errors
    /// When no node tells, or none serves a slot.
    pub async fn masters(&self, nodes: &impl Nodes, is_beginning: bool) -> Result<Masters, Error> {
        let known = {
            let known = self.read();
            (!known.is_stale).then(|| known.map.masters())
        };
        if let Some(known) = known.filter(|known| !is_beginning && !known.is_empty()) {
            return Ok(known);
        }
        let mut pauses = Pauses::default();
        loop {
            let refreshed = self.refresh(nodes, None).await;
            let masters = self.read().map.masters();
            if !masters.is_empty() {
                return Ok(masters);
            }
            // Another operation may be about to learn the first map: it is waited for.
            let is_another_at_it = matches!(refreshed, Ok(false));
            if !is_another_at_it || !nodes.pause(pauses.next()).await {
                let error = refreshed.err().unwrap_or_else(unreachable);
                return Err(error.with_effect(Effect::NotApplied));
            }
        }
    }

    /// The node to begin with.
    async fn first(
        &self,
        nodes: &impl Nodes,
        slot: u16,
        pauses: &mut Pauses,
    ) -> Result<Node, Error> {
        let is_stale = self.read().is_stale;
        if is_stale && self.take_stale() {
            // Whatever comes of it, the old map may still serve this slot.
            drop(self.refresh(nodes, None).await);
        }
        loop {
            if let Some(owner) = self.owner(slot) {
                return Ok(owner);
            }
            let refreshed = self.refresh(nodes, None).await;
            if let Some(owner) = self.owner(slot) {
                return Ok(owner);
            }
            let error = refreshed.err().unwrap_or_else(unreachable);
            let error = error.with_effect(Effect::NotApplied);
            if self.read().is_lost || !is_transient(&error) {
                return Err(error);
            }
            if !nodes.pause(pauses.next()).await {
                self.write().is_lost = true;
                return Err(error);
            }
        }
    }

    /// Asks the nodes for the map, those without trouble first, until one answers. If another operation is at
    /// it, nothing, and `false`.
    async fn refresh(&self, nodes: &impl Nodes, avoided: Option<&Node>) -> Result<bool, Error> {
        let Some(_turn) = Turn::take(&self.is_refreshing) else {
            return Ok(false);
        };
        let mut failure = unreachable();
        for node in self.candidates(avoided) {
            let answer = nodes.ask(&node, Question::Slots).await;
            match answer.and_then(|answer| SlotMap::parse(answer, &node)) {
                Ok(map) => {
                    let all = [map.nodes(), &self.seeds].concat();
                    nodes.keep(&all);
                    let mut known = self.write();
                    known.in_trouble.retain(|node| all.contains(node));
                    known.is_lost = false;
                    known.map = map;
                    return Ok(true);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// All nodes that are known; those in trouble and the avoided one last.
    fn candidates(&self, avoided: Option<&Node>) -> Vec<Node> {
        let known = self.read();
        let mut nodes: Vec<Node> = Vec::new();
        for node in known.map.nodes().iter().chain(&self.seeds) {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        nodes.sort_by_key(|node| Some(node) == avoided || known.in_trouble.contains(node));
        nodes
    }

    /// Whether the map may be out of date; only one operation is told so.
    fn take_stale(&self) -> bool {
        std::mem::take(&mut self.write().is_stale)
    }

    fn owner(&self, slot: u16) -> Option<Node> {
        self.read().map.owner(slot).cloned()
    }

    fn is_in_trouble(&self, node: &Node) -> bool {
        self.read().in_trouble.contains(node)
    }

    fn give_up(&self, node: &Node) {
        self.write().in_trouble.insert(node.clone());
        self.has_trouble.store(true, Ordering::Relaxed);
    }

    fn answered(&self, node: &Node) {
        if self.has_trouble.load(Ordering::Relaxed) {
            let mut known = self.write();
            known.in_trouble.remove(node);
            self.has_trouble
                .store(!known.in_trouble.is_empty(), Ordering::Relaxed);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Unavailable, Effect::NotApplied)
}

fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// The turn to refresh the map; ends when dropped.
struct Turn<'a>(&'a AtomicBool);

impl<'a> Turn<'a> {
    fn take(flag: &'a AtomicBool) -> Option<Self> {
        // Made only when it was had: dropping it ends the turn, also another's.
        let is_taken = flag.swap(true, Ordering::Acquire);
        (!is_taken).then(|| Self(flag))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;

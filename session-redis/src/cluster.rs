//! A Redis Cluster: which node serves which slot, and what follows when it does not.
//!
//! Neither client's own cluster mode keeps to one attempt per command and to the deadline of the
//! others: redis-rs re-sends what it may have sent (and, told not to, still lets every slot wait
//! while it asks a node that hangs for the new map), fred stops all slots while one master is down,
//! and ends when a slot migrates. So the routing is written here, over connections to single nodes:
//! a command goes to one node, once. It goes to another, or again, only when the node's reply says
//! that it did nothing.

mod map;
mod masters;
mod next_step;
mod route;
mod routes;

use std::collections::HashMap;
use std::fmt;
use std::iter;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use session_core::{Effect, Error, ErrorKind, Result};
use tokio::time::Instant;

pub(crate) use self::map::SlotMap;
pub(crate) use self::masters::{Master, Masters};
use self::next_step::Pauses;
pub(crate) use self::route::Route;
use self::routes::Routes;
use crate::command::Command;
use crate::connection::Connect;
use crate::endpoint::Endpoint;
use crate::near::{Near, Tracking};
use crate::reply::Reply;
use crate::slot::hash_slot;
use crate::supervisor::{Supervision, Supervisor};

/// A cluster, and a connection to each node that is in use.
pub(crate) struct Cluster<C: Connect> {
    routes: Routes,
    how: Arc<Supervision<C>>,
    nodes: RwLock<HashMap<Endpoint, Arc<Supervisor<C>>>>,
}

impl<C: Connect> Cluster<C> {
    /// The cluster of which these nodes are known.
    pub(crate) fn new(how: Arc<Supervision<C>>, seeds: Vec<Endpoint>) -> Self {
        Self {
            routes: Routes::new(seeds),
            how,
            nodes: RwLock::default(),
        }
    }

    /// The reply of any node to a question that all can answer.
    ///
    /// # Errors
    /// When none replies, the last one's.
    pub(crate) async fn ask_any(&self, question: &Command, deadline: Instant) -> Result<Reply> {
        let mut failure = unreachable();
        for node in self.routes.candidates(None) {
            match self.ask(&node, question.clone(), deadline).await {
                Ok(reply) => return Ok(reply),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The masters: as the nodes tell now for a scan that begins, else as they are known.
    ///
    /// # Errors
    /// When no node tells, or none serves a slot.
    pub(crate) async fn masters(&self, is_beginning: bool, deadline: Instant) -> Result<Masters> {
        if !is_beginning && !self.routes.is_stale() {
            let known = self.routes.masters();
            if !known.is_empty() {
                return Ok(known);
            }
        }
        let mut pauses = Pauses::default();
        loop {
            let refreshed = self.refresh(None, deadline).await;
            let masters = self.routes.masters();
            if !masters.is_empty() {
                return Ok(masters);
            }
            // Another operation may be about to learn the first map: it is waited for.
            let is_another_at_it = matches!(refreshed, Ok(false));
            if !is_another_at_it || !pause(pauses.next(), deadline).await {
                let error = refreshed.err().unwrap_or_else(unreachable);
                return Err(error.with_effect(Effect::NotApplied));
            }
        }
    }

    /// The nodes that are masters now.
    ///
    /// # Errors
    /// As [`masters`](Self::masters).
    pub(crate) async fn master_nodes(&self, deadline: Instant) -> Result<Vec<Arc<Supervisor<C>>>> {
        let masters = self.masters(true, deadline).await?;
        let all = iter::successors(masters.first(), |master| masters.after(master));
        let owners = all.filter_map(|master| self.routes.owner(master.least_slot()));
        Ok(owners.map(|owner| self.node(&owner)).collect())
    }

    /// The node to begin with.
    async fn first_node(
        &self,
        slot: u16,
        pauses: &mut Pauses,
        deadline: Instant,
    ) -> Result<Endpoint> {
        if self.routes.take_stale() {
            // Whatever comes of it, the old map may still serve this slot.
            drop(self.refresh(None, deadline).await);
        }
        loop {
            if let Some(owner) = self.routes.owner(slot) {
                return Ok(owner);
            }
            let refreshed = self.refresh(None, deadline).await;
            if let Some(owner) = self.routes.owner(slot) {
                return Ok(owner);
            }
            let error = refreshed.err().unwrap_or_else(unreachable);
            let error = error.with_effect(Effect::NotApplied);
            let is_transient = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout);
            if self.routes.is_lost() || !is_transient {
                return Err(error);
            }
            if !pause(pauses.next(), deadline).await {
                self.routes.mark_lost();
                return Err(error);
            }
        }
    }

    /// Asks the nodes for the map, the healthy ones first, until one replies. If another operation
    /// is at it, nothing, and `false`.
    async fn refresh(&self, avoided: Option<&Endpoint>, deadline: Instant) -> Result<bool> {
        let Some(_lock) = self.routes.refresh_lock() else {
            return Ok(false);
        };
        let slots = Command::new("CLUSTER", Some("SLOTS"));
        let mut failure = unreachable();
        for node in self.routes.candidates(avoided) {
            let reply = self.ask(&node, slots.clone(), deadline).await;
            match reply.and_then(|reply| SlotMap::parse(reply, &node)) {
                Ok(map) => {
                    let (nodes, is_changed) = self.routes.replace(map);
                    self.keep_nodes(&nodes);
                    if is_changed {
                        self.clear_near();
                    }
                    return Ok(true);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// A question that any node can answer: it gets a third of the time that is left, so that
    /// another node can be asked. It changes nothing.
    async fn ask(&self, node: &Endpoint, question: Command, deadline: Instant) -> Result<Reply> {
        let now = Instant::now();
        let until = now + deadline.saturating_duration_since(now) / 3;
        let reply = match self.node(node).lease(until).await {
            Ok(lease) => lease.ask(question, until).await,
            Err(error) => Err(error),
        };
        reply.map_err(|error| error.with_effect(Effect::NotApplied))
    }

    pub(crate) fn near(&self) -> Option<&Arc<Near>> {
        self.how.near()
    }

    /// What the connection to the node that serves the key has to do with the near cache; nothing
    /// where that may be another node.
    pub(crate) fn tracking(&self, key: &[u8]) -> Option<Arc<Tracking>> {
        self.how.near()?;
        let owner = self.routes.certain_owner(hash_slot(key))?;
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.get(&owner)?.tracking()
    }

    /// Some keys are served by other nodes now.
    fn clear_near(&self) {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        for tracking in nodes.values().filter_map(|node| node.tracking()) {
            tracking.clear();
        }
    }

    fn node(&self, endpoint: &Endpoint) -> Arc<Supervisor<C>> {
        let known = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = known.get(endpoint) {
            return Arc::clone(node);
        }
        drop(known);
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        let node = nodes
            .entry(endpoint.clone())
            .or_insert_with(|| Arc::new(Supervisor::new(Arc::clone(&self.how), endpoint.clone())));
        Arc::clone(node)
    }

    /// Those that left the cluster's map are supervised no more.
    fn keep_nodes(&self, endpoints: &[Endpoint]) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|endpoint, _| endpoints.contains(endpoint));
    }
}

impl<C: Connect> fmt::Debug for Cluster<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

/// Waits that long; or not at all, and `false`, if less time than that would be left then: what is
/// sent when the time is nearly over has an outcome that nobody learns.
async fn pause(duration: Duration, deadline: Instant) -> bool {
    if Instant::now() + 2 * duration >= deadline {
        return false;
    }
    tokio::time::sleep(duration).await;
    true
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Unavailable, Effect::NotApplied)
}

#[cfg(test)]
mod tests;

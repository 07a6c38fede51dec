//! The way of one call through a cluster.

use session_core::{Error, Result};
use tokio::time::Instant;

use super::next_step::{NextStep, Pauses};
use super::{Cluster, pause};
use crate::connection::Connect;
use crate::endpoint::Endpoint;
use crate::script_call::ScriptCall;
use crate::supervisor::Lease;

/// How often a call follows redirections without a pause.
pub(super) const HOPS: u32 = 5;

/// The way of one call through a cluster: to the node that serves its slot. It is sent again, there
/// or elsewhere, only while the replies say that it did not run, and before the deadline; the last
/// such reply is the error then. A node that was waited for in vain is not waited for again until
/// it has replied.
pub(crate) struct Route<'a, C: Connect> {
    cluster: &'a Cluster<C>,
    slot: u16,
    /// The call is meant for the node, not for its keys.
    is_for_node: bool,
    node: Option<Endpoint>,
    /// The slot is migrating to the node, which serves it behind `ASKING` only.
    is_asking: bool,
    hops: u32,
    pauses: Pauses,
}

impl<'a, C: Connect> Route<'a, C> {
    pub(crate) fn of(cluster: &'a Cluster<C>, call: &ScriptCall) -> Self {
        Self {
            cluster,
            slot: call.slot(),
            is_for_node: call.is_for_node,
            node: None,
            is_asking: false,
            hops: 0,
            pauses: Pauses::default(),
        }
    }

    /// The connection to send the call over.
    pub(crate) async fn lease(&mut self, deadline: Instant) -> Result<Lease<C>> {
        let node = match &mut self.node {
            Some(node) => node,
            none => {
                let first = self
                    .cluster
                    .first_node(self.slot, &mut self.pauses, deadline);
                none.insert(first.await?)
            }
        };
        self.cluster.node(node).lease(deadline).await
    }

    /// Whether the call is to be sent behind `ASKING`.
    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// The node has replied.
    pub(crate) fn replied(&self) {
        if let Some(node) = &self.node {
            self.cluster.routes.mark_healthy(node);
        }
    }

    /// What follows when the call failed so: it is to be sent again, or the error is the result.
    pub(crate) async fn after(&mut self, error: Error, deadline: Instant) -> Result<()> {
        let Some(node) = self.node.clone() else {
            return Err(error);
        };
        let routes = &self.cluster.routes;
        match NextStep::after(&error) {
            NextStep::Return => return Err(error),
            NextStep::OutcomeUnknown => {
                routes.lost_reply_of(&node);
                return Err(error);
            }
            NextStep::Redirect { to, is_asking } if self.hops < HOPS => {
                let to = to.seen_from(&node);
                if !is_asking {
                    routes.set_owner(self.slot, to.clone());
                }
                if self.is_for_node {
                    return Err(error);
                }
                self.hops += 1;
                self.is_asking = is_asking;
                self.node = Some(to);
            }
            NextStep::Redirect { .. } | NextStep::TryAgain => {
                if !pause(self.pauses.next(), deadline).await {
                    return Err(error);
                }
                (self.is_asking, self.hops) = (false, 0);
                self.node = Some(routes.owner(self.slot).unwrap_or(node));
            }
            NextStep::NodeDown => {
                // Whatever comes of it, the old map may still serve this slot.
                drop(self.cluster.refresh(Some(&node), deadline).await);
                let owner = routes.owner(self.slot).unwrap_or_else(|| node.clone());
                if owner == node {
                    if routes.is_unhealthy(&node) {
                        return Err(error);
                    }
                    if !pause(self.pauses.next(), deadline).await {
                        routes.mark_unhealthy(&node);
                        return Err(error);
                    }
                }
                self.is_asking = false;
                self.node = Some(owner);
            }
        }
        Ok(())
    }
}

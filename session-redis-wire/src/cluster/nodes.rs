//! How a client reaches nodes.

use std::time::Duration;

use session_core::Error;

use super::node::Node;
use crate::call::Call;
use crate::reply::Reply;

/// What a node is asked.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// To run a script.
    Run(&'a Call),
    /// To run a script on a slot that is on its way to the node: behind `ASKING`, in one round trip.
    RunAsking(&'a Call),
    /// `CLUSTER SLOTS`.
    Slots,
    /// `INFO server`.
    Info,
    /// `PING`.
    Ping,
}

impl Question<'_> {
    /// Whether it may take all the time of the operation. Any node can answer the others: a third of the time
    /// that is left must do, so that another can be asked.
    pub fn may_take_all_time(&self) -> bool {
        matches!(self, Self::Run(_) | Self::RunAsking(_))
    }
}

/// How one operation of a client reaches the nodes of a cluster.
pub trait Nodes: Sync {
    /// The node's answer, within the operation's time. Sent once.
    fn ask(
        &self,
        node: &Node,
        question: Question<'_>,
    ) -> impl Future<Output = Result<Reply, Error>> + Send;

    /// Waits that long; or not at all, and `false`, if the operation's time would be over by then.
    fn pause(&self, duration: Duration) -> impl Future<Output = bool> + Send;

    /// These are the nodes of the cluster: connections to others can go.
    fn keep(&self, nodes: &[Node]);
}

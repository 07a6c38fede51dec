//! A Redis Cluster: which node serves which slot, and what follows when it does not.
//!
//! Neither client's own cluster mode keeps to one attempt per command and to the deadline of the others:
//! redis-rs re-sends what it may have sent (and, told not to, still lets every slot wait while it asks a
//! node that hangs for the new map), fred stops all slots while one master is away, and ends when a slot is
//! on its way. So the routing is written here, over connections to single nodes, which each client has
//! and which are proven by themselves: a command goes to one node, once. It goes to another, or goes
//! again, only when the node's answer says that it did nothing.

mod map;
mod masters;
mod node;
mod nodes;
mod routes;
mod verdict;

pub(crate) use self::masters::Master;
pub use self::masters::Masters;
pub use self::node::{ClusterUrl, Node};
pub use self::nodes::{Nodes, Question};
pub use self::routes::Routes;

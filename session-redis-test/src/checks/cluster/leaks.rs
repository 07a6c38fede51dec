//! What somebody gains who reads all that a cluster's nodes store and log.

use crate::checks::leaks::{examine, telling_all};
use crate::harness::Connect;
use crate::{Cluster, RedisServer};

/// As [`ids_hashed_at_rest_leave_nothing_usable`](crate::checks::ids_hashed_at_rest_leave_nothing_usable), on
/// all nodes of a cluster.
///
/// # Panics
/// When it is not so.
pub async fn ids_hashed_at_rest_leave_nothing_usable_on_any_node(connect: Connect) {
    let cluster = Cluster::start_with(3, telling_all(RedisServer::builder())).await;
    examine(connect, &cluster.url(), cluster.nodes()).await;
}

//! One server, and two clusters, for all tests of a process.

use tokio::sync::OnceCell;

use crate::{Cluster, RedisServer};

/// The server all tests of this process share, started at the first call.
///
/// Tests that use it keep to keys below their own [`unique_prefix`](crate::unique_prefix), and
/// change nothing that concerns the server as a whole: no `FLUSHALL`, no `SCRIPT FLUSH`, no
/// `CONFIG SET`. It cannot be killed or stopped; a test that wants that starts its own.
///
/// Under cargo-nextest every test is a process, so every test has a server of its own, for the
/// few hundredths of a second that starting one takes.
pub async fn shared() -> &'static RedisServer {
    static SHARED: OnceCell<RedisServer> = OnceCell::const_new();
    SHARED.get_or_init(RedisServer::start).await
}

/// The cluster of three masters that all tests of this process share, started at the first call.
/// The same holds as for [`shared`].
pub async fn shared_cluster() -> &'static Cluster {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    SHARED.get_or_init(|| Cluster::start(3)).await
}

/// The cluster of one master that all tests of this process share, started at the first call. The
/// same holds as for [`shared`].
pub async fn shared_node() -> &'static Cluster {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    SHARED.get_or_init(|| Cluster::start(1)).await
}

//! The connection that carries the calls.

use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::{Pipeline, RedisResult, Value};

pub(crate) use self::sealed::{IntoLink, Link};

/// A connection to one server, which sends each command once.
///
/// Implemented by [`ConnectionManager`] and [`MultiplexedConnection`], and sealed: a
/// `ClusterConnection` sends a command again when its answer is late, and would count twice. For a cluster
/// there is [`RedisRsBackend::cluster_builder`](crate::RedisRsBackend::cluster_builder).
pub trait SingleServer: IntoLink {}

impl SingleServer for ConnectionManager {}
impl SingleServer for MultiplexedConnection {}

mod sealed {
    use super::{ConnectionManager, MultiplexedConnection};

    pub trait IntoLink {
        fn into_link(self) -> Link;
    }

    /// One of the connections that the backend can use.
    #[derive(Clone)]
    #[allow(
        missing_debug_implementations,
        reason = "not reachable from outside the crate"
    )]
    pub enum Link {
        Managed(ConnectionManager),
        Plain(MultiplexedConnection),
    }

    impl IntoLink for ConnectionManager {
        fn into_link(self) -> Link {
            Link::Managed(self)
        }
    }

    impl IntoLink for MultiplexedConnection {
        fn into_link(self) -> Link {
            Link::Plain(self)
        }
    }
}

impl Link {
    /// Sends the commands in one round trip; each has an answer or an error of its own.
    pub(crate) async fn send(&self, commands: &Pipeline) -> RedisResult<Vec<RedisResult<Value>>> {
        // A clone shares the one connection.
        match self.clone() {
            Self::Managed(mut connection) => commands.query_async(&mut connection).await,
            Self::Plain(mut connection) => commands.query_async(&mut connection).await,
        }
    }
}

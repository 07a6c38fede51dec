//! A proxy before a server, and clients on both sides.

use redis::AsyncCommands;
use session_redis_test::{Proxy, RedisServer};
use tokio::time::timeout;

use super::{SOON, Talk};

pub(crate) const PING: &str = "PING";
pub(crate) const PONG: &str = "+PONG\r\n";

/// A server, a proxy before it, and one connection each to both.
pub(crate) struct Rig {
    pub(crate) server: RedisServer,
    pub(crate) proxy: Proxy,
    pub(crate) talk: Talk,
    pub(crate) behind: Talk,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let server = RedisServer::start().await;
        let proxy = Proxy::start(server.addr()).await;
        let mut talk = Talk::to(proxy.addr()).await;
        talk.ask(PING, PONG).await;
        let behind = Talk::to(server.addr()).await;
        Self {
            server,
            proxy,
            talk,
            behind,
        }
    }

    /// Waits until the server has counted so far.
    pub(crate) async fn until_counter_is(&self, value: u64) {
        let mut connection = self.server.connection().await;
        let counting = async {
            while connection.get::<_, Option<u64>>("counter").await.unwrap() != Some(value) {}
        };
        timeout(SOON, counting).await.unwrap();
    }

    /// A new connection through the proxy.
    pub(crate) async fn another(&self) -> Talk {
        Talk::to(self.proxy.addr()).await
    }
}

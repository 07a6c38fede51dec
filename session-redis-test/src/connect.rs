//! Connections to servers on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};

/// The loopback address with this port.
pub(crate) fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A connection on which neither connecting nor a command may take longer than `limit`.
pub(crate) async fn connect(port: u16, limit: Duration) -> RedisResult<MultiplexedConnection> {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limit))
        .set_response_timeout(Some(limit));
    Client::open(format!("redis://{}", address(port)))?
        .get_multiplexed_async_connection_with_config(&settings)
        .await
}

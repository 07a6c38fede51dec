//! Connections to servers on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult};
use tokio::time::{Instant, sleep};

/// How long to wait between two looks at something that will come.
const POLL: Duration = Duration::from_millis(10);
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

/// Sends a command, its words separated by spaces.
pub(crate) async fn send<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &str,
) -> RedisResult<T> {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap_or_default());
    command.arg(words.collect::<Vec<_>>());
    command.query_async(connection).await
}

/// The value of the line `NAME:value` in a reply to `INFO` or `CLUSTER INFO`.
pub(crate) fn info_field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines()
        .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// Looks again and again, until there is a result. Panics when there is none within `limit`.
pub(crate) async fn until<T, E: std::fmt::Debug>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match look().await {
            Ok(result) => return result,
            Err(error) => {
                let is_late = Instant::now() >= deadline;
                assert!(!is_late, "{what}: not within {limit:?}: {error:?}");
            }
        }
        sleep(POLL).await;
    }
}

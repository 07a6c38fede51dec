//! Connections of the `redis` crate: made, used, and their end noticed.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisConnectionInfo,
};
use session_core::{Effect, Error, ErrorKind, Result};
use session_redis::{
    Command, Connect, Connection, Endpoint, PushSink, ReadForm, Reply, ServerError,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::convert;

pub(crate) use self::sealed::{Given, IntoGiven};

/// How many commands wait for the socket before senders wait too.
const PIPELINE_BUFFER: usize = 1024;
/// When a silent peer is asked whether it is there, and how often again.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged before the connection counts as broken.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes connections of the `redis` crate; or gives out the one that the application has.
#[derive(Debug)]
pub struct RedisRsConnect(Source);

#[derive(Debug)]
enum Source {
    /// Connections of its own, with these credentials and settings.
    Own(RedisConnectionInfo),
    Given(Given),
}

impl RedisRsConnect {
    /// Connections with the credentials and settings of this one, whose address is not used.
    pub(crate) fn like(info: &ConnectionInfo) -> Self {
        Self(Source::Own(info.redis_settings().clone()))
    }

    /// Always this connection.
    pub(crate) fn given(connection: Given) -> Self {
        Self(Source::Given(connection))
    }
}

/// Where a connection leads; nothing for an address that this crate does not serve.
pub(crate) fn endpoint(address: &ConnectionAddr) -> Option<Endpoint> {
    match address {
        ConnectionAddr::Tcp(host, port) => Some(Endpoint::tcp(host.as_str(), *port)),
        ConnectionAddr::Unix(path) => Some(Endpoint::unix(path.as_path())),
        _ => None,
    }
}

impl Connect for RedisRsConnect {
    type Connection = RedisRsConnection;

    const READ_FORM: ReadForm = ReadForm::Pipeline;

    async fn connect(&self, endpoint: &Endpoint, _: PushSink) -> Result<RedisRsConnection> {
        let settings = match &self.0 {
            Source::Own(settings) => settings,
            Source::Given(given) => return Ok(RedisRsConnection(Kind::Given(given.clone()))),
        };
        match own(endpoint, settings).await {
            // A proxy, or an account, that knows no HELLO: the older protocol says as much.
            Err(error) if settings.protocol() != ProtocolVersion::RESP2 && is_refused(&error) => {
                let settings = settings.clone().set_protocol(ProtocolVersion::RESP2);
                own(endpoint, &settings).await
            }
            made => made,
        }
    }
}

async fn own(endpoint: &Endpoint, settings: &RedisConnectionInfo) -> Result<RedisRsConnection> {
    match endpoint {
        Endpoint::Tcp { host, port } => {
            let address = (&**host, *port);
            let stream = TcpStream::connect(address).await.map_err(not_connected)?;
            configure(&stream).map_err(not_connected)?;
            over(stream, settings).await
        }
        Endpoint::Unix { path } => {
            let stream = UnixStream::connect(path).await.map_err(not_connected)?;
            over(stream, settings).await
        }
        _ => Err(not_sent(ErrorKind::Config)),
    }
}

/// Whether the server answered, and with another refusal than that of a password.
fn is_refused(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let server = source.and_then(|source| source.downcast_ref::<ServerError>());
    server.is_some_and(|server| !matches!(server.code(), "NOAUTH" | "WRONGPASS"))
}

/// So that a way that swallows everything is noticed, though nobody closes the connection. The
/// client leaves Nagle's algorithm on.
fn configure(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

/// The client's connection over a stream, handshake included.
async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    settings: &RedisConnectionInfo,
) -> Result<RedisRsConnection> {
    let config = AsyncConnectionConfig::new()
        // Operations have deadlines of their own.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE_BUFFER);
    // The database is selected below: the client keeps to itself why the server refuses it.
    let database = settings.db();
    let settings = settings.clone().set_db(0);
    let connecting = MultiplexedConnection::new_with_config(&settings, stream, config);
    // Nothing but the handshake was sent.
    let failed = |error| convert::error(error).with_effect(Effect::NotApplied);
    let (mut connection, driver) = connecting.await.map_err(failed)?;
    let (is_open, closed) = watch::channel(());
    // The driver ends when the connection closes, and when its last clone is dropped.
    let driver = tokio::spawn(async move {
        driver.await;
        drop(is_open);
    });
    let driver = Arc::new(Driver(driver.abort_handle()));
    if database != 0 {
        let select = redis::cmd("SELECT").arg(database).to_owned();
        select.exec_async(&mut connection).await.map_err(failed)?;
    }
    Ok(RedisRsConnection(Kind::Own {
        connection,
        closed,
        _driver: driver,
    }))
}

/// The task that reads and writes for a connection, which ends with it.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection of the `redis` crate.
#[derive(Clone)]
pub struct RedisRsConnection(Kind);

impl std::fmt::Debug for RedisRsConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisRsConnection")
    }
}

#[derive(Clone)]
enum Kind {
    Own {
        connection: MultiplexedConnection,
        /// Has an error once the driver has ended.
        closed: watch::Receiver<()>,
        _driver: Arc<Driver>,
    },
    Given(Given),
}

impl Connection for RedisRsConnection {
    async fn send(&self, commands: &[Command], _: Instant) -> Vec<Result<Reply>> {
        match &self.0 {
            Kind::Own { closed, .. } if closed.has_changed().is_err() => {
                let closed = || Err(not_sent(ErrorKind::Unavailable));
                commands.iter().map(|_| closed()).collect()
            }
            // A clone shares the one connection.
            Kind::Own { connection, .. } => send(connection.clone(), commands).await,
            Kind::Given(Given::Managed(connection)) => send(connection.clone(), commands).await,
            Kind::Given(Given::Plain(connection)) => send(connection.clone(), commands).await,
        }
    }

    async fn closed(&self) {
        match &self.0 {
            Kind::Own { closed, .. } => {
                // Nothing is ever sent: the error is all that comes.
                let _ = closed.clone().changed().await;
            }
            Kind::Given(_) => std::future::pending().await,
        }
    }
}

async fn send(mut connection: impl ConnectionLike, commands: &[Command]) -> Vec<Result<Reply>> {
    if let [command] = commands {
        let command = convert::command(command);
        let reply = connection.req_packed_command(&command).await;
        return vec![reply.map_err(convert::error).and_then(convert::reply)];
    }
    let mut pipeline = redis::Pipeline::with_capacity(commands.len());
    for command in commands {
        pipeline.add_command(convert::command(command));
    }
    // Each command's own error is among the values.
    match connection
        .req_packed_commands(&pipeline, 0, commands.len())
        .await
    {
        Ok(values) => values.into_iter().map(convert::reply).collect(),
        Err(error) => commands
            .iter()
            .map(|_| Err(convert::error(error.clone())))
            .collect(),
    }
}

fn not_connected(error: std::io::Error) -> Error {
    not_sent(ErrorKind::Unavailable).with_source(error)
}

fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}

/// A connection to one server, which sends each command once.
///
/// Implemented by [`ConnectionManager`] and [`MultiplexedConnection`], and sealed: a
/// `ClusterConnection` sends a command again when its reply is late, and would count twice. For a
/// cluster there is [`RedisRsBackend::cluster_builder`](crate::RedisRsBackend::cluster_builder).
pub trait SingleServer: IntoGiven {}

impl SingleServer for ConnectionManager {}
impl SingleServer for MultiplexedConnection {}

mod sealed {
    use std::fmt;

    use super::{ConnectionManager, MultiplexedConnection};

    pub trait IntoGiven {
        fn into_given(self) -> Given;
    }

    /// A connection that the application has.
    #[derive(Clone)]
    pub enum Given {
        Managed(ConnectionManager),
        Plain(MultiplexedConnection),
    }

    impl fmt::Debug for Given {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Given")
        }
    }

    impl IntoGiven for ConnectionManager {
        fn into_given(self) -> Given {
            Given::Managed(self)
        }
    }

    impl IntoGiven for MultiplexedConnection {
        fn into_given(self) -> Given {
            Given::Plain(self)
        }
    }
}

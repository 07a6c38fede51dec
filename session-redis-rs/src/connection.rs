//! Connections of the `redis` crate: made, used, and their end noticed.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo};
use session_core::{Effect, Error, ErrorKind, Result};
use session_redis::Tls;
use session_redis::{
    Command, Connect, Connection, Credentials, Endpoint, NearCacheRefused, PushSink, ReadForm,
    Reply, ServerError, ServerUrl,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::batched::Batched;
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
    Own(Own),
    Given(Given),
}

/// How connections of its own are made.
#[derive(Debug)]
struct Own {
    protocol: ProtocolVersion,
    database: u16,
    tls: Option<Tls>,
}

impl RedisRsConnect {
    /// Connections such as this URL asks for.
    pub(crate) fn to(url: &ServerUrl) -> Self {
        Self(Source::Own(Own {
            protocol: match url.is_resp3 {
                true => ProtocolVersion::RESP3,
                false => ProtocolVersion::RESP2,
            },
            database: url.database,
            tls: url.tls.clone(),
        }))
    }

    /// Always this connection.
    pub(crate) fn given(connection: Given) -> Self {
        Self(Source::Given(connection))
    }
}

impl Connect for RedisRsConnect {
    type Connection = RedisRsConnection;

    const OFFERS_TLS: bool = true;

    const READ_FORM: ReadForm = ReadForm::Pipeline;

    const DELIVERS_PUSHES: bool = true;

    async fn connect(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
        pushes: PushSink,
    ) -> Result<RedisRsConnection> {
        let own = match &self.0 {
            Source::Own(own) => own,
            Source::Given(given) => return Ok(RedisRsConnection(Kind::Given(given.clone()))),
        };
        let mut settings = RedisConnectionInfo::default().set_protocol(own.protocol);
        if let Some(username) = &credentials.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &credentials.password {
            settings = settings.set_password(password);
        }
        match own.connect(endpoint, &settings, &pushes).await {
            Err(error)
                if own.protocol != ProtocolVersion::RESP2
                    && ServerError::refuses_protocol(&error) =>
            {
                if !pushes.is_ignored() {
                    // In RESP2 a server tracks keys, and says nothing.
                    return Err(NearCacheRefused::Protocol.into());
                }
                let settings = settings.set_protocol(ProtocolVersion::RESP2);
                own.connect(endpoint, &settings, &pushes).await
            }
            made => made,
        }
    }
}

impl Own {
    async fn connect(
        &self,
        endpoint: &Endpoint,
        settings: &RedisConnectionInfo,
        pushes: &PushSink,
    ) -> Result<RedisRsConnection> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let address = (&**host, *port);
                let stream = TcpStream::connect(address).await.map_err(not_connected)?;
                configure(&stream).map_err(not_connected)?;
                if let Some(tls) = &self.tls {
                    return self.encrypted(stream, host, tls, settings, pushes).await;
                }
                self.over(stream, settings, pushes)
                    .await
                    .map_err(convert::not_connected)
            }
            Endpoint::Unix { path } => {
                let stream = UnixStream::connect(path).await.map_err(not_connected)?;
                self.over(stream, settings, pushes)
                    .await
                    .map_err(convert::not_connected)
            }
            _ => Err(not_sent(ErrorKind::Config)),
        }
    }

    async fn encrypted(
        &self,
        stream: TcpStream,
        host: &str,
        tls: &Tls,
        settings: &RedisConnectionInfo,
        pushes: &PushSink,
    ) -> Result<RedisRsConnection> {
        let handshake = tls.handshake().await?;
        let connector = tokio_rustls::TlsConnector::from(handshake.config());
        let stream = connector.connect(tls.name_of(host)?, stream).await;
        let stream = stream.map_err(|error| {
            let text = format!("{error:?}");
            handshake.explain(not_connected(error), &text)
        })?;
        // With TLS 1.3 the server looks at the client's certificate after the handshake.
        let made = self.over(stream, settings, pushes).await;
        made.map_err(|error| {
            let text = format!("{error:?}");
            handshake.explain(convert::not_connected(error), &text)
        })
    }

    /// The client's connection over a stream, handshake included.
    async fn over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        settings: &RedisConnectionInfo,
        pushes: &PushSink,
    ) -> redis::RedisResult<RedisRsConnection> {
        let mut config = AsyncConnectionConfig::new()
            // Operations have deadlines of their own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        // It is refused in RESP2.
        if !pushes.is_ignored() {
            let pushes = pushes.clone();
            let hand_on = move |push| {
                if let Some(push) = convert::push(push) {
                    pushes.push(push);
                }
                Ok::<_, std::convert::Infallible>(())
            };
            config = config.set_push_sender(hand_on);
        }
        let stream = Batched::new(stream);
        let connecting = MultiplexedConnection::new_with_config(settings, stream, config);
        let (mut connection, driver) = connecting.await?;
        let (is_open, closed) = watch::channel(());
        // The driver ends when the connection closes, and when its last clone is dropped.
        let driver = tokio::spawn(async move {
            driver.await;
            drop(is_open);
        });
        let driver = Arc::new(Driver(driver.abort_handle()));
        // Not by the client, which keeps to itself why the server refuses it.
        if self.database != 0 {
            let select = redis::cmd("SELECT").arg(self.database).to_owned();
            select.exec_async(&mut connection).await?;
        }
        Ok(RedisRsConnection(Kind::Own {
            connection,
            closed,
            _driver: driver,
        }))
    }
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
/// cluster there is the URL of one: [`RedisRsBackend::builder`](crate::RedisRsBackend::builder).
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

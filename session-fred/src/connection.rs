//! Connections of the `fred` crate: made, used, and their end noticed.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, Pipeline, WithOptions};
use fred::error::{Error as FredError, ErrorKind as FredErrorKind};
use fred::interfaces::{ClientLike as _, EventInterface as _};
#[cfg(feature = "__tls")]
use fred::types::config::TlsConnector;
use fred::types::config::{Config, Options, ServerConfig, TcpConfig};
use fred::types::{Builder, RespVersion};
use session_core::{Effect, Error, ErrorKind, Result};
#[cfg(feature = "__tls")]
use session_redis::Tls;
use session_redis::{
    Command, Connect, Connection, Credentials, Endpoint, PushSink, ReadForm, Reply, ServerError,
    ServerUrl,
};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::convert;

/// How many commands may wait for the socket.
const COMMAND_BUFFER: usize = 10_000;

/// Longer than any attempt: who makes it ends it.
const FOR_EVER: Duration = Duration::from_secs(86_400);

/// Makes connections of the `fred` crate; or gives out the client that the application has.
pub struct FredConnect(Source);

enum Source {
    Own(Own),
    Given(Client),
}

/// How connections of its own are made.
struct Own {
    version: RespVersion,
    database: u8,
    #[cfg(feature = "__tls")]
    tls: Option<Tls>,
}

impl FredConnect {
    /// Connections such as this URL asks for; nothing for a database that the client cannot name.
    pub(crate) fn to(url: &ServerUrl) -> Option<Self> {
        Some(Self(Source::Own(Own {
            version: match url.is_resp3 {
                true => RespVersion::RESP3,
                false => RespVersion::RESP2,
            },
            database: u8::try_from(url.database).ok()?,
            #[cfg(feature = "__tls")]
            tls: url.tls.clone(),
        })))
    }

    /// Always this client.
    pub(crate) fn given(client: Client) -> Self {
        Self(Source::Given(client))
    }
}

impl fmt::Debug for FredConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FredConnect")
    }
}

impl Connect for FredConnect {
    type Connection = FredConnection;

    const OFFERS_TLS: bool = cfg!(feature = "__tls");

    const READ_FORM: ReadForm = ReadForm::Script;

    /// Its channel of pushes drops what comes too fast, and it passes over the message that all
    /// keys have changed.
    const DELIVERS_PUSHES: bool = false;

    async fn connect(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
        _: PushSink,
    ) -> Result<FredConnection> {
        match &self.0 {
            Source::Own(own) => match own.connect(endpoint, credentials, &own.version).await {
                Err(error)
                    if own.version != RespVersion::RESP2
                        && ServerError::refuses_protocol(&error) =>
                {
                    own.connect(endpoint, credentials, &RespVersion::RESP2)
                        .await
                }
                made => made,
            },
            Source::Given(client) => given(client).await,
        }
    }
}

impl Own {
    async fn connect(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
        version: &RespVersion,
    ) -> Result<FredConnection> {
        let server = match endpoint {
            Endpoint::Tcp { host, port } => ServerConfig::new_centralized(&**host, *port),
            Endpoint::Unix { path } => ServerConfig::new_unix_socket(&**path),
            _ => return Err(not_sent(ErrorKind::Config)),
        };
        let config = Config {
            server,
            fail_fast: true,
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            version: version.clone(),
            database: (self.database != 0).then_some(self.database),
            ..Config::default()
        };
        // Nothing but the handshake was sent.
        let failed = |error| convert::error(error).with_effect(Effect::NotApplied);
        #[cfg(feature = "__tls")]
        if let (Some(tls), Endpoint::Tcp { host, .. }) = (&self.tls, endpoint) {
            return encrypted(config, host, tls).await;
        }
        open(config).await.map_err(failed)
    }
}

/// The same over TLS, which the client does.
#[cfg(feature = "__tls")]
async fn encrypted(mut config: Config, host: &str, tls: &Tls) -> Result<FredConnection> {
    let handshake = tls.handshake().await?;
    if let ServerConfig::Centralized { server } = &mut config.server {
        server.tls_server_name = Some(tls.name_of(host)?.to_str().as_ref().into());
    }
    let connector = tokio_rustls::TlsConnector::from(handshake.config());
    config.tls = Some(TlsConnector::from(connector).into());
    open(config).await.map_err(|error| {
        let text = error.details().to_owned();
        let error = convert::error(error).with_effect(Effect::NotApplied);
        handshake.explain(error, &text)
    })
}

/// A client of one connection: it does not connect again by itself, so that its end is the
/// connection's.
async fn open(config: Config) -> Result<FredConnection, FredError> {
    let client = Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.connection_timeout = FOR_EVER;
            connection.internal_command_timeout = FOR_EVER;
            // By default a command is sent up to three times.
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = COMMAND_BUFFER;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
        })
        .build()?;
    let mut task = client.connect();
    let abort = AbortOnDrop(task.abort_handle());
    tokio::select! {
        connected = client.wait_for_connect() => connected?,
        // It may have failed before there was anyone to tell.
        ended = &mut task => return Err(match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => FredError::new(FredErrorKind::Canceled, ""),
        }),
    }
    let (is_open, closed) = watch::channel(());
    tokio::spawn(async move {
        // Whether it ended well or not, the client is of no use without it.
        drop(task.await);
        drop(is_open);
    });
    Ok(FredConnection {
        client,
        closed: Some(closed),
        _task: Some(Arc::new(abort)),
    })
}

/// The application's client, connected. Waits for the connection until it is there or is refused.
async fn given(client: &Client) -> Result<FredConnection> {
    if !client.is_connected() {
        // Subscribed before the wait, or the news could come in between.
        let mut failures = client.error_rx();
        let connected = tokio::select! {
            connected = client.wait_for_connect() => connected,
            Ok((failure, _)) = failures.recv() => Err(failure),
        };
        connected.map_err(|error| convert::error(error).with_effect(Effect::NotApplied))?;
    }
    Ok(FredConnection {
        client: client.clone(),
        closed: None,
        _task: None,
    })
}

/// A client's task, which nothing else would end.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection of the `fred` crate.
#[derive(Clone)]
pub struct FredConnection {
    client: Client,
    /// Has an error once the client's task has ended; nothing for a client of the application's.
    closed: Option<watch::Receiver<()>>,
    _task: Option<Arc<AbortOnDrop>>,
}

impl fmt::Debug for FredConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FredConnection")
    }
}

impl Connection for FredConnection {
    async fn send(&self, commands: &[Command], deadline: Instant) -> Vec<Result<Reply>> {
        let errors = |effect| {
            let error = || Err(Error::new(ErrorKind::Unavailable, effect));
            commands.iter().map(|_| error()).collect()
        };
        if self.is_closed() {
            return errors(Effect::NotApplied);
        }
        // The client's own timeout, for only that keeps a command which was not yet written when
        // the time was over from being written later.
        let client = self.client.with_options(&Options {
            timeout: Some(deadline.saturating_duration_since(Instant::now())),
            fail_fast: true,
            ..Options::default()
        });
        // Pinned here, for it is large to move.
        let replies = pin!(send(&client, commands));
        tokio::select! {
            biased;
            replies = replies => replies,
            // A client whose task has ended would let its commands wait for ever.
            () = self.closed() => errors(Effect::Unknown),
        }
    }

    async fn closed(&self) {
        match &self.closed {
            // Nothing is ever sent: the error is all that comes.
            Some(closed) => drop(closed.clone().changed().await),
            None => std::future::pending::<()>().await,
        }
    }
}

impl FredConnection {
    fn is_closed(&self) -> bool {
        let closed = self.closed.as_ref();
        closed.is_some_and(|closed| closed.has_changed().is_err())
    }
}

/// As custom commands: the client's own methods for scripts leave its options aside, the timeout
/// too.
async fn send(client: &WithOptions<Client>, commands: &[Command]) -> Vec<Result<Reply>> {
    if let [command] = commands {
        let (command, args) = convert::command(command);
        let reply = client.custom_raw(command, args).await;
        return vec![reply.map_err(convert::error).and_then(convert::frame)];
    }
    Box::pin(send_several(client, commands)).await
}

async fn send_several(client: &WithOptions<Client>, commands: &[Command]) -> Vec<Result<Reply>> {
    let pipeline = Pipeline::from(client.clone());
    for command in commands {
        let (command, args) = convert::command(command);
        if let Err(error) = pipeline.custom::<(), _>(command, args).await {
            let refused = |_| Err(convert::error(error.clone()));
            return commands.iter().map(refused).collect();
        }
    }
    let replies = pipeline.try_all().await.into_iter();
    replies
        .map(|reply| reply.map_err(convert::error).and_then(convert::reply))
        .collect()
}

fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}

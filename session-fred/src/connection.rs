//! Connections of the `fred` crate: made, used, and their end noticed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, Pipeline, WithOptions};
use fred::interfaces::{ClientLike as _, EventInterface as _};
use fred::types::Builder;
use fred::types::config::{Config, Options, Server, ServerConfig, TcpConfig};
use session_core::{Effect, Error, ErrorKind, Result};
use session_redis::{Command, Connect, Connection, Endpoint, PushSink, ReadForm, Reply};
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
    /// Connections of its own, with these credentials and settings. The addresses are not used.
    Own(Box<Config>),
    Given(Client),
}

impl FredConnect {
    /// Connections with the credentials and settings of this configuration, whose addresses are not
    /// used.
    pub(crate) fn like(config: Config) -> Self {
        Self(Source::Own(Box::new(config)))
    }

    /// Always this client.
    pub(crate) fn given(client: Client) -> Self {
        Self(Source::Given(client))
    }
}

impl fmt::Debug for FredConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration may hold a password.
        f.write_str("FredConnect")
    }
}

/// Where a connection to this server leads.
pub(crate) fn endpoint(server: &Server) -> Endpoint {
    Endpoint::tcp(&*server.host, server.port)
}

impl Connect for FredConnect {
    type Connection = FredConnection;

    const READ_FORM: ReadForm = ReadForm::Script;

    async fn connect(&self, endpoint: &Endpoint, _: PushSink) -> Result<FredConnection> {
        match &self.0 {
            Source::Own(like) => own(like, endpoint).await,
            Source::Given(client) => given(client).await,
        }
    }
}

/// A client of one connection: it does not connect again by itself, so that its end is the
/// connection's.
async fn own(like: &Config, endpoint: &Endpoint) -> Result<FredConnection> {
    let Endpoint::Tcp { host, port } = endpoint else {
        return Err(not_sent(ErrorKind::Config));
    };
    let config = Config {
        server: ServerConfig::new_centralized(&**host, *port),
        fail_fast: true,
        ..like.clone()
    };
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
        .build()
        .map_err(|error| convert::error(error).with_effect(Effect::NotApplied))?;
    let mut task = client.connect();
    let abort = AbortOnDrop(task.abort_handle());
    // Nothing but the handshake was sent.
    let failed = |error| convert::error(error).with_effect(Effect::NotApplied);
    tokio::select! {
        connected = client.wait_for_connect() => connected.map_err(failed)?,
        // It may have failed before there was anyone to tell.
        ended = &mut task => return Err(match ended {
            Ok(Err(error)) => failed(error),
            Ok(Ok(())) | Err(_) => not_sent(ErrorKind::Unavailable),
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
        tokio::select! {
            biased;
            replies = send(&client, commands) => replies,
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
    let replies = if let [command] = commands {
        let (command, args) = convert::command(command);
        vec![client.custom(command, args).await]
    } else {
        let pipeline = Pipeline::from(client.clone());
        for command in commands {
            let (command, args) = convert::command(command);
            if let Err(error) = pipeline.custom::<(), _>(command, args).await {
                let refused = |_| Err(convert::error(error.clone()));
                return commands.iter().map(refused).collect();
            }
        }
        pipeline.try_all().await
    };
    let replies = replies.into_iter();
    replies
        .map(|reply| reply.map_err(convert::error).and_then(convert::reply))
        .collect()
}

fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}

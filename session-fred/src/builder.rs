//! How a backend is built.

use std::fmt;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::Builder;
use fred::types::config::{Config, ReconnectError, ReconnectPolicy, TcpConfig, UnresponsiveConfig};
use session_core::{
    Effect, Error, ErrorKind, Operation, Result, SessionBackend as _, SessionPolicy,
};
use session_redis_wire::{IdStorage, KeyPrefix, KeySpace, refuse_tls};

use crate::backend::FredBackend;
use crate::connection::Link;
use crate::convert::ClientError;

/// The time within which an operation ends, unless the builder says otherwise.
const DEADLINE: Duration = Duration::from_millis(500);

/// Builds a [`FredBackend`].
///
/// | setting | default |
/// |---|---|
/// | [`key_prefix`](Self::key_prefix) | `session:` |
/// | [`id_storage`](Self::id_storage) | [`IdStorage::Plain`], the guide's format |
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`deadline`](Self::deadline) | 500 ms |
#[must_use]
pub struct FredBuilder {
    url: String,
    settings: Settings,
}

/// What a backend is built with, whatever its connection.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) prefix: KeyPrefix,
    pub(crate) storage: IdStorage,
    pub(crate) policy: SessionPolicy,
    pub(crate) deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: KeyPrefix::default(),
            storage: IdStorage::default(),
            policy: SessionPolicy::default(),
            deadline: DEADLINE,
        }
    }
}

impl Settings {
    pub(crate) fn keys(&self) -> KeySpace {
        KeySpace::new(self.prefix.clone(), self.storage)
    }
}

impl FredBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            settings: Settings::default(),
        }
    }

    /// What all keys begin with.
    pub fn key_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.settings.prefix = prefix;
        self
    }

    /// Whether key names show ids or their hashes.
    pub fn id_storage(mut self, storage: IdStorage) -> Self {
        self.settings.storage = storage;
        self
    }

    /// Lifetimes, limits, touch policy, the application's clock.
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// The time within which every operation ends, the making of a connection included.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// A backend that connects in the background. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL cannot be used, or asks for TLS, which is not offered yet.
    pub fn build(self) -> Result<FredBackend> {
        refuse_tls(&self.url)?;
        let client = client(&self.url, self.settings.deadline)
            .map_err(|error| configuration(error).during(Operation::Connect))?;
        Ok(FredBackend::over(
            Link::connecting(client, self.settings.deadline),
            self.settings,
        ))
    }

    /// A backend that is connected, with a server that is new enough.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first [`ping`](session_core::SessionBackend::ping).
    pub async fn connect(self) -> Result<FredBackend> {
        let backend = self.build()?;
        backend
            .ping()
            .await
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(backend)
    }

    /// A backend over a client that the application has; the URL is not used.
    pub(crate) fn over(self, client: Client) -> Result<FredBackend> {
        if client.connection_config().max_command_attempts != 1 {
            return Err(Error::new(ErrorKind::Config, Effect::NotApplied)
                .with_source(
                    "the client must have max_command_attempts = 1, or it would count twice",
                )
                .during(Operation::Connect));
        }
        Ok(FredBackend::over(
            Link::of(client, self.settings.deadline),
            self.settings,
        ))
    }
}

impl fmt::Debug for FredBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("FredBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn client(url: &str, deadline: Duration) -> Result<Client, fred::error::Error> {
    let mut config = Config::from_url(url)?;
    // Not "fail fast" but "give up": the first refused connection would end the client.
    config.fail_fast = false;
    let mut reconnect = ReconnectPolicy::new_exponential(0, 20, 500, 2);
    reconnect.set_jitter(20);
    Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.connection_timeout = deadline;
            connection.internal_command_timeout = deadline;
            // By default a command is sent up to three times.
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = 10_000;
            connection.reconnect_on_auth_error = true;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
            connection.unresponsive = UnresponsiveConfig {
                max_timeout: Some(2 * deadline),
                interval: deadline / 2,
            };
            connection.reconnect_errors = vec![
                ReconnectError::ClusterDown,
                ReconnectError::Loading,
                ReconnectError::MasterDown,
                ReconnectError::ReadOnly,
            ];
        })
        .set_policy(reconnect)
        .build()
}

fn configuration(error: fred::error::Error) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(ClientError::from(error))
}

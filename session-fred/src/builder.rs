//! How a backend is built, and over which connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use session_core::{
    ConnectionObserver, Effect, Error, ErrorKind, Operation, Result, SessionBackend as _,
    SessionPolicy,
};
use session_redis::Tls;
use session_redis::{
    CredentialsProvider, Endpoint, Eviction, IdStorage, InvalidUrl, KeyPrefix, RedisBackend,
    ServerUrl, Settings,
};

use crate::backend::FredBackend;
use crate::connection::FredConnect;

impl FredBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or
    /// for the cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`. What
    /// else a URL can say: [`ServerUrl`].
    pub fn builder(url: impl Into<String>) -> FredBuilder {
        FredBuilder::new(url)
    }

    /// A backend over a client that the application already has, with the default settings. It is
    /// used as it is, and connects again by its own policy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the client may send a command
    /// more than once: its connection config must have `max_command_attempts = 1`, and it must not
    /// be a cluster's (for these there is the URL of one).
    pub fn from_client(client: Client) -> Result<Self> {
        Self::from_client_with(client, |builder| builder)
    }

    /// A backend over a client that the application already has; `configure` sets what differs from
    /// the defaults.
    ///
    /// # Errors
    /// As [`from_client`](Self::from_client).
    ///
    /// ```no_run
    /// # fn example(client: fred::clients::Client) -> session_core::Result<()> {
    /// use session_fred::FredBackend;
    ///
    /// let prefix = "shop:".parse()?;
    /// let backend = FredBackend::from_client_with(client, |it| it.key_prefix(prefix))?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client_with(
        client: Client,
        configure: impl FnOnce(FredBuilder) -> FredBuilder,
    ) -> Result<Self> {
        configure(FredBuilder::new("")).over(client)
    }
}

/// Builds a [`FredBackend`].
///
/// | setting | default |
/// |---|---|
/// | [`key_prefix`](Self::key_prefix) | `session:` |
/// | [`id_storage`](Self::id_storage) | [`IdStorage::Plain`], the Redis guide's format |
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`deadline`](Self::deadline) | 500 ms |
/// | [`eviction`](Self::eviction) | [`Eviction::Warn`] |
/// | [`credentials`](Self::credentials), [`tls`](Self::tls) | the URL's |
/// | [`sentinel_credentials`](Self::sentinel_credentials), [`sentinel_tls`](Self::sentinel_tls) | the URL's |
/// | [`observer`](Self::observer) | none |
#[must_use]
pub struct FredBuilder {
    url: String,
    settings: Settings,
    tls: Option<Tls>,
    sentinel_tls: Option<Tls>,
}

impl FredBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            settings: Settings::default(),
            tls: None,
            sentinel_tls: None,
        }
    }

    /// What all keys begin with.
    pub fn key_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.settings.key_prefix = prefix;
        self
    }

    /// Whether key names show ids or their hashes.
    pub fn id_storage(mut self, storage: IdStorage) -> Self {
        self.settings.id_storage = storage;
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

    /// What follows when a server evicts keys while its memory is full.
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.settings.eviction = eviction;
        self
    }

    /// Who provides the credentials of each connection, in the place of the URL's.
    pub fn credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.settings.credentials = Some(provider);
        self
    }

    /// How connections are encrypted, in the place of what the URL says of it. The URL must ask for
    /// TLS, which needs the cargo feature `tls-ring` or `tls-aws-lc-rs`.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Who provides the credentials of each connection to a sentinel, in the place of the URL's.
    pub fn sentinel_credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.settings.sentinel_credentials = Some(provider);
        self
    }

    /// How connections to sentinels are encrypted, where it is not as those to the server are.
    pub fn sentinel_tls(mut self, tls: Tls) -> Self {
        self.sentinel_tls = Some(tls);
        self
    }

    /// Who is told what becomes of the connections.
    pub fn observer(mut self, observer: Arc<dyn ConnectionObserver>) -> Self {
        self.settings.observer = Some(observer);
        self
    }

    /// A backend that connects when it is first used, which must be within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL cannot be used, with [`InvalidUrl`] as its source; when
    /// the deadline is zero.
    pub fn build(self) -> Result<FredBackend> {
        let url = ServerUrl::parse(&self.url)?;
        let url = url.with_tls(self.tls, self.sentinel_tls)?;
        if FredConnect::database(&url).is_none() {
            return Err(refused(InvalidUrl::Database).during(Operation::Connect));
        }
        let built = RedisBackend::at(FredConnect::to, url, self.settings);
        let built = built.map_err(|error| error.during(Operation::Connect))?;
        Ok(FredBackend(built))
    }

    /// A backend that is connected, with a server on which sessions can be stored.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first
    /// [`ping`](session_core::SessionBackend::ping).
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
        let refused = |why| Err(refused(why).during(Operation::Connect));
        if client.connection_config().max_command_attempts != 1 {
            return refused(COUNTS_TWICE);
        }
        if client.is_clustered() {
            return refused(IS_CLUSTERED);
        }
        // The client knows where it leads.
        let nowhere = Endpoint::tcp("", 0);
        let connect = FredConnect::given(client);
        let settings = self.settings.checked();
        let settings = settings.map_err(|error| error.during(Operation::Connect))?;
        let backend = RedisBackend::standalone(connect, nowhere, settings);
        Ok(FredBackend(backend))
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

const COUNTS_TWICE: &str = "the client must have max_command_attempts = 1, or it would count twice";
const IS_CLUSTERED: &str =
    "a cluster's client cannot be taken over: give the cluster's URL to FredBackend::builder";

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(why)
}

#[cfg(test)]
mod tests {
    use fred::types::Builder;

    use super::*;

    /// Another client of the same build may have it compiled in.
    #[cfg(not(feature = "__tls"))]
    #[tokio::test]
    async fn a_url_that_asks_for_tls_is_never_served_without() {
        for url in ["rediss://127.0.0.1", "valkeys-cluster://127.0.0.1"] {
            let error = FredBackend::builder(url).build().unwrap_err();
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(
                source.downcast_ref(),
                Some(&crate::InvalidUrl::NoTls),
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn no_deadline_is_refused_and_any_other_can_be_used() {
        let url = "redis://127.0.0.1:1";
        let built = |deadline| {
            let client = Builder::default_centralized()
                .with_connection_config(|connection| connection.max_command_attempts = 1)
                .build()
                .unwrap();
            [
                FredBackend::builder(url).deadline(deadline).build(),
                FredBackend::from_client_with(client, |it| it.deadline(deadline)),
            ]
        };
        for refused in built(Duration::ZERO) {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
        }
        for deadline in [Duration::from_nanos(1), Duration::MAX] {
            let [own, given] = built(deadline).map(Result::unwrap);
            let error = own.ping().await.unwrap_err();
            assert_eq!(
                error.effect(),
                Effect::NotApplied,
                "{deadline:?}: {error:?}"
            );
            drop(given);
        }
    }
}

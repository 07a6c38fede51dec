//! The backend: each required step as a dialogue over the connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::types::config::Config;
use futures_util::future::join_all;
use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{PageRequest, Result, SessionBackend, SessionId, SessionPolicy, SessionRecord};
use session_redis_wire::cluster::{Masters, Question};
use session_redis_wire::dialogue::{self, Dialogue, Next};
use session_redis_wire::{KeySpace, check_version, successor_id};
use tokio::time::Instant;

use crate::admin::FredAdmin;
use crate::builder::{FredBuilder, Settings};
use crate::cluster::Carrier;

/// Sessions on Redis through the `fred` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct FredBackend(Arc<Inner>);

struct Inner {
    carrier: Carrier,
    keys: KeySpace,
    policy: SessionPolicy,
    deadline: Duration,
    version_checked: AtomicBool,
}

impl FredBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or for the
    /// cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`.
    pub fn builder(url: impl Into<String>) -> FredBuilder {
        FredBuilder::new(url)
    }

    /// Builds a backend for the cluster of this configuration, of whose hosts one that answers is enough to
    /// find the others. All are reached with its credentials and settings.
    ///
    /// ```no_run
    /// # async fn example() -> session_core::Result<()> {
    /// use fred::types::config::{Config, ServerConfig};
    /// use session_fred::FredBackend;
    ///
    /// let nodes = vec![("10.0.0.1", 6379), ("10.0.0.2", 6379)];
    /// let config = Config {
    ///     server: ServerConfig::new_clustered(nodes),
    ///     ..Config::default()
    /// };
    /// let backend = FredBackend::cluster_builder(config).connect().await?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster_builder(config: Config) -> FredBuilder {
        FredBuilder::of_cluster(config)
    }

    /// A backend over a client that the application already has, with the default settings.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the client may send a command more than
    /// once: its connection config must have `max_command_attempts = 1`, and it must not be a cluster's (for
    /// these there is [`cluster_builder`](Self::cluster_builder)).
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
    /// use session_fred::{FredBackend, KeyPrefix};
    ///
    /// let prefix: KeyPrefix = "shop:".parse().expect("a valid prefix");
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

    /// The administration of these sessions: looks through all of them, and ends any. Over the same
    /// connection; its account needs the right to `SCAN` as well.
    pub fn admin(&self) -> FredAdmin {
        FredAdmin::of(self.clone())
    }

    pub(crate) fn over(carrier: Carrier, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            keys: settings.keys().at(carrier.topology()),
            carrier,
            policy: settings.policy,
            deadline: settings.deadline,
            version_checked: AtomicBool::new(false),
        }))
    }

    /// Carries a dialogue to its end, within the deadline.
    async fn converse<D: Dialogue>(&self, dialogue: D) -> Result<D::Answer> {
        self.converse_until(self.deadline(), dialogue).await
    }

    async fn converse_until<D: Dialogue>(
        &self,
        until: Instant,
        mut dialogue: D,
    ) -> Result<D::Answer> {
        self.check_version(until).await?;
        let carrier = &self.0.carrier;
        let mut next = dialogue.next(Vec::new())?;
        loop {
            let answers = match next {
                Next::Done(answer) => return Ok(answer),
                Next::Ask(call) => vec![carrier.carry(&call, until).await],
                Next::AskAll(calls) => {
                    join_all(calls.iter().map(|call| carrier.carry(call, until))).await
                }
            };
            next = dialogue.next(answers)?;
        }
    }

    /// Carries a dialogue about a page of the store to its end, within the deadline.
    pub(crate) async fn converse_about_page<'a, D: Dialogue>(
        &'a self,
        request: &PageRequest,
        begin: impl FnOnce(&'a KeySpace, Masters) -> D + Send,
    ) -> Result<D::Answer> {
        let until = self.deadline();
        let is_beginning = request.cursor.is_none();
        let masters = self.0.carrier.masters(is_beginning, until).await?;
        self.converse_until(until, begin(&self.0.keys, masters))
            .await
    }

    /// When an operation that begins now must have ended.
    fn deadline(&self) -> Instant {
        Instant::now() + self.0.deadline
    }

    /// Asks the server's version on the first use; a server that may not tell is taken.
    async fn check_version(&self, until: Instant) -> Result<()> {
        if self.0.version_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        check_version(self.0.carrier.ask(Question::Info, until).await)?;
        self.0.version_checked.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl SessionBackend for FredBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        self.converse(dialogue::insert(&self.0.keys, request)).await
    }

    /// One script that slides the expiry and answers the fields: the fastest form with this client.
    async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>> {
        self.converse(dialogue::read(&self.0.keys, request)).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer> {
        self.converse(dialogue::write(&self.0.keys, request)).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer> {
        self.converse(dialogue::rename(&self.0.keys, request)).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<bool> {
        self.converse(dialogue::remove(&self.0.keys, request)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>> {
        self.converse(dialogue::list(&self.0.keys, request)).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        self.converse(dialogue::revoke(&self.0.keys, request)).await
    }

    /// In a cluster: that one node answers. An application that calls itself unready while a part of its
    /// sessions is away takes the rest away as well.
    async fn ping(&self) -> Result<()> {
        let until = self.deadline();
        self.check_version(until).await?;
        self.0.carrier.ask(Question::Ping, until).await.map(drop)
    }

    fn policy(&self) -> &SessionPolicy {
        &self.0.policy
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        successor_id(&self.0.keys, old)
    }
}

impl fmt::Debug for FredBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FredBackend")
            .field("keys", &self.0.keys)
            .field("deadline", &self.0.deadline)
            .finish_non_exhaustive()
    }
}

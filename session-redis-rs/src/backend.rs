//! The backend: each required step as a dialogue over the connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use redis::IntoConnectionInfo;
use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    Effect, PageRequest, Result, SessionBackend, SessionId, SessionPolicy, SessionRecord,
};
use session_redis_wire::cluster::{Masters, Question};
use session_redis_wire::dialogue::{self, Dialogue, Next};
use session_redis_wire::{KeySpace, check_version, reply, successor_id};
use tokio::time::Instant;

use crate::admin::RedisRsAdmin;
use crate::builder::{RedisRsBuilder, Settings};
use crate::cluster::Carrier;
use crate::connection::SingleServer;
use crate::exchange::{Around, in_time, run};

/// Sessions on Redis through the `redis` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct RedisRsBackend(Arc<Inner>);

struct Inner {
    carrier: Carrier,
    keys: KeySpace,
    policy: SessionPolicy,
    deadline: Duration,
    version_checked: AtomicBool,
}

impl RedisRsBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or for the
    /// cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`.
    pub fn builder(url: impl Into<String>) -> RedisRsBuilder {
        RedisRsBuilder::new(url)
    }

    /// Builds a backend for the cluster of these nodes, of which one that answers is enough to find the
    /// others. All are reached with the first one's credentials and settings.
    ///
    /// ```no_run
    /// # async fn example() -> session_core::Result<()> {
    /// use session_redis_rs::RedisRsBackend;
    ///
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// let backend = RedisRsBackend::cluster_builder(nodes).connect().await?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster_builder<N: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = N>,
    ) -> RedisRsBuilder {
        RedisRsBuilder::of_cluster(nodes)
    }

    /// A backend over a connection that the application already has, with the default settings.
    pub fn from_connection(connection: impl SingleServer) -> Self {
        Self::from_connection_with(connection, |builder| builder)
    }

    /// A backend over a connection that the application already has; `configure` sets what differs
    /// from the defaults.
    ///
    /// ```no_run
    /// # fn example(connection: redis::aio::ConnectionManager) -> Result<(), session_redis_rs::InvalidPrefix> {
    /// use session_redis_rs::RedisRsBackend;
    ///
    /// let prefix = "shop:".parse()?;
    /// let backend = RedisRsBackend::from_connection_with(connection, |it| it.key_prefix(prefix));
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_connection_with(
        connection: impl SingleServer,
        configure: impl FnOnce(RedisRsBuilder) -> RedisRsBuilder,
    ) -> Self {
        configure(RedisRsBuilder::new("")).over(connection)
    }

    /// The administration of these sessions: looks through all of them, and ends any. Over the same
    /// connection; its account needs the right to `SCAN` as well.
    pub fn admin(&self) -> RedisRsAdmin {
        RedisRsAdmin::of(self.clone())
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
impl SessionBackend for RedisRsBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        self.converse(dialogue::insert(&self.0.keys, request)).await
    }

    /// A script that slides the expiry, and `HGETALL` behind it in the same round trip: the fastest
    /// form with this client. In a cluster, or where a session may
    /// have one of two keys, one script that answers the fields: the slot or the key may change in between.
    async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>> {
        let link = match &self.0.carrier {
            Carrier::OneServer(link) if !self.0.keys.is_between_forms() => link,
            _ => return self.converse(dialogue::read(&self.0.keys, request)).await,
        };
        let call = dialogue::read_before_hgetall(&self.0.keys, request);
        let until = self.deadline();
        self.check_version(until).await?;
        let read = in_time(until, Effect::Unknown, async {
            let hgetall = redis::cmd("HGETALL")
                .arg(self.0.keys.session(&request.id))
                .to_owned();
            let around = Around {
                behind: Some(hgetall),
                ..Around::default()
            };
            let [touch, fields] = run(link, &call, &around).await?;
            reply::read(touch?, fields)
        });
        read.await.map_err(|error| call.judged(error))
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

impl fmt::Debug for RedisRsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRsBackend")
            .field("keys", &self.0.keys)
            .field("deadline", &self.0.deadline)
            .finish_non_exhaustive()
    }
}

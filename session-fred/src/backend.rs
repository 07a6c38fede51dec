//! The backend: each required step as a dialogue over the connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::{Client, WithOptions};
use fred::interfaces::{ClientLike as _, LuaInterface as _};
use fred::types::{CustomCommand, Value};
use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, Result, SessionBackend, SessionId, SessionPolicy, SessionRecord,
};
use session_redis_wire::dialogue::{self, Dialogue, Next};
use session_redis_wire::{Call, KeySpace, Reply, check_version, successor_id};
use tokio::time::Instant;

use crate::builder::{FredBuilder, Settings};
use crate::connection::Link;
use crate::convert;

/// Sessions on Redis through the `fred` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct FredBackend(Arc<Inner>);

struct Inner {
    link: Link,
    keys: KeySpace,
    policy: SessionPolicy,
    deadline: Duration,
    version_checked: AtomicBool,
}

impl FredBackend {
    /// Builds a backend for the server at this URL: `redis://[user:password@]host[:port][/db]`.
    pub fn builder(url: impl Into<String>) -> FredBuilder {
        FredBuilder::new(url)
    }

    /// A backend over a client that the application already has, with the default settings.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the client may send a command more than once: its connection
    /// config must have `max_command_attempts = 1`.
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

    pub(crate) fn over(link: Link, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            link,
            keys: settings.keys(),
            policy: settings.policy,
            deadline: settings.deadline,
            version_checked: AtomicBool::new(false),
        }))
    }

    /// Carries a dialogue to its end, within the deadline.
    async fn converse<D: Dialogue>(&self, mut dialogue: D) -> Result<D::Answer> {
        let until = self.deadline();
        let client = self.checked_client(until).await?;
        in_time(until, Effect::Unknown, async move {
            let mut next = dialogue.next(None)?;
            loop {
                match next {
                    Next::Done(answer) => return Ok(answer),
                    Next::Ask(call) => {
                        let answer = run(&client, call).await?;
                        next = dialogue.next(Some(answer))?;
                    }
                }
            }
        })
        .await
    }

    /// When an operation that begins now must have ended.
    fn deadline(&self) -> Instant {
        Instant::now() + self.0.deadline
    }

    /// The client, connected to a server that is new enough. Asks the server's version on the first
    /// use; a server that may not tell is taken.
    async fn checked_client(&self, until: Instant) -> Result<WithOptions<Client>> {
        let client = self.0.link.ready(until).await?;
        if self.0.version_checked.load(Ordering::Relaxed) {
            return Ok(client);
        }
        let info = CustomCommand::new_static("INFO", None::<u16>, false);
        let asked = async {
            let answer = client.custom::<Value, _>(info, vec!["server"]).await;
            convert::reply(answer.map_err(convert::error)?)
        };
        check_version(in_time(until, Effect::NotApplied, asked).await)?;
        self.0.version_checked.store(true, Ordering::Relaxed);
        Ok(client)
    }
}

/// The operation's answer, if it comes in time; else an error that says what is known of the effect.
async fn in_time<T>(
    until: Instant,
    effect: Effect,
    operation: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout_at(until, operation).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::new(ErrorKind::Timeout, effect)),
    }
}

/// Runs a script. `EVALSHA`; and once more by `EVAL` if the server did not know the script, and so did
/// not run it.
async fn run(client: &WithOptions<Client>, call: Call) -> Result<Reply> {
    let Call { script, keys, args } = call;
    let args: Vec<Value> = args.into_iter().map(Value::Bytes).collect();
    let answer = client
        .evalsha(script.sha(), keys.clone(), args.clone())
        .await;
    let answer: Value = match answer {
        Err(error) if convert::is_unknown_script(&error) => {
            client.eval(script.source(), keys, args).await
        }
        answer => answer,
    }
    .map_err(convert::error)?;
    convert::reply(answer)
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

    async fn ping(&self) -> Result<()> {
        let until = self.deadline();
        let client = self.checked_client(until).await?;
        in_time(until, Effect::NotApplied, async {
            client.ping::<()>(None).await.map_err(convert::error)
        })
        .await
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

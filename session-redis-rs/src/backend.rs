//! The backend: each required step as a dialogue over the connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, Pipeline, RedisResult, Value};
use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, Result, SessionBackend, SessionId, SessionPolicy, SessionRecord,
};
use session_redis_wire::dialogue::{self, Dialogue, Next};
use session_redis_wire::{Call, KeySpace, Reply, check_version, reply, successor_id};
use tokio::time::Instant;

use crate::builder::{RedisRsBuilder, Settings};
use crate::connection::{Link, SingleServer};
use crate::convert;

/// Sessions on Redis through the `redis` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct RedisRsBackend(Arc<Inner>);

struct Inner {
    link: Link,
    keys: KeySpace,
    policy: SessionPolicy,
    deadline: Duration,
    version_checked: AtomicBool,
}

impl RedisRsBackend {
    /// Builds a backend for the server at this URL: `redis://[user:password@]host[:port][/db]`.
    pub fn builder(url: impl Into<String>) -> RedisRsBuilder {
        RedisRsBuilder::new(url)
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
        self.check_version(until).await?;
        in_time(until, Effect::Unknown, async move {
            let mut next = dialogue.next(None)?;
            loop {
                match next {
                    Next::Done(answer) => return Ok(answer),
                    Next::Ask(call) => {
                        let [answer] = self.run(&call, None).await?;
                        next = dialogue.next(Some(answer?))?;
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

    /// Asks the server's version on the first use; a server that may not tell is taken.
    async fn check_version(&self, until: Instant) -> Result<()> {
        if self.0.version_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let info = redis::cmd("INFO").arg("server").to_owned();
        check_version(in_time(until, Effect::NotApplied, self.ask(info)).await)?;
        self.0.version_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The answer to one command.
    async fn ask(&self, command: Cmd) -> Result<Reply> {
        let mut commands = Pipeline::with_capacity(1);
        commands.add_command(command).ignore_errors();
        match self.send(&commands).await?.pop() {
            Some(answer) => convert::reply(answer.map_err(convert::error)?),
            None => Err(Error::new(ErrorKind::CorruptReply, Effect::Unknown)),
        }
    }

    /// Runs a script, and perhaps a command behind it in the same round trip. `EVALSHA`; and once more by
    /// `EVAL` if the server did not know the script, and so did not run it.
    async fn run<const N: usize>(
        &self,
        call: &Call,
        behind: Option<&Cmd>,
    ) -> Result<[Result<Reply>; N]> {
        let commands = |evaluate: Cmd| {
            let mut commands = Pipeline::with_capacity(N);
            commands.add_command(evaluate).ignore_errors();
            if let Some(command) = behind {
                commands.add_command(command.clone());
            }
            commands
        };
        let mut answers = self.send(&commands(evalsha(call))).await?;
        if matches!(answers.first(), Some(Err(error)) if convert::is_unknown_script(error)) {
            answers = self.send(&commands(eval(call))).await?;
        }
        let replies = answers
            .into_iter()
            .map(|answer| answer.map_err(convert::error).and_then(convert::reply));
        let replies: Vec<_> = replies.collect();
        replies
            .try_into()
            .map_err(|_| Error::new(ErrorKind::CorruptReply, Effect::Unknown))
    }

    async fn send(&self, commands: &Pipeline) -> Result<Vec<RedisResult<Value>>> {
        self.0.link.send(commands).await.map_err(convert::error)
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

fn evalsha(call: &Call) -> Cmd {
    with_arguments("EVALSHA", call.script.sha(), call)
}

fn eval(call: &Call) -> Cmd {
    with_arguments("EVAL", call.script.source(), call)
}

fn with_arguments(command: &str, script: &str, call: &Call) -> Cmd {
    let bytes = call.keys.iter().chain(&call.args).map(bytes::Bytes::len);
    let mut cmd = Cmd::with_capacity(
        3 + call.keys.len() + call.args.len(),
        command.len() + script.len() + 2 + bytes.sum::<usize>(),
    );
    cmd.arg(command).arg(script).arg(call.keys.len());
    for key in &call.keys {
        cmd.arg(key.as_ref());
    }
    for arg in &call.args {
        cmd.arg(arg.as_ref());
    }
    cmd
}

#[async_trait]
impl SessionBackend for RedisRsBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        self.converse(dialogue::insert(&self.0.keys, request)).await
    }

    /// A script that slides the expiry, and `HGETALL` behind it in the same round trip: the fastest
    /// form with this client.
    async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>> {
        let call = dialogue::read_before_hgetall(&self.0.keys, request);
        let until = self.deadline();
        self.check_version(until).await?;
        in_time(until, Effect::Unknown, async move {
            let hgetall = redis::cmd("HGETALL")
                .arg(self.0.keys.session(&request.id))
                .to_owned();
            let [touch, fields] = self.run(&call, Some(&hgetall)).await?;
            reply::read(touch?, fields)
        })
        .await
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
        self.check_version(until).await?;
        in_time(until, Effect::NotApplied, self.ask(redis::cmd("PING")))
            .await
            .map(drop)
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

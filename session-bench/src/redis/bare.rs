//! The clients by themselves, and the Redis guide's algorithm over them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use fred::interfaces::{
    ClientLike as _, HashesInterface as _, KeysInterface as _, LuaInterface as _,
    TransactionInterface as _,
};
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;

use crate::drive::{Op, Outcome};
use crate::ours::{PAGE_VIEWS, pick};

/// What a hash is read into.
pub(crate) type Hash = HashMap<String, String>;

/// A time in the guide's format; which one makes no difference here.
const NOW: &str = "2026-01-01T00:00:00+00:00";
const RESERVED: [&str; 3] = ["created_at", "last_accessed_at", "session_ttl"];
const NO_OP: &str = "return 1";

/// What is asked of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    HGetAll,
    /// A script that does nothing.
    EvalSha,
    GuideGet,
    GuideIncrement,
}

/// A client of Redis over one connection.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    fn hgetall(&self, key: &str) -> impl Future<Output = Outcome<Hash>> + Send;
    fn no_op(&self, key: &str) -> impl Future<Output = Outcome> + Send;
    /// The guide's second half of a get, in one transaction.
    fn refresh(&self, key: &str, ttl: i64) -> impl Future<Output = Outcome<Hash>> + Send;
    /// The guide's second half of an increment, in one transaction.
    fn increment(&self, key: &str, ttl: i64) -> impl Future<Output = Outcome<i64>> + Send;
}

/// A step over a client, on one of many keys.
pub(crate) struct Bare<C> {
    clients: Vec<C>,
    keys: Arc<Vec<String>>,
    step: Step,
}

impl<C: Client> Bare<C> {
    pub(crate) fn new(clients: Vec<C>, keys: &Arc<Vec<String>>, step: Step) -> Self {
        Self {
            clients,
            keys: Arc::clone(keys),
            step,
        }
    }
}

impl<C: Client> Op for Bare<C> {
    async fn run(&self, n: usize) -> Outcome {
        let (client, key) = (pick(&self.clients, n)?, pick(&self.keys, n)?);
        match self.step {
            Step::HGetAll => ttl_of(&client.hgetall(key).await?).map(drop),
            Step::EvalSha => client.no_op(key).await,
            Step::GuideGet => {
                let ttl = ttl_of(&client.hgetall(key).await?)?;
                ttl_of(&client.refresh(key, ttl).await?).map(drop)
            }
            Step::GuideIncrement => {
                let ttl = ttl_of(&client.hgetall(key).await?)?;
                client.increment(key, ttl).await.map(drop)
            }
        }
    }
}

/// The guide's check that a hash is a session.
fn ttl_of(hash: &Hash) -> Outcome<i64> {
    if !RESERVED.iter().all(|name| hash.contains_key(*name)) {
        return Err("no session".into());
    }
    let ttl = hash.get("session_ttl").ok_or("no session")?;
    Ok(ttl.parse()?)
}

/// The `redis` crate.
#[derive(Clone)]
pub(crate) struct RedisRs {
    connection: MultiplexedConnection,
    no_op: Arc<str>,
}

impl RedisRs {
    pub(crate) async fn connect(url: &str) -> Outcome<Self> {
        let client = redis::Client::open(url)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut load = redis::cmd("SCRIPT");
        let load = load.arg("LOAD").arg(NO_OP);
        let no_op: String = load.query_async(&mut connection).await?;
        Ok(Self {
            connection,
            no_op: no_op.into(),
        })
    }
}

impl Client for RedisRs {
    async fn hgetall(&self, key: &str) -> Outcome<Hash> {
        Ok(self.connection.clone().hgetall(key).await?)
    }

    async fn no_op(&self, key: &str) -> Outcome {
        let mut command = redis::cmd("EVALSHA");
        let command = command.arg(&*self.no_op).arg(1).arg(key);
        let _: i64 = command.query_async(&mut self.connection.clone()).await?;
        Ok(())
    }

    async fn refresh(&self, key: &str, ttl: i64) -> Outcome<Hash> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        pipe.hset(key, "last_accessed_at", NOW).ignore();
        pipe.expire(key, ttl).ignore().hgetall(key);
        let (hash,) = pipe.query_async(&mut self.connection.clone()).await?;
        Ok(hash)
    }

    async fn increment(&self, key: &str, ttl: i64) -> Outcome<i64> {
        let mut pipe = redis::pipe();
        pipe.atomic().hincr(key, PAGE_VIEWS, 1);
        pipe.hset(key, "last_accessed_at", NOW).ignore();
        pipe.expire(key, ttl).ignore();
        let (value,) = pipe.query_async(&mut self.connection.clone()).await?;
        Ok(value)
    }
}

/// The `fred` crate.
#[derive(Clone)]
pub(crate) struct Fred {
    client: fred::clients::Client,
    no_op: Arc<str>,
}

impl Fred {
    pub(crate) async fn connect(url: &str) -> Outcome<Self> {
        let config = fred::types::config::Config::from_url(url)?;
        let client = fred::types::Builder::from_config(config).build()?;
        client.init().await?;
        let no_op: String = client.script_load(NO_OP).await?;
        Ok(Self {
            client,
            no_op: no_op.into(),
        })
    }
}

impl Client for Fred {
    async fn hgetall(&self, key: &str) -> Outcome<Hash> {
        Ok(self.client.hgetall(key).await?)
    }

    async fn no_op(&self, key: &str) -> Outcome {
        let reply = self.client.evalsha(&*self.no_op, key, ());
        let _: i64 = reply.await?;
        Ok(())
    }

    async fn refresh(&self, key: &str, ttl: i64) -> Outcome<Hash> {
        let transaction = self.client.multi();
        let _: () = transaction.hset(key, ("last_accessed_at", NOW)).await?;
        let _: () = transaction.expire(key, ttl, None).await?;
        let _: () = transaction.hgetall(key).await?;
        let (_, _, hash): (i64, i64, Hash) = transaction.exec(true).await?;
        Ok(hash)
    }

    async fn increment(&self, key: &str, ttl: i64) -> Outcome<i64> {
        let transaction = self.client.multi();
        let _: () = transaction.hincrby(key, PAGE_VIEWS, 1).await?;
        let _: () = transaction.hset(key, ("last_accessed_at", NOW)).await?;
        let _: () = transaction.expire(key, ttl, None).await?;
        let (value, _, _): (i64, i64, i64) = transaction.exec(true).await?;
        Ok(value)
    }
}

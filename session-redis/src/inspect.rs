//! What an operator wants to know of the servers behind a store, beyond what its use needs.

mod facts;
mod seen;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use session_core::{Effect, Error, ErrorKind, Operation, Result, UnixMillis};
use tokio::time::Instant;

pub use self::facts::{Latency, MissingRights, ServerReport};
pub use self::seen::{KeysSeen, PrefixSeen};
use crate::acl::AclFeature;
use crate::admin::RedisAdmin;
use crate::command::{ArgsBuilder, Command};
use crate::connection::Connect;
use crate::endpoint::Endpoint;
use crate::info::Info;
use crate::keys::{KeySpace, Topology};
use crate::operation::Servers;
use crate::reply::{self, Reply, corrupt};
use crate::server_error::ServerError;
use crate::supervisor::{Lease, Supervisor, write_probe};

/// Asks the servers behind a store what they are: for operators, beside
/// [`SessionAdmin`](session_core::SessionAdmin). Changes nothing. Implemented by [`RedisAdmin`].
///
/// Dropping a future is safe. Nothing that is returned shows an id, a value or a password.
///
/// ```
/// # async fn example(servers: &dyn session_redis::ServerInspector) -> session_core::Result<()> {
/// for (endpoint, facts) in servers.server_reports().await? {
///     match facts {
///         Ok(facts) => println!("{endpoint}: {:?}", facts.server.product),
///         Err(error) => println!("{endpoint}: {error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait ServerInspector: std::fmt::Debug + Send + Sync + 'static {
    /// What each server is: the server or the primary; of a cluster the masters that serve slots.
    /// Takes a hundred round trips per server and about a second at most where these are slow.
    ///
    /// # Errors
    /// Of a server: the first contact's, where it cannot be used, whose source says what to do;
    /// [`ErrorKind::Unavailable`] and [`ErrorKind::Timeout`] where it cannot be reached. What the
    /// account may not ask is unknown, and no error. Of all: where no node of a cluster tells which
    /// its masters are.
    async fn server_reports(&self) -> Result<Vec<(Endpoint, Result<ServerReport>)>>;

    /// Under which prefixes there are keys that look like sessions, in which format: to tell an
    /// empty store from a wrong prefix. Looks at about so many keys, the first that `SCAN` returns.
    ///
    /// # Errors
    /// As of a server in [`server_reports`](Self::server_reports), [`ErrorKind::Denied`] without
    /// the right to `SCAN`.
    async fn keys_seen(&self, most: u64) -> Result<KeysSeen>;
}

/// How often a command is sent to learn how long replies take, and how long at most.
const SAMPLES: usize = 50;
const SAMPLING: Duration = Duration::from_millis(500);

/// Asks the server what the account may not run. ARGV: commands, with their second words behind a
/// bar, each before a key. Returns those commands. What the server does not know is not missing.
/// A server that takes no writes replies, too: a replica, one whose memory or disk is full.
const RIGHTS: &str = "#!lua flags=no-writes,allow-stale
local missing = {}
for i = 1, #ARGV, 2 do
  local words = {}
  for word in string.gmatch(ARGV[i], '[^|]+') do words[#words + 1] = word end
  words[#words + 1], words[#words + 2] = ARGV[i + 1], ARGV[i + 1]
  local is_known, may = pcall(redis.acl_check_cmd, unpack(words))
  if is_known and not may then missing[#missing + 1] = ARGV[i] end
end
return missing";

#[async_trait]
impl<C: Connect> ServerInspector for RedisAdmin<C> {
    async fn server_reports(&self) -> Result<Vec<(Endpoint, Result<ServerReport>)>> {
        let of_connecting = |error| nothing_changed(error, Operation::Connect);
        let mut all = Vec::new();
        for server in self.servers().await.map_err(of_connecting)? {
            let server = server.get();
            let facts = self.facts_of(server).await.map_err(of_connecting);
            all.push((server.shown(), facts));
        }
        Ok(all)
    }

    async fn keys_seen(&self, most: u64) -> Result<KeysSeen> {
        let seen = async {
            let servers = self.servers().await?;
            let of_each = most.div_ceil(u64::try_from(servers.len()).unwrap_or(1).max(1));
            let mut seen = KeysSeen::new(Vec::new(), 0, true);
            for server in &servers {
                let lease = server.get().lease(self.deadline()).await?;
                let prefix = self.backend().keys().prefix();
                seen.add(seen::look(&lease, prefix, of_each, || self.deadline()).await?);
            }
            Ok(seen)
        };
        seen.await
            .map_err(|error| nothing_changed(error, Operation::ListPage))
    }
}

fn nothing_changed(error: Error, operation: Operation) -> Error {
    error.with_effect(Effect::NotApplied).during(operation)
}

/// One of the servers.
enum Server<'a, C: Connect> {
    Only(&'a Supervisor<C>),
    Master(Arc<Supervisor<C>>),
}

impl<C: Connect> Server<'_, C> {
    fn get(&self) -> &Supervisor<C> {
        match self {
            Self::Only(server) => server,
            Self::Master(server) => server,
        }
    }
}

impl<C: Connect> RedisAdmin<C> {
    /// When what is sent now must be done.
    fn deadline(&self) -> Instant {
        Instant::now() + self.backend().settings().deadline
    }

    async fn servers(&self) -> Result<Vec<Server<'_, C>>> {
        self.backend().settings().check()?;
        match self.backend().servers() {
            Servers::Standalone(server) => Ok(vec![Server::Only(server)]),
            Servers::Cluster(cluster) => {
                let masters = cluster.master_nodes(self.deadline()).await?;
                Ok(masters.into_iter().map(Server::Master).collect())
            }
        }
    }

    async fn facts_of(&self, server: &Supervisor<C>) -> Result<ServerReport> {
        let lease = server.lease(self.deadline()).await?;
        let topology = match self.backend().servers() {
            Servers::Standalone(_) => Topology::Standalone,
            Servers::Cluster(_) => Topology::Cluster,
        };
        let features = features(topology);
        let asked_at = SystemTime::now();
        let sent = Instant::now();
        let time = lease.ask(Command::new("TIME", None), self.deadline()).await;
        let clock_ahead = match known(time)? {
            Some(time) => ahead(time, asked_at + sent.elapsed() / 2)?,
            None => None,
        };
        let commands = [
            Command::new("INFO", None),
            Command::new("ACL", Some("WHOAMI")),
            rights(self.backend().keys(), &features),
        ];
        let replies = lease.send(&commands, false, self.deadline()).await;
        let mut replies = replies.into_iter();
        let mut next = || replies.next().unwrap_or_else(|| Err(corrupt()));
        let info = match known(next())? {
            Some(Reply::Bytes(info)) => Some(Info::parse(&info)),
            _ => None,
        };
        let account = match known(next())? {
            Some(Reply::Bytes(name)) => Some(String::from_utf8_lossy(&name).into_owned()),
            _ => None,
        };
        let missing = match next() {
            // The first that is missing; which others are is known when it is granted.
            Err(error) if error.kind() == ErrorKind::Denied => Some(vec!["eval".to_owned()]),
            reply => known(reply)?.map(names).transpose()?,
        };
        Ok(ServerReport {
            is_writable: lease.contact().is_writable,
            has_one_slot_scripts: lease.contact().has_one_slot_scripts,
            missing_rights: missing.map(|missing| MissingRights::of(&features, &missing)),
            account,
            clock_ahead_millis: clock_ahead,
            ping: self.sample(&lease, &Command::new("PING", None)).await?,
            script: self.sample(&lease, &write_probe()).await?,
            ..match info {
                Some(info) => ServerReport::of(server.shown(), topology, &info),
                None => ServerReport::new(server.shown(), topology),
            }
        })
    }

    /// How long replies to this command take; nothing, where the account may not send it.
    async fn sample(&self, lease: &Lease<C>, command: &Command) -> Result<Option<Latency>> {
        let (begin, mut took) = (Instant::now(), Vec::with_capacity(SAMPLES));
        while took.len() < SAMPLES && (took.is_empty() || begin.elapsed() < SAMPLING) {
            let sent = Instant::now();
            let reply = lease.ask(command.clone(), self.deadline()).await;
            match reply {
                // A server that refuses has replied.
                Err(error) if ServerError::of(&error).is_none() => return Err(error),
                Err(error) if error.kind() == ErrorKind::Denied => return Ok(None),
                _ => took.push(sent.elapsed()),
            }
        }
        Ok(Latency::of(took))
    }
}

/// What an operator's account is to be allowed.
fn features(topology: Topology) -> Vec<AclFeature> {
    let mut features = vec![
        AclFeature::Sessions,
        AclFeature::Principals,
        AclFeature::Admin,
        AclFeature::Info,
    ];
    if topology == Topology::Cluster {
        features.push(AclFeature::Cluster);
    }
    features
}

/// Each right with keys of the shape that its command works on: an account may be granted those of
/// sessions and not those of indexes.
fn rights(keys: &KeySpace, features: &[AclFeature]) -> Command {
    let [sessions, indexes] = keys.shapes();
    let mut args = ArgsBuilder::default();
    args.push_number(0);
    for feature in features {
        let keys = match feature {
            AclFeature::Principals => &indexes,
            _ => &sessions,
        };
        for right in feature.rights() {
            for key in keys {
                args.push(right.trim_start_matches('+').as_bytes());
                args.push(key);
            }
        }
    }
    Command::with_args("EVAL", Some(RIGHTS), args.finish())
}

/// What a server tells; nothing, where it tells this account nothing or does not know the command.
fn known(reply: Result<Reply>) -> Result<Option<Reply>> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if ServerError::of(&error).is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

fn names(reply: Reply) -> Result<Vec<String>> {
    let names = reply::array(reply)?.into_iter();
    let name = |name| Ok(String::from_utf8_lossy(&reply::bytes(Some(name))?).into_owned());
    names.map(name).collect()
}

/// By how many milliseconds the server's clock is ahead of this one.
fn ahead(reply: Reply, here: SystemTime) -> Result<Option<i64>> {
    let parts = names(reply)?;
    let mut numbers = parts.iter().map(|part| part.parse::<u64>().ok());
    let (Some(Some(seconds)), Some(Some(micros))) = (numbers.next(), numbers.next()) else {
        return Ok(None);
    };
    let there = i128::from(seconds) * 1000 + i128::from(micros) / 1000;
    let here = i128::from(UnixMillis::from_system_time(here).get());
    Ok(i64::try_from(there - here).ok())
}

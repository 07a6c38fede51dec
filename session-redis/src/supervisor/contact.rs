//! First contact: what the server at the end of a fresh connection is, and whether it can be used.

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use session_core::{Effect, Error, ErrorKind, Result, ServerFacts};
use tokio::time::Instant;

use crate::command::{ArgsBuilder, Command};
use crate::connection::Connection;
use crate::info::{Info, Mode};
use crate::keys::KeyPrefix;
use crate::near::NearCacheRefused;
use crate::reply::{Reply, corrupt};
use crate::server_error::ServerError;
use crate::settings::{Eviction, ScriptSlots, Settings};
use crate::slot::{SLOTS, hash_slot};

/// What is expected of every server of a backend, and asked of each once a connection.
#[derive(Debug)]
pub(crate) struct Expected {
    mode: Mode,
    eviction: Eviction,
    script_slots: ScriptSlots,
    client_name: Option<String>,
    /// It has to tell of changes of the keys that are read.
    tracks: bool,
    /// Keys under the prefix, evenly spread over the slots.
    keys: Vec<Vec<u8>>,
    /// The eviction policies that were warned of.
    warned: Mutex<HashSet<String>>,
}

/// What first contact found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// It takes writes.
    pub(crate) is_writable: bool,
    /// A script may touch the keys of one slot only, so that an index has steps of its own.
    pub(crate) has_one_slot_scripts: bool,
    /// What the server says of itself.
    pub(crate) facts: ServerFacts,
}

/// How many keys are looked for, to learn whether a script may touch several slots.
const KEYS: usize = 16;
/// Runs on a full server, and uses what the scripts do: a header with flags, functions that not
/// every engine has.
const HEADER: &str =
    "#!lua flags=allow-oom\nassert(unpack and redis.acl_check_cmd and redis.sha1hex)\nreturn 1";
/// Is refused wherever a session could not be stored.
const WRITE: &str = "#!lua\nreturn 1";
/// The same, so that who watches a server knows it for a probe.
const PROBE: &str = "#!lua\nreturn 'probe'";
/// Looks for keys that are not declared, or of which only the first is, as the scripts do.
const LOOK: &str =
    "#!lua flags=no-writes\nfor _, key in ipairs(ARGV) do redis.call('EXISTS', key) end\nreturn 1";

/// Longer than anybody waits: whoever asks ends it.
const FOR_EVER: Duration = Duration::from_secs(86_400);

impl Expected {
    pub(crate) fn new(mode: Mode, settings: &Settings) -> Self {
        Self {
            mode,
            eviction: settings.eviction,
            script_slots: settings.script_slots,
            client_name: settings.client_name.clone(),
            tracks: settings.near_cache.is_some(),
            keys: spread_keys(&settings.key_prefix),
            warned: Mutex::default(),
        }
    }

    /// Whether each server is a node of a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.mode == Mode::Cluster
    }

    /// Asks the server what it is, in one round trip.
    ///
    /// # Errors
    /// It cannot be used: [`ErrorKind::Config`], with a source that says what to do. It cannot be
    /// used now: other kinds.
    pub(super) async fn check<T: Connection>(&self, connection: &T) -> Result<Contact> {
        let asks_for_slots =
            self.mode == Mode::Standalone && self.script_slots == ScriptSlots::Asked;
        let first = self.keys.get(..1).unwrap_or_default();
        let neighbour: Vec<_> = first.iter().map(|key| neighbour_of(key)).collect();
        let mut commands = vec![
            Command::new("INFO", None),
            eval(HEADER, &[], &[]),
            eval(HEADER, first, &[]),
            eval(LOOK, first, &neighbour),
        ];
        if asks_for_slots {
            commands.push(eval(LOOK, first, &self.keys));
        }
        if let Some(name) = &self.client_name {
            let mut args = ArgsBuilder::default();
            args.push(name.as_bytes());
            commands.push(Command::with_args("CLIENT", Some("SETNAME"), args.finish()));
        }
        if self.tracks {
            let mut args = ArgsBuilder::default();
            args.push(b"ON");
            commands.push(Command::with_args(
                "CLIENT",
                Some("TRACKING"),
                args.finish(),
            ));
        }
        let replies = connection.send(&commands, Instant::now() + FOR_EVER).await;
        // What was asked changes nothing.
        let mut replies = replies
            .into_iter()
            .map(|reply| reply.map_err(|error| error.with_effect(Effect::NotApplied)));
        let mut next = || replies.next().unwrap_or_else(|| Err(corrupt()));
        let info = match known(next())? {
            Some(Reply::Bytes(info)) => Info::parse(&info),
            _ => Info::parse(b""),
        };
        self.check_info(&info)?;
        let server = info.engine().unwrap_or("the server");
        let is_writable = runs_scripts(next())?;
        let runs_with_a_key = runs_with_a_key(next())?;
        let is_writable = match (is_writable, runs_with_a_key) {
            (Some(is_writable), _) => is_writable,
            (None, true) => return Err(misfit(Misfit::WantsAllKeys { server })),
            (None, false) => return Err(misfit(Misfit::RunsNoScripts { server })),
        };
        if !may_look_beside(next())? {
            return Err(misfit(Misfit::WantsAllKeys { server }));
        }
        let has_one_slot_scripts = match asks_for_slots {
            true => !may_touch_slots(next())?,
            false => self.mode == Mode::Standalone,
        };
        if self.client_name.is_some() {
            known(next())?;
        }
        if self.tracks {
            tracks(next())?;
            if has_one_slot_scripts {
                return Err(NearCacheRefused::SeveralServers.into());
            }
        }
        Ok(Contact {
            is_writable,
            has_one_slot_scripts,
            facts: info.facts(),
        })
    }

    fn check_info(&self, info: &Info) -> Result<()> {
        info.check_version()?;
        match (info.mode(), self.mode) {
            (Some(Mode::Cluster), Mode::Standalone) => return Err(misfit(Misfit::IsClusterNode)),
            (Some(Mode::Standalone), Mode::Cluster) => return Err(misfit(Misfit::IsStandalone)),
            (Some(Mode::Sentinel), _) => return Err(misfit(Misfit::IsSentinel)),
            _ => {}
        }
        let Some(policy) = info.evicting_policy() else {
            return Ok(());
        };
        if self.eviction == Eviction::Refuse {
            let policy = policy.to_owned();
            return Err(misfit(Misfit::Evicts { policy }));
        }
        let mut warned = self.warned.lock().unwrap_or_else(|it| it.into_inner());
        if warned.insert(policy.to_owned()) {
            let advice = match self.mode {
                Mode::Cluster => "\"log out everywhere\" may miss sessions: set noeviction",
                _ => "sessions may end early: set noeviction",
            };
            tracing::warn!(
                policy,
                "the server evicts keys when its memory is full; {advice}"
            );
        }
        Ok(())
    }
}

/// Asks whether the server lives and takes writes.
pub(super) async fn probe<T: Connection>(connection: &T) -> Result<()> {
    let commands = [eval(PROBE, &[], &[])];
    let mut replies = connection.send(&commands, Instant::now() + FOR_EVER).await;
    replies.pop().unwrap_or_else(|| Err(corrupt())).map(drop)
}

/// Asks whether the server still is the one that has this key, and takes scripts that write; it
/// may be full. For all other keys of a cluster's node the map says it.
///
/// # Returns
/// The map as the node knows it, if it is one.
pub(crate) async fn near_probe<T: Connection>(
    connection: &T,
    key: &[u8],
    is_node: bool,
) -> Result<Option<Reply>> {
    let mut commands = vec![eval(HEADER, &[key.to_vec()], &[])];
    if is_node {
        commands.push(Command::new("CLUSTER", Some("SLOTS")));
    }
    let replies = connection.send(&commands, Instant::now() + FOR_EVER).await;
    let mut replies = replies.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(if is_node { replies.pop() } else { None })
}

/// Is refused wherever a session could not be stored; changes nothing.
pub(crate) fn write_probe() -> Command {
    eval(WRITE, &[], &[])
}

fn eval(source: &'static str, keys: &[Vec<u8>], values: &[Vec<u8>]) -> Command {
    let mut args = ArgsBuilder::default();
    args.push_number(keys.len());
    for arg in keys.iter().chain(values) {
        args.push(arg);
    }
    Command::with_args("EVAL", Some(source), args.finish())
}

/// A reply that tells something. "Unknown" is taken from a server that may not tell, or knows no
/// such command; any other error is the result.
fn known(reply: Result<Reply>) -> Result<Option<Reply>> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(error) => match ServerError::of(&error) {
            Some(server) if server.is_not_allowed() => Ok(None),
            _ => Err(error),
        },
    }
}

/// The server tells of changes of the keys that are read.
fn tracks(reply: Result<Reply>) -> Result<()> {
    let Err(error) = reply else {
        return Ok(());
    };
    match ServerError::of(&error) {
        Some(_) if error.kind() == ErrorKind::Denied => Err(NearCacheRefused::Right.into()),
        Some(reply) if reply.code() == "ERR" => Err(NearCacheRefused::Server.into()),
        _ => Err(error),
    }
}

/// Whether the server takes writes; `None` where it does not run the script.
fn runs_scripts(reply: Result<Reply>) -> Result<Option<bool>> {
    let Err(error) = reply else {
        return Ok(Some(true));
    };
    match ServerError::of(&error) {
        Some(server) => match server.code() {
            "READONLY" => Ok(Some(false)),
            // The master, all the same; or it may not be asked.
            "MISCONF" | "NOREPLICAS" | "OOM" | "NOPERM" => Ok(Some(true)),
            "ERR" => Ok(None),
            _ => Err(error),
        },
        None => Err(error),
    }
}

/// Whether the same script ran with a key. A node of a cluster may say that the key is another's,
/// and a cluster that is down says so for all.
fn runs_with_a_key(reply: Result<Reply>) -> Result<bool> {
    match reply {
        Ok(_) => Ok(true),
        Err(error) => match ServerError::of(&error) {
            Some(server) if !server.is_cluster_down() => Ok(false),
            _ => Err(error),
        },
    }
}

/// Whether a script may look at a key that it makes, in the slot of the one it declares. What is
/// refused for another reason says nothing of it.
fn may_look_beside(reply: Result<Reply>) -> Result<bool> {
    match reply {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Denied => Ok(true),
        Err(error) => match ServerError::of(&error) {
            Some(server) => Ok(server.code() != "ERR"),
            None => Err(error),
        },
    }
}

fn may_touch_slots(reply: Result<Reply>) -> Result<bool> {
    match known(reply) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Denied => Ok(true),
        Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
        Err(error) => match ServerError::of(&error) {
            Some(_) => Ok(false),
            None => Err(error),
        },
    }
}

/// Names that no session and no index has, one in each sixteenth of the slots.
fn spread_keys(prefix: &KeyPrefix) -> Vec<Vec<u8>> {
    let mut keys: [Option<Vec<u8>>; KEYS] = Default::default();
    for n in 0..10_000 {
        let key = format!("{prefix}?{n}").into_bytes();
        let part = usize::from(hash_slot(&key)) * KEYS / SLOTS;
        if let Some(free @ None) = keys.get_mut(part) {
            *free = Some(key);
        }
        if keys.iter().all(Option::is_some) {
            break;
        }
    }
    keys.into_iter().flatten().collect()
}

/// Another such name in the slot of this one: prefixes have no braces.
fn neighbour_of(key: &[u8]) -> Vec<u8> {
    let prefix = key.split(|byte| *byte == b'?').next().unwrap_or_default();
    [prefix, b"?{", key, b"}"].concat()
}

/// Why a server cannot be used, whatever is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Misfit {
    IsClusterNode,
    IsStandalone,
    IsSentinel,
    RunsNoScripts { server: &'static str },
    WantsAllKeys { server: &'static str },
    Evicts { policy: String },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IsClusterNode => f.write_str(
                "the server is a node of a Redis Cluster: use a URL that begins with redis-cluster://",
            ),
            Self::IsStandalone => f.write_str(
                "the server is no node of a Redis Cluster: use a URL that begins with redis://",
            ),
            Self::IsSentinel => {
                f.write_str("the server is a Sentinel, which stores nothing: use a URL that begins with redis-sentinel://")
            }
            Self::RunsNoScripts { server } => write!(
                f,
                "{server} does not run the scripts, which begin with #!lua and flags: Redis 7.0, Valkey 7.2 or newer \
                 is needed",
            ),
            Self::WantsAllKeys { server } => write!(
                f,
                "{server} runs no script that names no key, or uses another key than it names, as AWS ElastiCache \
                 Serverless: a server or a cluster of nodes is needed",
            ),
            Self::Evicts { policy } => write!(
                f,
                "the server evicts keys when its memory is full (maxmemory-policy {policy}), and this backend is told to \
                 refuse such a server (Eviction::Refuse): set noeviction",
            ),
        }
    }
}

impl std::error::Error for Misfit {}

fn misfit(misfit: Misfit) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(misfit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Warnings;

    #[test]
    fn the_keys_are_spread_over_the_slots_and_are_no_sessions() {
        let prefix = KeyPrefix::default();
        let keys = spread_keys(&prefix);
        let parts: Vec<_> = keys.iter().map(|key| hash_slot(key) / 1024).collect();
        assert_eq!(parts, (0..16).collect::<Vec<_>>());
        assert!(keys.iter().all(|key| key.starts_with(b"session:?")));
        for key in &keys {
            assert_eq!(hash_slot(&neighbour_of(key)), hash_slot(key));
        }
    }

    #[test]
    fn a_policy_that_evicts_is_warned_of_once() {
        let heard = Warnings::default();
        let expected = Expected::new(Mode::Standalone, &Settings::default());
        tracing::subscriber::with_default(heard.clone(), || {
            for (policy, warnings) in [
                ("allkeys-lru", 1),
                ("allkeys-lru", 1),
                ("volatile-ttl", 2),
                ("noeviction", 2),
            ] {
                let info = format!("maxmemory:1\r\nmaxmemory_policy:{policy}\r\n");
                expected.check_info(&Info::parse(info.as_bytes())).unwrap();
                assert_eq!(heard.count(), warnings, "{policy}");
            }
        });
    }

    #[test]
    fn what_a_server_refuses_decides() {
        let refused = |code, detail| Err(ServerError::into_error(code, detail));
        for (code, detail, expected) in [
            ("READONLY", "", Ok(Some(false))),
            ("OOM", "", Ok(Some(true))),
            ("NOREPLICAS", "", Ok(Some(true))),
            ("NOPERM", "", Ok(Some(true))),
            ("ERR", "unknown command 'EVAL'", Ok(None)),
            ("ERR", "unexpected symbol near '#'", Ok(None)),
            ("LOADING", "", Err(ErrorKind::Unavailable)),
            ("BUSY", "", Err(ErrorKind::Unavailable)),
            ("MASTERDOWN", "", Err(ErrorKind::Unavailable)),
        ] {
            let found = runs_scripts(refused(code, detail)).map_err(|error| error.kind());
            assert_eq!(found, expected, "{code} {detail}");
        }
        for (code, detail, expected) in [
            ("ERR", "script tried accessing undeclared key", false),
            ("MOVED", "3999 127.0.0.1:6381", true),
            ("NOPERM", "", true),
            ("ERR", "ACL failure in script: script: 9f", true),
        ] {
            let found = may_look_beside(refused(code, detail)).unwrap();
            assert_eq!(found, expected, "{code} {detail}");
        }
        for (code, detail, expected) in [
            (
                "ERR",
                "Script attempted to access a non local key",
                Ok(false),
            ),
            ("CROSSSLOT", "", Ok(false)),
            ("NOPERM", "", Ok(true)),
            ("ERR", "ACL failure in script: script: 9f", Ok(true)),
            ("CLUSTERDOWN", "", Err(ErrorKind::Unavailable)),
        ] {
            let found = may_touch_slots(refused(code, detail)).map_err(|error| error.kind());
            assert_eq!(found, expected, "{code} {detail}");
        }
        for (code, detail, expected) in [
            ("MOVED", "3999 127.0.0.1:6381", true),
            ("CLUSTERDOWN", "Hash slot not served", true),
            ("CLUSTERDOWN", "The cluster is down", false),
        ] {
            let found = runs_with_a_key(refused(code, detail)).is_ok();
            assert_eq!(found, expected, "{code} {detail}");
        }
    }
}

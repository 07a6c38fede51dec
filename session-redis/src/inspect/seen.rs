//! Under which prefixes there are keys that look like sessions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bytes::Bytes;
use session_core::{Result, reserved};
use tokio::time::Instant;

use crate::command::{ArgsBuilder, Command};
use crate::connection::Connect;
use crate::key_format::{IdStorage, KeyFormat};
use crate::keys::{KeyPrefix, prefix_and_format};
use crate::reply::{self, Reply, corrupt};
use crate::supervisor::Lease;

/// Under which prefixes a look at some keys of a store has found what looks like sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeysSeen {
    /// The prefixes, each with one format of ids, most keys first.
    pub prefixes: Vec<PrefixSeen>,
    /// How many hashes were looked at.
    pub hashes: u64,
    /// Whether these were all hashes of the database.
    pub is_whole: bool,
}

/// How many keys under one prefix look like sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrefixSeen {
    /// The prefix.
    pub prefix: KeyPrefix,
    /// [`IdStorage::Plain`] or [`IdStorage::Hashed`].
    pub storage: IdStorage,
    /// How many keys were seen.
    pub keys: u64,
}

/// How many keys one `SCAN` looks at: under a millisecond of the server's time.
const COUNT: u64 = 1_000;
/// How many prefixes of sessions are told from one another. Names that end like ids by chance have
/// any prefix, a page full of them: each costs a look at one key.
const PREFIXES: usize = 32;

impl KeysSeen {
    /// These prefixes, under some of so many hashes.
    pub fn new(prefixes: Vec<PrefixSeen>, hashes: u64, is_whole: bool) -> Self {
        Self {
            prefixes,
            hashes,
            is_whole,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.hashes += other.hashes;
        self.is_whole &= other.is_whole;
        for seen in other.prefixes {
            let is_same =
                |it: &&mut PrefixSeen| it.prefix == seen.prefix && it.storage == seen.storage;
            match self.prefixes.iter_mut().find(is_same) {
                Some(same) => same.keys += seen.keys,
                None => self.prefixes.push(seen),
            }
        }
        self.prefixes.sort_by_key(|seen| Reverse(seen.keys));
    }
}

impl PrefixSeen {
    /// So many keys under this prefix.
    pub fn new(prefix: KeyPrefix, storage: IdStorage, keys: u64) -> Self {
        Self {
            prefix,
            storage,
            keys,
        }
    }
}

/// A prefix, and whether the ids behind it are hashed.
type Name = (String, bool);

/// Looks at about so many keys of one server. Those under the store's own prefix are always
/// counted; those under another from when one of them was seen to be a session.
pub(super) async fn look<C: Connect>(
    lease: &Lease<C>,
    own: &KeyPrefix,
    most: u64,
    deadline: impl Fn() -> Instant,
) -> Result<KeysSeen> {
    let mut found: BTreeMap<Name, u64> = BTreeMap::new();
    let (mut cursor, mut looked_at, mut hashes) = (Bytes::from_static(b"0"), 0, 0);
    let is_whole = loop {
        let page = lease.ask(scan(&cursor), deadline()).await?;
        let mut page = reply::array(page)?.into_iter();
        cursor = reply::bytes(page.next())?;
        // With one of their keys.
        let mut others: BTreeMap<Name, (Bytes, u64)> = BTreeMap::new();
        for key in reply::array(page.next().ok_or_else(corrupt)?)? {
            let key = reply::bytes(Some(key))?;
            hashes += 1;
            let Some((prefix, format)) = prefix_and_format(&key) else {
                continue;
            };
            let is_own = prefix == *own;
            let name = (prefix.as_str().to_owned(), format == KeyFormat::Hashed);
            if is_own || found.contains_key(&name) {
                *found.entry(name).or_default() += 1;
            } else {
                others.entry(name).or_insert((key, 0)).1 += 1;
            }
        }
        let room = PREFIXES.saturating_sub(found.len());
        if room > 0 {
            let of_sessions = those_of_sessions(lease, others, deadline()).await;
            found.extend(of_sessions.into_iter().take(room));
        }
        looked_at += COUNT;
        if &*cursor == b"0" {
            break true;
        }
        if looked_at >= most {
            break false;
        }
    };
    let seen = found.into_iter().filter_map(|((prefix, is_hashed), keys)| {
        let storage = match is_hashed {
            true => IdStorage::Hashed,
            false => IdStorage::Plain,
        };
        Some(PrefixSeen::new(prefix.parse().ok()?, storage, keys))
    });
    Ok(KeysSeen::new(seen.collect(), hashes, is_whole))
}

/// Those of which the key at hand is a session's, most keys first.
async fn those_of_sessions<C: Connect>(
    lease: &Lease<C>,
    names: BTreeMap<Name, (Bytes, u64)>,
    deadline: Instant,
) -> Vec<(Name, u64)> {
    let samples: Vec<_> = names.values().map(|(key, _)| has_ttl(key)).collect();
    let replies = match samples.is_empty() {
        true => Vec::new(),
        false => lease.send(&samples, false, deadline).await,
    };
    let sampled = names.into_iter().zip(replies);
    let of_sessions = sampled.filter_map(|((name, (_, keys)), sample)| {
        let is_session = match sample {
            Ok(Reply::Array(fields)) => !matches!(&*fields, [] | [Reply::Nil]),
            Ok(_) => false,
            // What the account may not look at may be a session: rather not by chance, if several
            // have the prefix.
            Err(_) => keys > 1,
        };
        is_session.then_some((name, keys))
    });
    let mut of_sessions: Vec<_> = of_sessions.collect();
    of_sessions.sort_by_key(|(_, keys)| Reverse(*keys));
    of_sessions
}

fn scan(cursor: &[u8]) -> Command {
    let mut args = ArgsBuilder::default();
    args.push(cursor);
    args.push(b"COUNT");
    args.push_number(COUNT);
    args.push(b"TYPE");
    args.push(b"hash");
    Command::with_args("SCAN", None, args.finish())
}

fn has_ttl(key: &[u8]) -> Command {
    let mut args = ArgsBuilder::default();
    args.push(key);
    args.push(reserved::SESSION_TTL.as_bytes());
    Command::with_args("HMGET", None, args.finish())
}

//! Under which prefixes there are keys that look like sessions.

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
/// How many prefixes are told from one another: names that end like ids by chance have any.
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
        self.prefixes
            .sort_by_key(|seen| std::cmp::Reverse(seen.keys));
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

/// Looks at about so many keys of one server.
pub(super) async fn look<C: Connect>(
    lease: &Lease<C>,
    most: u64,
    deadline: impl Fn() -> Instant,
) -> Result<KeysSeen> {
    let mut found: BTreeMap<(String, bool), (Bytes, u64)> = BTreeMap::new();
    let (mut cursor, mut looked_at, mut hashes) = (Bytes::from_static(b"0"), 0, 0);
    let is_whole = loop {
        let page = lease.ask(scan(&cursor), deadline()).await?;
        let mut page = reply::array(page)?.into_iter();
        cursor = reply::bytes(page.next())?;
        for key in reply::array(page.next().ok_or_else(corrupt)?)? {
            let key = reply::bytes(Some(key))?;
            hashes += 1;
            let Some((prefix, format)) = prefix_and_format(&key) else {
                continue;
            };
            let name = (prefix.to_string(), format == KeyFormat::Hashed);
            if let Some((_, keys)) = found.get_mut(&name) {
                *keys += 1;
            } else if found.len() < PREFIXES {
                found.insert(name, (key, 1));
            }
        }
        looked_at += COUNT;
        if &*cursor == b"0" {
            break true;
        }
        if looked_at >= most {
            break false;
        }
    };
    let samples: Vec<_> = found.values().map(|(key, _)| has_ttl(key)).collect();
    let replies = match samples.is_empty() {
        true => Vec::new(),
        false => lease.send(&samples, false, deadline()).await,
    };
    let mut prefixes = Vec::new();
    for (((prefix, is_hashed), (_, keys)), sample) in found.into_iter().zip(replies) {
        // What the account may not look at may be a session.
        let is_other = matches!(sample, Ok(Reply::Array(fields)) if fields == [Reply::Nil]);
        if let Some(prefix) = prefix.parse().ok().filter(|_| !is_other) {
            let storage = match is_hashed {
                true => IdStorage::Hashed,
                false => IdStorage::Plain,
            };
            prefixes.push(PrefixSeen::new(prefix, storage, keys));
        }
    }
    Ok(KeysSeen::new(prefixes, hashes, is_whole))
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

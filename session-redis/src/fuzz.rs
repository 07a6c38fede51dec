//! What must hold of a server's replies and of URLs, whatever their bytes. For fuzzers: no part of
//! the API.

mod urls;
mod words;

use std::error::Error as StdError;

use session_core::{Effect, Error, ErrorKind, FieldName};

pub use self::urls::urls;
use self::words::{array, text};
use crate::cluster::SlotMap;
use crate::info::{Info, Mode};
use crate::reply::{self, Outcome, Reply};
use crate::sentinel::said;
use crate::slot::SLOTS;
use crate::{Endpoint, ServerError};

/// Stands for what no text may show: an id, a value, a password.
const SECRET: &str = "hunter2";

/// All that an error shows.
fn shown(error: &(dyn StdError + 'static)) -> String {
    let mut text = format!("{error:?}");
    for error in std::iter::successors(Some(error), |error| (*error).source()) {
        text.extend([" ", &error.to_string()]);
    }
    text
}

/// A script's reply is decoded or corrupt, or the server's own error, and shows no value.
pub fn replies(data: &[u8]) {
    let given = words::reply(data);
    match reply::outcome(given.clone()) {
        Ok(Outcome::Done(parts) | Outcome::Evicted(parts)) => {
            if let Err(error) = reply::found(parts.clone()) {
                assert_corrupt(&error);
            }
            let counter = FieldName::try_from("a");
            match reply::written(parts, counter.iter()) {
                Ok(written) => assert_eq!(written.counters.len(), 1),
                Err(error) => assert_corrupt(&error),
            }
        }
        Ok(_) => {}
        Err(error) if error.source().is_some() => {
            assert!(error.effect() == Effect::NotApplied && first_is(&given, 6));
            assert_hidden(&error);
        }
        Err(error) => assert_corrupt(&error),
    }
    if let Reply::Array(parts) = given
        && let Ok(look) = <[Reply; 3]>::try_from(parts)
        && let Err(error) = reply::seen(look.map(Ok))
    {
        assert_corrupt(&error);
    }
    let text = String::from_utf8_lossy(data);
    let (code, detail) = text.split_once(' ').unwrap_or((&text, ""));
    let error = ServerError::into_error(code, detail);
    let has_started = detail.contains(" script: ");
    assert!(!has_started || error.effect() == Effect::Unknown);
    match ServerError::of(&error).and_then(ServerError::redirect) {
        Some(Endpoint::Tcp { host, .. }) => {
            assert!(matches!(code, "MOVED" | "ASK") && detail.contains(&**host));
        }
        Some(Endpoint::Unix { .. }) => unreachable!("a redirection names a host"),
        None => assert_hidden(&error),
    }
}

/// Each slot is served by the master of the last range that has it, and by no other.
pub fn cluster_maps(data: &[u8]) {
    let from = Endpoint::tcp("seed", 7000);
    let given = words::reply(data);
    let map = match SlotMap::parse(given.clone(), &from) {
        Ok(map) => map,
        Err(error) => return assert_corrupt(&error),
    };
    let ranges = array(&given).iter().map(|range| master_of(array(range)));
    let ranges: Vec<_> = ranges.collect();
    let edges = ranges.iter().flat_map(|(first, last, ..)| [*first, *last]);
    for slot in edges.flat_map(|edge| [edge.saturating_sub(1), edge, edge + 1]) {
        let mut of_slot = ranges.iter().rev();
        let expected = of_slot.find(|(first, last, ..)| (*first..=*last).contains(&slot));
        let expected = expected.map(|(.., host, port)| Endpoint::tcp(host.as_str(), *port));
        assert_eq!(map.owner(slot), expected.as_ref());
    }
    let masters = map.masters();
    let all = std::iter::successors(masters.first(), |it| masters.after(it));
    let mut slots: Vec<u16> = all.flat_map(|it| it.slots_to_try(SLOTS)).collect();
    slots.sort_unstable();
    let all_slots = 0..u16::try_from(SLOTS).unwrap_or_default();
    let served = all_slots.filter(|slot| map.owner(*slot).is_some());
    assert!(served.eq(slots), "each slot that is served has one master");
}

/// The primary's host and port are those that the sentinel said last.
pub fn sentinels(data: &[u8]) {
    let given = words::reply(data);
    let pairs = array(&given).chunks_exact(2);
    let value = |name: &str| {
        let of_name =
            |pair: &&[Reply]| matches!(pair, [Reply::Bytes(it), Reply::Bytes(_)] if it == name);
        let value = pairs.clone().rfind(of_name)?.last().map(text)?;
        String::from_utf8(value.to_vec()).ok()
    };
    let number = |name| value(name)?.parse::<u64>().ok();
    let (host, port) = (value("ip"), number("port"));
    match said(given.clone()) {
        Ok(said) => {
            let Endpoint::Tcp {
                host: of_said,
                port: at,
            } = said.primary
            else {
                unreachable!("a primary is at a host");
            };
            assert!(!of_said.is_empty() && at > 0);
            assert_eq!(
                (Some(&*of_said), Some(u64::from(at))),
                (host.as_deref(), port)
            );
            assert_eq!(Some(said.epoch), number("config-epoch"));
        }
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            assert!(host.as_deref() == Some("") || port == Some(0));
            assert_hidden(&error);
        }
        Err(error) => assert_corrupt(&error),
    }
}

/// What a server says of itself is what its lines say.
pub fn info(data: &[u8]) {
    let info = Info::parse(data);
    let text = String::from_utf8_lossy(data);
    let lines = || text.split('\n').map(str::trim_end);
    let value = |name| lines().find_map(|line| line.strip_prefix(name));
    let is_old = |found: &str, least| {
        let mut numbers = found.split('.').map(str::parse::<u32>);
        let (major, minor) = (numbers.next(), numbers.next());
        let minor = u64::from(minor.and_then(Result::ok).unwrap_or(0).min(99));
        let major = major.and_then(Result::ok).map(u64::from);
        major.is_some_and(|major| major * 100 + minor < least)
    };
    let is_too_old = match (value("valkey_version:"), value("redis_version:")) {
        (Some(valkey), _) => is_old(valkey, 702),
        (None, Some(redis)) => is_old(redis, 700),
        (None, None) => false,
    };
    let checked = info.check_version();
    assert_eq!(checked.is_err(), is_too_old);
    if let Err(error) = checked {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_hidden(&error);
    }
    let expected = match value("redis_mode:").or(value("server_mode:")) {
        Some("standalone") => Some(Mode::Standalone),
        Some("cluster") => Some(Mode::Cluster),
        Some("sentinel") => Some(Mode::Sentinel),
        _ => None,
    };
    assert_eq!(info.mode(), expected);
    let has_limit = !matches!(value("maxmemory:"), None | Some("0"));
    let policy = value("maxmemory_policy:").filter(|it| has_limit && *it != "noeviction");
    assert_eq!(info.evicting_policy(), policy);
    let databases = lines().filter(|line| line.starts_with("db"));
    assert!(info.databases().len() <= databases.count());
    if let Some((_, Some(version))) = info.software() {
        let is_of_version = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        assert!(version.len() <= 16 && version.bytes().all(is_of_version));
    }
}

fn assert_corrupt(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::CorruptReply);
    assert_hidden(error);
}

fn assert_hidden(error: &Error) {
    let text = shown(error);
    assert!(!text.contains(SECRET), "{text}");
}

fn first_is(reply: &Reply, code: i64) -> bool {
    array(reply).first() == Some(&Reply::Integer(code))
}

/// The slots of a range, and its master's host and port. For ranges that were taken.
fn master_of(range: &[Reply]) -> (u16, u16, String, u16) {
    let number = |part: Option<&Reply>| match part {
        Some(Reply::Integer(number)) => u16::try_from(*number).unwrap_or_default(),
        _ => 0,
    };
    let node = range.get(2).map_or(&[][..], array);
    let host = String::from_utf8_lossy(node.first().map_or(&[], text));
    let host = match &*host {
        "" | "?" => "seed",
        host => host,
    };
    (
        number(range.first()),
        number(range.get(1)),
        host.to_owned(),
        number(node.get(1)),
    )
}

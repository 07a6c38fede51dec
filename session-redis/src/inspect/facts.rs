//! What is known of one server.

use std::time::Duration;

use session_core::ServerFacts;

use crate::acl::AclFeature;
use crate::endpoint::Endpoint;
use crate::info::Info;
use crate::keys::Topology;

/// What is known of one server behind a store. What it does not tell this account is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReport {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Whether it was reached as one server or as a master of a Redis Cluster.
    pub topology: Topology,
    /// What it is, and whether it evicts.
    pub server: ServerFacts,
    /// How many replicas are connected to it.
    pub replicas: Option<u64>,
    /// Whether it takes writes; not, where it is a replica.
    pub is_writable: bool,
    /// A script may touch the keys of one hash slot only, so that log-ins take more round trips.
    pub has_one_slot_scripts: bool,
    /// The bytes that its data takes.
    pub used_memory: Option<u64>,
    /// The bytes that its data may take; 0 for any number.
    pub max_memory: Option<u64>,
    /// Whether it keeps an append-only file.
    pub is_appending: Option<bool>,
    /// Whether the last snapshot, or the last write of the append-only file, failed.
    pub has_failed_to_save: Option<bool>,
    /// How many keys each database has that has any.
    pub databases: Option<Vec<(u16, u64)>>,
    /// The account of this connection.
    pub account: Option<String>,
    /// What the account may not do of what an operator's needs; empty when it may do all.
    pub missing_rights: Option<Vec<MissingRights>>,
    /// By how many milliseconds its clock is ahead of this machine's, behind if less than zero; as
    /// exact as half a round trip.
    pub clock_ahead_millis: Option<i64>,
    /// How long it takes to reply to `PING`.
    pub ping: Option<Latency>,
    /// How long it takes to reply to a script that does nothing.
    pub script: Option<Latency>,
}

impl ServerReport {
    /// A server of which nothing is known but that it was reached, and takes writes.
    pub fn new(endpoint: Endpoint, topology: Topology) -> Self {
        Self {
            endpoint,
            topology,
            server: ServerFacts::default(),
            replicas: None,
            is_writable: true,
            has_one_slot_scripts: false,
            used_memory: None,
            max_memory: None,
            is_appending: None,
            has_failed_to_save: None,
            databases: None,
            account: None,
            missing_rights: None,
            clock_ahead_millis: None,
            ping: None,
            script: None,
        }
    }

    /// What the server tells of itself.
    pub(super) fn of(endpoint: Endpoint, topology: Topology, info: &Info) -> Self {
        let text = |name: &str| info.text(name);
        let number = |name: &str| text(name).and_then(|text| text.parse().ok());
        let failed = |name: &str| text(name).map(|status| status != "ok");
        let failures = [
            failed("rdb_last_bgsave_status"),
            failed("aof_last_write_status"),
        ];
        let failures = failures.into_iter().flatten();
        Self {
            server: info.facts(),
            replicas: number("connected_slaves"),
            used_memory: number("used_memory"),
            max_memory: number("maxmemory"),
            is_appending: text("aof_enabled").map(|enabled| enabled == "1"),
            has_failed_to_save: failures.reduce(|one, other| one || other),
            databases: Some(info.databases()),
            ..Self::new(endpoint, topology)
        }
    }
}

/// What an account may not do of what something needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingRights {
    /// What needs the rights.
    pub feature: AclFeature,
    /// The rights, as `ACL SETUSER` takes them: `+` and the command. Where it is all that work on
    /// keys, the account may lack the keys (`~prefix*`) and not the commands.
    pub rights: Vec<String>,
}

impl MissingRights {
    /// These rights, which that needs.
    pub fn new(feature: AclFeature, rights: Vec<String>) -> Self {
        Self { feature, rights }
    }

    pub(super) fn of(features: &[AclFeature], missing: &[String]) -> Vec<Self> {
        let of_feature = |&feature: &AclFeature| Self {
            feature,
            rights: {
                let mut rights = feature.rights();
                rights.retain(|right| {
                    let command = right.trim_start_matches('+');
                    missing.iter().any(|missing| missing == command)
                });
                rights
            },
        };
        let all = features.iter().map(of_feature);
        all.filter(|missing| !missing.rights.is_empty()).collect()
    }
}

/// How long replies take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// Half of them take no longer.
    pub p50: Duration,
    /// 99 of 100 take no longer.
    pub p99: Duration,
    /// How many were measured.
    pub samples: usize,
}

impl Latency {
    /// Of replies that took so long; `None` of none.
    pub fn of(mut took: Vec<Duration>) -> Option<Self> {
        took.sort_unstable();
        let samples = took.len();
        let last = samples.checked_sub(1)?;
        let at = |hundredths: usize| took.get((samples * hundredths / 100).min(last));
        Some(Self {
            p50: *at(50)?,
            p99: *at(99)?,
            samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_info_says_becomes_facts_and_what_it_does_not_say_is_unknown() {
        let info = Info::parse(
            b"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n\
              connected_slaves:2\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n\
              rdb_last_bgsave_status:ok\r\naof_last_write_status:err\r\naof_enabled:1\r\n\
              db0:keys=3,expires=1,avg_ttl=0\r\ndb12:keys=7\r\ndbx:keys=1\r\n",
        );
        let endpoint = || Endpoint::tcp("h", 1);
        let facts = ServerReport::of(endpoint(), Topology::Standalone, &info);
        let server = (facts.server.product, facts.server.may_evict);
        assert_eq!(server, (Some("Valkey"), true));
        assert_eq!(facts.replicas, Some(2));
        assert_eq!(facts.has_failed_to_save, Some(true));
        assert_eq!(facts.databases, Some(vec![(0, 3), (12, 7)]));
        let silent = ServerReport::of(endpoint(), Topology::Standalone, &Info::parse(b""));
        let unknown = ServerReport::new(endpoint(), Topology::Standalone);
        assert_eq!(silent.databases, Some(Vec::new()));
        let databases = None;
        assert_eq!(
            ServerReport {
                databases,
                ..silent
            },
            unknown
        );
    }

    #[test]
    fn latencies_are_those_of_the_middle_and_of_the_slow() {
        let millis = |n: &usize| Duration::from_millis(u64::try_from(*n).unwrap());
        for (count, p50, p99) in [(1, 1, 1), (2, 2, 2), (100, 51, 100), (200, 101, 199)] {
            let latency = Latency::of((1..=count).rev().map(|n| millis(&n)).collect());
            let latency = latency.unwrap();
            assert_eq!((latency.p50, latency.p99), (millis(&p50), millis(&p99)));
        }
        assert_eq!(Latency::of(Vec::new()), None);
    }
}

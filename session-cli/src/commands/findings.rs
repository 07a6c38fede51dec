//! What the facts of a server mean.

mod rights;

use std::time::Duration;

use serde::Serialize;
use session_store::admin::{KeyPrefix, Latency, ServerReport, Topology};

use self::rights::of_rights;
use crate::text::escaped;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Problem,
}

/// One thing that was found, and what to do.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    check: &'static str,
    server: Option<String>,
    found: String,
    advice: Option<String>,
}

/// Above these an application's visitors notice.
const SLOW: Duration = Duration::from_millis(10);
const SLOWEST: Duration = Duration::from_millis(100);
/// Clocks that differ by more write timestamps that mislead people. None decides over a session.
const CLOCK_DIFFERENCE: u64 = 2_000;

impl Finding {
    pub(super) fn ok(
        check: &'static str,
        server: Option<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Ok,
            check,
            server,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn warning(
        check: &'static str,
        server: Option<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warning,
            advice: Some(advice.into()),
            ..Self::ok(check, server, found)
        }
    }

    pub(super) fn problem(
        check: &'static str,
        server: Option<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Problem,
            ..Self::warning(check, server, found, advice)
        }
    }

    /// For people, in one line.
    pub(super) fn text(&self) -> String {
        let server = self.server.as_ref().map(|name| format!(" {name}:"));
        let advice = self.advice.as_ref().map(|it| format!("; {it}"));
        escaped(&format!(
            "{}:{} {}{}",
            self.check,
            server.unwrap_or_default(),
            self.found,
            advice.unwrap_or_default()
        ))
    }
}

/// All that is found of one server, whose keys of sessions begin so.
pub(super) fn of_server(facts: &ServerReport, prefix: &KeyPrefix) -> Vec<Finding> {
    let name = || Some(facts.endpoint.to_string());
    let mut findings = vec![
        Finding::ok("server", name(), software(facts)),
        of_role(facts),
        of_eviction(facts),
        of_rights(facts, prefix),
        of_latency("ping", name(), facts.ping),
        of_latency("script", name(), facts.script),
        of_clock(name(), facts.clock_ahead_millis),
        of_saving(facts),
    ];
    if facts.has_one_slot_scripts && facts.topology == Topology::Standalone {
        findings.push(Finding::ok(
            "slots",
            name(),
            "a script may touch one hash slot only (a proxy before shards?): log-ins take a round trip more",
        ));
    }
    findings
}

fn software(facts: &ServerReport) -> String {
    let software = facts.server.product.unwrap_or("unknown software");
    let version = facts
        .server
        .version
        .as_deref()
        .unwrap_or("of unknown version");
    let topology = match facts.topology {
        Topology::Standalone => "one server",
        Topology::Cluster => "master of a cluster",
    };
    format!("{software} {version}, {topology}")
}

fn of_role(facts: &ServerReport) -> Finding {
    let name = Some(facts.endpoint.to_string());
    if !facts.is_writable {
        return Finding::problem(
            "role",
            name,
            "it takes no writes: a replica, most likely",
            "use the primary's address, or redis-sentinel:// with the sentinels'",
        );
    }
    let found = match facts.replicas {
        Some(1) => "takes writes, 1 replica".to_owned(),
        Some(replicas) => format!("takes writes, {replicas} replicas"),
        None => "takes writes, replicas unknown".to_owned(),
    };
    Finding::ok("role", name, found)
}

fn of_eviction(facts: &ServerReport) -> Finding {
    let name = Some(facts.endpoint.to_string());
    let Some(policy) = &facts.server.eviction_policy else {
        return Finding::warning(
            "eviction",
            name,
            "unknown: the account may not ask",
            "grant +info",
        );
    };
    let used = facts.used_memory.map_or("unknown".to_owned(), mebibytes);
    let found = match facts.max_memory {
        None | Some(0) => format!("{policy}, {used} used, no limit"),
        Some(limit) => format!("{policy}, {used} of {} used", mebibytes(limit)),
    };
    if facts.server.may_evict {
        let advice =
            "sessions may end early when the memory is full: set maxmemory-policy noeviction";
        return Finding::warning("eviction", name, found, advice);
    }
    Finding::ok("eviction", name, found)
}

pub(super) fn of_latency(
    check: &'static str,
    server: Option<String>,
    latency: Option<Latency>,
) -> Finding {
    let Some(latency) = latency else {
        return Finding::ok(check, server, "unknown: the account may not ask");
    };
    let found = format!(
        "p50 {}, p99 {} of {}",
        millis(latency.p50),
        millis(latency.p99),
        latency.samples
    );
    match latency.p50 > SLOW || latency.p99 > SLOWEST {
        true => Finding::warning(
            check,
            server,
            found,
            "is the server far away, or busy? Each request waits for it once or twice",
        ),
        false => Finding::ok(check, server, found),
    }
}

pub(super) fn of_clock(name: Option<String>, ahead: Option<i64>) -> Finding {
    let Some(ahead) = ahead else {
        return Finding::ok("clock", name, "unknown: the account may not ask");
    };
    let found = match ahead {
        0.. => format!("{ahead} ms ahead of this machine's"),
        _ => format!("{} ms behind this machine's", ahead.unsigned_abs()),
    };
    match ahead.unsigned_abs() > CLOCK_DIFFERENCE {
        true => Finding::warning(
            "clock",
            name,
            found,
            "synchronise both (NTP): expiry is by the server's clock, timestamps by the application's",
        ),
        false => Finding::ok("clock", name, found),
    }
}

fn of_saving(facts: &ServerReport) -> Finding {
    let name = Some(facts.endpoint.to_string());
    match (facts.has_failed_to_save, facts.is_appending) {
        (Some(true), _) => Finding::problem(
            "persistence",
            name,
            "the last save failed: the server may refuse writes",
            "look into its log; has it room on its disk?",
        ),
        (_, Some(true)) => Finding::ok("persistence", name, "append-only file"),
        (_, Some(false)) => Finding::ok(
            "persistence",
            name,
            "no append-only file: a restart forgets what no snapshot has",
        ),
        (_, None) => Finding::ok("persistence", name, "unknown: the account may not ask"),
    }
}

pub(super) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_store::Endpoint;
    use session_store::admin::{AclFeature, MissingRights};

    #[test]
    fn each_fact_has_its_level_and_what_to_do() {
        use Level::{Ok, Problem, Warning};
        let took = |millis| Latency::of(vec![Duration::from_millis(millis)]);
        let missing = |feature| {
            let rights = vec!["+a".to_owned(), "+b".to_owned()];
            Some(vec![MissingRights::new(feature, rights)])
        };
        type Change<'c> = &'c dyn Fn(&mut ServerReport);
        let cases: [(&str, Level, &str, Change<'_>); 16] = [
            ("server", Ok, "unknown software", &|_| {}),
            ("role", Ok, "replicas unknown", &|_| {}),
            ("role", Ok, "1 replica", &|it| it.replicas = Some(1)),
            ("role", Problem, "redis-sentinel", &|it| {
                it.is_writable = false;
            }),
            ("eviction", Warning, "grant +info", &|_| {}),
            ("eviction", Ok, "no limit", &|it| {
                it.server.eviction_policy = Some("allkeys-lru".into());
            }),
            ("rights", Warning, "unknown", &|_| {}),
            ("rights", Ok, "may do all", &|it| {
                it.missing_rights = Some(Vec::new());
            }),
            ("rights", Warning, "~s:* +a +b", &|it| {
                it.missing_rights = missing(AclFeature::Info);
            }),
            ("rights", Problem, "ACCOUNT ~s:*", &|it| {
                it.missing_rights = missing(AclFeature::Admin);
            }),
            ("ping", Ok, "p50 10.00 ms", &|it| it.ping = took(10)),
            ("script", Warning, "far away", &|it| it.script = took(11)),
            ("clock", Ok, "2000 ms behind", &|it| {
                it.clock_ahead_millis = Some(-2000);
            }),
            ("clock", Warning, "NTP", &|it| {
                it.clock_ahead_millis = Some(2001);
            }),
            ("persistence", Problem, "its disk", &|it| {
                it.has_failed_to_save = Some(true);
            }),
            ("slots", Ok, "proxy", &|it| it.has_one_slot_scripts = true),
        ];
        for (check, level, said, change) in cases {
            let mut facts = ServerReport::new(Endpoint::tcp("h\u{1b}", 1), Topology::Standalone);
            change(&mut facts);
            let findings = of_server(&facts, &"s:".parse().unwrap());
            let found = findings.iter().find(|it| it.check == check).unwrap();
            let text = found.text();
            assert_eq!(found.level, level, "{text}");
            assert!(text.contains(said) && !text.contains('\u{1b}'), "{text}");
        }
    }
}

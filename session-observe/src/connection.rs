//! What becomes of a backend's connections, as metrics and log events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use session_core::{
    AttemptOutcome, ConnectionAttempt, ConnectionChange, ConnectionObserver, ConnectionState,
    NearCacheStats, ServerFacts,
};

use crate::names::{
    CONNECTION_ATTEMPT_DURATION, CONNECTION_ATTEMPTS, CONNECTION_DOWN, CONNECTION_STATE,
    NEAR_CACHE_AGE, NEAR_CACHE_BYTES, NEAR_CACHE_DROPS, NEAR_CACHE_READS, NEAR_CACHE_SESSIONS,
    SERVER_INFO, describe,
};
use crate::outcome::Outcome;

/// The states that a connection can be in while it is kept up.
const STATES: [(ConnectionState, &str); 4] = [
    (ConnectionState::Connecting, "connecting"),
    (ConnectionState::Up, "up"),
    (ConnectionState::Suspect, "suspect"),
    (ConnectionState::Down, "down"),
];

/// Makes metrics and log events of what becomes of a backend's connections. It is given to the
/// backend's builder.
///
/// Log events have the target `session`: an attempt is one at the level `DEBUG`, what a server says
/// of itself and the end of a time down are `INFO`. (That a connection is lost, and that a server
/// evicts keys, the backend logs by itself.)
#[derive(Debug)]
pub struct ConnectionMetrics {
    backend: &'static str,
    next: Option<Arc<dyn ConnectionObserver>>,
    seen: Mutex<HashMap<String, Seen>>,
    /// What was counted of the near cache.
    near: Mutex<NearCacheStats>,
}

/// What is known of the connection to one server.
#[derive(Debug, Default)]
struct Seen {
    down_since: Option<Instant>,
    facts: Option<ServerFacts>,
}

impl ConnectionMetrics {
    /// Of this backend: the name that [`Observe::wrap`](crate::Observe::wrap) has for it.
    pub fn new(backend: &'static str) -> Self {
        describe();
        Self {
            backend,
            next: None,
            seen: Mutex::default(),
            near: Mutex::default(),
        }
    }

    /// The same, and this observer is called after it.
    #[must_use]
    pub fn and_then(mut self, next: Arc<dyn ConnectionObserver>) -> Self {
        self.next = Some(next);
        self
    }

    fn with_seen<T>(&self, server: &str, change: impl FnOnce(&mut Seen) -> T) -> T {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get_mut(server) {
            Some(of_server) => change(of_server),
            None => change(seen.entry(server.to_owned()).or_default()),
        }
    }

    fn set_state(&self, server: &str, now: ConnectionState) {
        for (state, name) in STATES {
            let labels = [
                ("state", name.to_owned()),
                ("server", server.to_owned()),
                ("backend", self.backend.to_owned()),
            ];
            gauge!(CONNECTION_STATE, &labels).set(f64::from(u8::from(state == now)));
        }
    }

    fn note_down(&self, change: &ConnectionChange<'_>) {
        let server = change.endpoint;
        let was_down = self.with_seen(server, |seen| match change.to {
            ConnectionState::Down => {
                seen.down_since.get_or_insert_with(Instant::now);
                None
            }
            _ => seen.down_since.take(),
        });
        if let Some(since) = was_down {
            let seconds = since.elapsed().as_secs_f64();
            let labels = [
                ("server", server.to_owned()),
                ("backend", self.backend.to_owned()),
            ];
            histogram!(CONNECTION_DOWN, &labels).record(seconds);
            tracing::info!(target: "session", server, seconds, "the session store was down");
        }
    }

    /// Says what the server says of itself, where it is not what it said before.
    fn note_facts(&self, server: &str, facts: Option<&ServerFacts>) {
        let before = self.with_seen(server, |seen| {
            (seen.facts.as_ref() != facts)
                .then(|| std::mem::replace(&mut seen.facts, facts.cloned()))
        });
        let Some(before) = before else {
            return;
        };
        if let Some(before) = before {
            self.set_info(server, &before, 0.0);
        }
        if let Some(facts) = facts {
            self.set_info(server, facts, 1.0);
            tracing::info!(
                target: "session",
                server,
                product = facts.product,
                version = facts.version,
                eviction_policy = facts.eviction_policy,
                may_evict = facts.may_evict,
                "the session store's server"
            );
        }
    }

    /// What came since the last time. Of two calls at once each counts a part.
    fn count_near_cache(&self, stats: &NearCacheStats) {
        let mut counted = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *counted;
        let whole = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        for (name, label, now, before) in [
            (
                NEAR_CACHE_READS,
                Some(("outcome", "hit")),
                stats.hits,
                before.hits,
            ),
            (
                NEAR_CACHE_READS,
                Some(("outcome", "miss")),
                stats.misses,
                before.misses,
            ),
            (
                NEAR_CACHE_DROPS,
                Some(("reason", "changed")),
                stats.invalidations,
                before.invalidations,
            ),
            (
                NEAR_CACHE_DROPS,
                Some(("reason", "memory")),
                stats.evictions,
                before.evictions,
            ),
            (NEAR_CACHE_AGE, None, whole(stats.age), whole(before.age)),
        ] {
            let labels: Vec<_> = label
                .into_iter()
                .chain([("backend", self.backend)])
                .collect();
            counter!(name, &labels).increment(now.saturating_sub(before));
        }
        // A count that is late says less than what was said.
        if stats.hits + stats.misses >= before.hits + before.misses {
            *counted = *stats;
            let gauge = |name, value: u64| {
                let value = u32::try_from(value).map_or(f64::MAX, f64::from);
                gauge!(name, "backend" => self.backend).set(value);
            };
            gauge(NEAR_CACHE_SESSIONS, stats.sessions);
            gauge(NEAR_CACHE_BYTES, stats.bytes);
        }
    }

    fn set_info(&self, server: &str, facts: &ServerFacts, to: f64) {
        let or_unknown = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        let labels = [
            ("product", or_unknown(facts.product)),
            ("version", or_unknown(facts.version.as_deref())),
            (
                "eviction_policy",
                or_unknown(facts.eviction_policy.as_deref()),
            ),
            ("may_evict", facts.may_evict.to_string()),
            ("server", server.to_owned()),
            ("backend", self.backend.to_owned()),
        ];
        gauge!(SERVER_INFO, &labels).set(to);
    }
}

impl ConnectionObserver for ConnectionMetrics {
    fn connection_changed(&self, change: &ConnectionChange<'_>) {
        self.set_state(change.endpoint, change.to);
        self.note_down(change);
        if change.to == ConnectionState::Closed {
            self.note_facts(change.endpoint, None);
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.remove(change.endpoint);
        }
        if let Some(next) = &self.next {
            next.connection_changed(change);
        }
    }

    fn connection_attempted(&self, attempt: &ConnectionAttempt<'_>) {
        let outcome = match attempt.outcome {
            AttemptOutcome::Connected(facts) => {
                self.note_facts(attempt.endpoint, Some(facts));
                "connected"
            }
            AttemptOutcome::Failed(error) => Outcome::of_error(error.kind()).as_str(),
            AttemptOutcome::NotNeeded => "not_needed",
            _ => Outcome::Other.as_str(),
        };
        let labels = [
            ("outcome", outcome.to_owned()),
            ("server", attempt.endpoint.to_owned()),
            ("backend", self.backend.to_owned()),
        ];
        counter!(CONNECTION_ATTEMPTS, &labels).increment(1);
        histogram!(CONNECTION_ATTEMPT_DURATION, &labels).record(attempt.took);
        tracing::debug!(
            target: "session",
            server = attempt.endpoint,
            outcome,
            seconds = attempt.took.as_secs_f64(),
            "an attempt to connect to the session store"
        );
        if let Some(next) = &self.next {
            next.connection_attempted(attempt);
        }
    }

    fn near_cache_used(&self, stats: &NearCacheStats) {
        self.count_near_cache(stats);
        if let Some(next) = &self.next {
            next.near_cache_used(stats);
        }
    }
}

//! What becomes of a backend's connections.

use std::fmt;
use std::time::Duration;

use crate::error::Error;

/// Is called at each change in a backend's connections, and after each attempt to make one: for
/// metrics and alarms.
///
/// It is given to a backend's builder, and called by the task that looks after the connection: it
/// must not block. Operations are not reported here. No text that it is given holds a password.
///
/// ```
/// use session_core::{ConnectionChange, ConnectionObserver, ConnectionState};
///
/// #[derive(Debug)]
/// struct Alarm;
///
/// impl ConnectionObserver for Alarm {
///     fn connection_changed(&self, change: &ConnectionChange<'_>) {
///         if change.to == ConnectionState::Down {
///             eprintln!("{}: no session store", change.endpoint);
///         }
///     }
/// }
/// ```
pub trait ConnectionObserver: fmt::Debug + Send + Sync + 'static {
    /// A connection is in another state than before.
    fn connection_changed(&self, change: &ConnectionChange<'_>);

    /// An attempt to connect has ended. Does nothing, unless an observer says otherwise.
    fn connection_attempted(&self, attempt: &ConnectionAttempt<'_>) {
        let _ = attempt;
    }

    /// The backend has a near cache, which was used since this was last called: a few times within
    /// its bound. Does nothing, unless an observer says otherwise.
    fn near_cache_used(&self, stats: &NearCacheStats) {
        let _ = stats;
    }
}

/// What became of the reads that a backend's near cache could have served, since the backend was
/// built. A near cache keeps sessions that were read in the process; of the backends of this
/// workspace the one on redis-rs can have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NearCacheStats {
    /// Reads that it served.
    pub hits: u64,
    /// Reads that it could have served, had it had the session.
    pub misses: u64,
    /// Sessions that it dropped because the server said that they have changed.
    pub invalidations: u64,
    /// Sessions that it dropped for want of memory.
    pub evictions: u64,
    /// How long ago what it served had been read, all hits together.
    pub age: Duration,
    /// How many sessions it keeps.
    pub sessions: u64,
    /// How many bytes they take, about.
    pub bytes: u64,
}

/// The connection to one server is in another state than before.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectionChange<'a> {
    /// The server's address, as the backend knows it.
    pub endpoint: &'a str,
    /// The state before.
    pub from: ConnectionState,
    /// The state now.
    pub to: ConnectionState,
    /// Why there is no connection, if that is known.
    pub reason: Option<&'a Error>,
}

impl<'a> ConnectionChange<'a> {
    /// This change.
    pub fn new(
        endpoint: &'a str,
        from: ConnectionState,
        to: ConnectionState,
        reason: Option<&'a Error>,
    ) -> Self {
        Self {
            endpoint,
            from,
            to,
            reason,
        }
    }
}

/// What a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// It is being made, for the first time or right after a loss; operations wait for it.
    Connecting,
    /// It is used.
    Up,
    /// It is used although an operation found it silent; a fresh one is being made.
    Suspect,
    /// Operations fail at once, and nothing of them is applied. It comes back by itself.
    Down,
    /// Nobody keeps it up any longer: the backend was dropped, or the server has left its cluster.
    Closed,
}

/// An attempt to connect to one server, ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectionAttempt<'a> {
    /// The server's address, as the backend knows it.
    pub endpoint: &'a str,
    /// What came of it.
    pub outcome: AttemptOutcome<'a>,
    /// How long it took, first contact included.
    pub took: Duration,
}

impl<'a> ConnectionAttempt<'a> {
    /// This attempt.
    pub fn new(endpoint: &'a str, outcome: AttemptOutcome<'a>, took: Duration) -> Self {
        Self {
            endpoint,
            outcome,
            took,
        }
    }
}

/// What came of an attempt to connect.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum AttemptOutcome<'a> {
    /// There is a connection to a server that can be used. It need not be used: another one may
    /// have come back meanwhile, or the server takes no writes.
    Connected(&'a ServerFacts),
    /// There is none.
    Failed(&'a Error),
    /// It was ended before its end, because the connection that it was to replace has come back.
    NotNeeded,
}

/// What a server says of itself to a fresh connection, as far as the account may ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerFacts {
    /// The product: `Redis`, `Valkey`, another engine's name.
    pub product: Option<&'static str>,
    /// Its version: digits and dots, at most 16 characters.
    pub version: Option<String>,
    /// Which keys it evicts when its memory is full, as the server names it: `noeviction`,
    /// `allkeys-lru`. Lower-case letters and hyphens, at most 32 characters.
    pub eviction_policy: Option<String>,
    /// Whether keys may be evicted: there is a limit of memory, and a policy that evicts.
    pub may_evict: bool,
}

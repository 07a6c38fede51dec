//! The near cache: sessions that were read, kept in this process and kept right by the server.
//!
//! Everything follows from the order of one connection's stream. The server tracks the keys that
//! the connection reads (RESP3, `CLIENT TRACKING` in its default mode), and tells of each change
//! of one of them, whoever makes it, in the stream of replies:
//!
//! 1. A change of a key that was read comes after the reply of that read, and before every reply
//!    to what was sent later and saw the change. So what a read has returned may be kept until the
//!    key is named, if nothing named it since the read was sent ([`Reading`]).
//! 2. Behind each script that writes, something is sent that changes nothing. Once it has its
//!    reply, whatever the script changed has been named, also the sessions that it found by itself:
//!    those of a principal, or behind a tombstone. `NOLOOP` would take that away. Where there is
//!    no reply, all that is kept is forgotten: a read that is sent behind it sees what it did.
//! 3. What was sent within the bound and has a reply proves that no older change is under way: the
//!    read itself, and then a probe of the connection ([`Tracking::prove`]), which is refused
//!    wherever the key could not be read by a script that may write. A connection that is silent,
//!    or whose server was replaced, proves nothing. A node of a cluster shows its map with it: when
//!    that changes, keys may have become another node's that this one has yet to name.
//! 4. What one connection has kept is of no use to another ([`Tracking`]'s epoch). A connection
//!    begins to keep when no operation holds the one before it: else a write there could be
//!    acknowledged before this one has been told.
//! 5. How long a session has lived since it was read is the longer of the time that was counted and
//!    that of the machine's clock: the first stands still while a machine is suspended.
//!
//! That they suffice is explored by a [model](model).

#[cfg(test)]
mod model;
mod shard;
mod tracking;

use std::time::Duration;

use session_core::{Effect, Error, ErrorKind, Result};

pub(crate) use self::tracking::{Near, Reading, Tracking, keep};

/// Settings of the near cache, which is off by default: reads that do not slide the expiry are
/// served by this process, and kept right by the server. See the page "The near cache" of
/// `session-store`.
///
/// Within one process nothing changes: what an acknowledged step has changed is seen by all that
/// follow. What another process changes is seen within the bound, also over a connection that has
/// fallen silent. Expiry stays exact.
///
/// Only reads that need no slide are served: those of
/// [`Touch::IfOlderThan`](session_core::Touch::IfOlderThan) within its time, and of
/// [`Touch::Never`](session_core::Touch::Never).
///
/// ```
/// use std::time::Duration;
///
/// use session_redis::NearCache;
///
/// let near = NearCache::within(Duration::from_secs(1)).memory(16 << 20);
/// # let _ = near;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearCache {
    bound: Duration,
    memory: usize,
}

impl NearCache {
    /// The bound of [`NearCache::default`].
    pub const DEFAULT_BOUND: Duration = Duration::from_secs(2);
    /// The memory of [`NearCache::default`]: 64 MiB.
    pub const DEFAULT_MEMORY: usize = 64 << 20;
    /// The longest bound that is told from none at all: a day.
    const LONGEST_BOUND: Duration = Duration::from_secs(86_400);

    /// Changes by other processes are seen within this time.
    pub const fn within(bound: Duration) -> Self {
        Self {
            bound,
            memory: Self::DEFAULT_MEMORY,
        }
    }

    /// How many bytes the sessions that are kept may take, about. What was used least lately makes
    /// room for what is read; a session that alone takes more than a sixteenth of it is not kept.
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.bound.is_zero() {
            return Err(NearCacheRefused::NoBound.into());
        }
        Ok(())
    }

    fn bound(&self) -> Duration {
        self.bound.min(Self::LONGEST_BOUND)
    }
}

impl Default for NearCache {
    fn default() -> Self {
        Self::within(Self::DEFAULT_BOUND)
    }
}

impl From<NearCacheRefused> for Error {
    fn from(why: NearCacheRefused) -> Self {
        Self::new(ErrorKind::Config, Effect::NotApplied).with_source(why)
    }
}

/// Why a backend cannot have a near cache. The source of an error of kind
/// [`ErrorKind::Config`](session_core::ErrorKind::Config).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NearCacheRefused {
    /// The client does not hand on what the server says of changed keys.
    #[error(
        "this client loses messages of changed keys, so that a near cache would keep what has changed: use the \
         backend redis-rs, or no near cache"
    )]
    Client,
    /// The connection is the application's own.
    #[error(
        "a near cache needs a connection of the backend's own, which hears of changed keys: give it a URL, or use \
         no near cache"
    )]
    GivenConnection,
    /// The server refuses RESP3, the protocol in which it says that keys have changed.
    #[error(
        "the server, or what stands before it, refuses RESP3 (HELLO 3), which a near cache needs: allow it, or use no \
         near cache"
    )]
    Protocol,
    /// The account may not ask the server to say that keys have changed.
    #[error(
        "the account may not run CLIENT TRACKING, which a near cache needs: grant +client|tracking, or use no near \
         cache"
    )]
    Right,
    /// The server does not say that keys have changed.
    #[error(
        "the server, or what stands before it, does not say that keys have changed (CLIENT TRACKING), which a near \
         cache needs: connect to the server itself, or use no near cache"
    )]
    Server,
    /// The endpoint is not one server: a script of several slots is refused, so behind it may be
    /// several, and what one of them replies proves nothing of the others.
    #[error(
        "behind this endpoint are several servers, which each know of their own changes only: connect to them as a \
         cluster, or use no near cache"
    )]
    SeveralServers,
    /// The bound is zero.
    #[error("the bound of a near cache must be longer than zero")]
    NoBound,
}

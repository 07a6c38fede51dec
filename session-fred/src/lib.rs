//! Server-side sessions on Redis through the [`fred`] crate.
//!
//! ```no_run
//! # async fn example() -> session_core::Result<()> {
//! use session_core::{Fields, NewSession, SessionBackend};
//! use session_fred::FredBackend;
//!
//! let backend = FredBackend::builder("redis://127.0.0.1:6379").connect().await?;
//! let created = backend.create_session(NewSession::new(Fields::new())).await?;
//! # let _ = created;
//! # Ok(())
//! # }
//! ```
//!
//! # Connection
//! One multiplexed connection carries all operations; more would not be faster. It is made when the
//! backend is built and made anew when it breaks, so a server that is down when the application starts
//! is no reason not to start. Beside [`FredBackend::builder`], an application can hand in a client it
//! already has, if that sends each command once: [`FredBackend::from_client`].
//!
//! # Timeouts
//! Every operation ends within its deadline: 500 ms unless the builder says otherwise, the making of a
//! connection included. The first operation that finds the server away waits for it that long; those
//! after it are told at once, until it is back.
//!
//! # Exactly one attempt
//! A command is sent once. When its answer is lost the error's effect is
//! [`Effect::Unknown`](session_core::Effect::Unknown); nothing is ever sent again on a guess. Only a
//! server that says that it does not know a script is asked a second time, with the script's source.
//! (fred sends a command up to three times unless `max_command_attempts` is 1; its per-command
//! options do not change that.)
//!
//! What fred cannot do: when a node answers `CLUSTERDOWN`, fred gives that answer to every command under way on
//! the connection, carried out or not. So it leaves the effect unknown, and such a command is not sent again.
//!
//! # Redis Cluster
//! A URL like `redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379` names some nodes; one that answers is enough
//! to find the others. [`FredBackend::cluster_builder`] takes them in the client's own types.
//!
//! * The routing is this workspace's, over one connection per node: the client's own cluster
//!   mode stops all slots while one master is away, and ends when a slot is on its way.
//! * A call goes to one node, once. It goes to another, or goes again, while the operation has time, only when
//!   an answer says that it was not carried out: the slot is elsewhere or on its way (`MOVED`, `ASK`,
//!   `TRYAGAIN`), or the node cannot serve (loading, demoted, not reachable).
//! * A master that is away takes its own slots away and no others. It is waited for within the deadline once;
//!   after that its slots fail at once, until it or its successor answers. A node that hangs is found out by
//!   the deadline, and its successor by the next operation.
//! * `ping` succeeds when one node answers. One node's version is looked at.
//! * A rotation moves a session within its slot, in one call, as on one server. While Redis moves that slot to
//!   another node no script can rename a key in it: rotations of its sessions answer
//!   [`Unavailable`](session_core::ErrorKind::Unavailable), with nothing changed.
//! * A principal's index is in another slot than the sessions in it, and is kept by calls of its own: log-ins by
//!   a new session or a rotation take two round trips, log-outs of a bound session two, its rotations four.
//!   Keep the deadline well below ten seconds: that long an entry is held for a session about to be stored.
//! * The ACL needs `+cluster|slots +asking +zscore +zcard` as well.
//!
//! # Servers
//! Redis from 7.0, Valkey from 7.2. The version is asked for on the first use.

mod backend;
mod builder;
mod connection;
mod convert;

pub use fred;
pub use session_redis::{
    IdStorage, InvalidPrefix, KeyPrefix, ServerError, ServerTooOld, TlsNotOffered,
};

pub use self::backend::{FredAdmin, FredBackend};
pub use self::builder::FredBuilder;
pub use self::connection::{FredConnect, FredConnection};
pub use self::convert::ClientError;

//! Server-side sessions on Redis through the [`fred`] crate.
//!
//! Applications use it best through the facade `session-store` with the feature `fred`, where a URL
//! like `redis+fred://…` chooses it at run time. By itself it is for those who want its types, or
//! have a client to hand over:
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
//! One multiplexed connection carries all operations; more would not be faster. It is made when it
//! is first needed, and again whenever it has closed, so a server that is down when the application
//! starts is no reason not to start. Beside [`FredBackend::builder`], an application can hand in a
//! client it already has, if that sends each command once: [`FredBackend::from_client`]. What heals
//! that is its own reconnect policy; its server is not asked again what it is when it has connected
//! again.
//!
//! fred decodes nested arrays by recursion without a limit: a reply of a thousand levels overflows
//! the stack, which ends the process. No command of this crate has such a reply; a hostile server
//! can send it.
//!
//! # Timeouts
//! Every operation ends within its deadline: 500 ms unless the builder says otherwise, the making
//! of a connection included. The first operation after a loss waits for the next attempt to
//! connect; while the last attempt has failed, operations fail at once.
//!
//! # Exactly one attempt
//! A command is sent once. When its reply is lost the error's effect is
//! [`Effect::Unknown`](session_core::Effect::Unknown); nothing is ever sent again on a guess. Only
//! to a server that says that it does not know a script it is sent again, with the script's source.
//! (fred sends a command up to three times unless `max_command_attempts` is 1; its per-command
//! options do not change that.)
//!
//! What fred cannot do: when a node replies `CLUSTERDOWN`, fred gives that reply to every command
//! under way on the connection, done or not. So it leaves the effect unknown, and such a command is
//! not sent again. The same holds of `LOADING`, `MASTERDOWN` and `READONLY`, as another crate of
//! the application may turn fred's feature `custom-reconnect-errors` on.
//!
//! # Redis Cluster
//! `redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379` names some nodes; one that replies is enough
//! to find the others. The client's own cluster mode is not used: it stops all slots
//! while one master is down, and ends when a slot migrates. What holds on a Cluster is said by
//! [`session_redis`].
//!
//! # Redis Sentinel
//! `redis-sentinel://10.0.0.1:26379?service=sessions&node=10.0.0.2:26379` names some sentinels and
//! the service that they watch. Of what they say the latest fail-over counts. They are asked when
//! the connection to the primary is lost or the primary refuses writes, and again while there is
//! none; a replica is never used.
//!
//! # TLS
//! `rediss` in the place of `redis`: see [`Tls`].
//!
//! # Servers
//! Redis from 7.0, Valkey from 7.2. Before a connection is used its server is asked what it is, in
//! one round trip: version, mode, eviction policy, whether it runs the scripts and takes writes.
//! One that cannot be used is an error of kind [`Config`](session_core::ErrorKind::Config) that
//! says what to do; what the account may not ask stays unknown. `ping` fails while sessions cannot
//! be stored.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod builder;
mod connection;
mod convert;

pub use fred;
pub use session_redis::{
    AclFeature, KeysSeen, Latency, MissingRights, PrefixSeen, ServerInspector, ServerReport,
    Topology,
};
pub use session_redis::{
    Credentials, CredentialsProvider, Endpoint, Eviction, IdStorage, InvalidPrefix, InvalidUrl,
    KeyPrefix, NamedBackend, RedisBuilder, ScriptSlots, ServerError, ServerKind, ServerTooOld,
    ServerUrl, async_trait,
};
pub use session_redis::{NearCache, NearCacheRefused};
pub use session_redis::{Pem, Tls, TlsRefused, TlsUnusable};

pub use self::backend::{FredAdmin, FredBackend};
pub use self::builder::FredBuilder;
pub use self::connection::{FredConnect, FredConnection};
pub use self::convert::ClientError;

//! Server-side sessions on Redis through the [`redis`] crate.
//!
//! Applications use it best through the facade `session-store` with the feature `redis-rs`, where
//! a URL like `redis://…` chooses it at run time. By itself it is for those who want its types, or
//! have a connection to hand over:
//!
//! ```no_run
//! # async fn example() -> session_core::Result<()> {
//! use session_core::{Fields, NewSession, SessionBackend};
//! use session_redis_rs::RedisRsBackend;
//!
//! let backend = RedisRsBackend::builder("redis://127.0.0.1:6379").connect().await?;
//! let created = backend.create_session(NewSession::new(Fields::new())).await?;
//! # let _ = created;
//! # Ok(())
//! # }
//! ```
//!
//! # Connection
//! One multiplexed connection carries all operations; more would not be faster. It is made when it
//! is first needed, and again whenever it has closed, so a server that is down when the application
//! starts is no reason not to start. Beside [`RedisRsBackend::builder`], an application can hand in
//! a connection it already has: [`RedisRsBackend::from_connection`]. What heals that is its own
//! kind: a connection manager connects again after errors of I/O, a multiplexed connection never.
//! Its server is not asked again what it is when it has connected again.
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
//!
//! # Redis Cluster
//! `redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379` names some nodes; one that replies is enough
//! to find the others. The client's own cluster connection is not used: it sends
//! commands again that it may have sent, and lets all slots wait while a node hangs. What holds on
//! a Cluster is said by [`session_redis`].
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
mod batched;
mod builder;
mod connection;
mod convert;

pub use redis;
pub use session_core::NearCacheStats;
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

pub use self::backend::{RedisRsAdmin, RedisRsBackend};
pub use self::builder::RedisRsBuilder;
pub use self::connection::{RedisRsConnect, RedisRsConnection, SingleServer};
pub use self::convert::ClientError;

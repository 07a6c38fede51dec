//! Server-side sessions on Redis, written once over any client's connection.
//!
//! Applications use a client crate (`session-redis-rs`, `session-fred`), best through the facade
//! `session-store`. This crate is for whoever puts another client under the same backend: implement
//! [`Connect`] and [`Connection`], which make a connection to one server and send commands over it,
//! and build a [`RedisBackend`] with them. Which commands, in which order, and what the replies
//! mean is decided here.
//!
//! ```
//! use session_redis::{AclFeature, Endpoint, ServerUrl};
//!
//! // What a URL asks for, and what its account must be allowed, whatever the client.
//! let url = ServerUrl::parse("redis://app:secret@10.0.0.1")?;
//! assert_eq!(url.endpoints, [Endpoint::tcp("10.0.0.1", 6379)]);
//! assert!(AclFeature::Sessions.rights().contains(&"+evalsha".to_owned()));
//! # Ok::<(), session_core::Error>(())
//! ```
//!
//! It implements the system of Redis's guide to [session stores], the *Redis guide*: one hash per
//! session, a sliding expiry, an opaque id.
//!
//! [session stores]: https://redis.io/docs/latest/develop/use-cases/session-store/
//!
//! | file | what it decides |
//! |---|---|
//! | `backend`, `admin` | the traits of `session-core`, over operations |
//! | `operation` | one operation: its deadline, and how it runs scripts |
//! | `steps` | the required steps |
//! | `steps/cross_slot` | the same where sessions and indexes are in different slots |
//! | `supervisor` | how a connection is kept up, what a server is asked first (`contact`), how commands are sent |
//! | `cluster` | which node a call goes to, and when it goes again |
//! | `script`, `lua/*.lua` | the twin of `session_core::rules`, one atomic step a script |
//! | `script_call` | the order of arguments |
//! | `reply`, `server_error` | what a reply means |
//! | `keys`, `key_format`, `slot` | the names of keys, and ids that stay in a hash slot |
//! | `acl` | what an account must be allowed |
//! | `inspect` | what an operator is told of the servers |
//! | `url`, `endpoint`, `info` | what a URL may ask for, and which servers are served |
//!
//! # Redis Cluster
//! A URL like `redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379` names some nodes; one that replies
//! is enough to find the others.
//!
//! * The routing is this crate's, over one connection per node.
//! * A call goes to one node, once. It goes to another, or goes again, while the operation has
//!   time, only when a reply says that it did not run: the slot is elsewhere or migrating (`MOVED`,
//!   `ASK`, `TRYAGAIN`), or the node cannot serve (loading, demoted, not reachable).
//! * A master that is down takes its own slots away and no others. It is waited for within the
//!   deadline once; after that its slots fail at once, until it or its successor replies. A node
//!   that hangs is found out by the deadline, and its successor by the next operation.
//! * `ping` succeeds when sessions can be stored on one node. Each node is asked what it is before
//!   it is used.
//! * A rotation moves a session within its slot, in one call, as on one server. While Redis moves
//!   that slot to another node no script can rename a key in it: rotations of its sessions fail
//!   with [`Unavailable`](session_core::ErrorKind::Unavailable), and nothing is changed.
//! * A principal's index is in another slot than the sessions in it, and has calls of its own:
//!   log-ins by a new session or a rotation take two round trips, log-ins over a bound session
//!   three, log-outs of a bound session two, its rotations four. An operation takes 8 s at most,
//!   whatever its deadline: an entry is kept for ten for a session that is about to be stored.
//! * The ACL needs the rights of [`AclFeature::Cluster`] as well.
//!
//! # Stability
//! This crate's API serves the client crates of this workspace and may change with any release.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod acl;
mod admin;
mod backend;
mod builder;
mod cluster;
mod command;
mod connection;
mod credentials;
mod endpoint;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod hostile;
mod info;
mod inspect;
mod key_format;
mod keys;
mod named;
mod near;
mod operation;
mod reply;
mod script;
mod script_call;
mod sentinel;
mod server_error;
mod settings;
mod slot;
mod steps;
mod supervisor;
#[cfg(test)]
mod testing;
mod tls;
mod url;

#[doc(hidden)]
pub use async_trait;

pub use self::acl::AclFeature;
pub use self::admin::RedisAdmin;
pub use self::backend::RedisBackend;
pub use self::builder::{NamedBackend, RedisBuilder};
pub use self::command::{Args, Command};
pub use self::connection::{Connect, Connection, Push, PushSink, ReadForm};
pub use self::credentials::{Credentials, CredentialsProvider};
pub use self::endpoint::{Endpoint, InvalidEndpoint};
pub use self::info::ServerTooOld;
pub use self::inspect::{
    KeysSeen, Latency, MissingRights, PrefixSeen, ServerInspector, ServerReport,
};
pub use self::key_format::IdStorage;
pub use self::keys::{InvalidPrefix, KeyPrefix, KeySpace, Topology};
pub use self::near::{NearCache, NearCacheRefused};
pub use self::reply::Reply;
pub use self::script::{ALL as ALL_SCRIPTS, Script};
pub use self::server_error::ServerError;
pub use self::settings::{Eviction, ScriptSlots, Settings};
pub use self::slot::{hash_slot, successor_id};
pub use self::tls::{Handshake, Pem, Tls, TlsRefused, TlsUnusable};
pub use self::url::{InvalidUrl, SentinelAccess, ServerKind, ServerUrl};

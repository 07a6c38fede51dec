//! All that a Redis server is told and answers for server-side sessions, without a client.
//!
//! The client crates (`session-redis-rs`, `session-fred`) only carry: they begin a [`dialogue`], send
//! each [`Call`] by `EVALSHA` (by `EVAL` when the server does not know the script yet), turn the answer
//! into a [`Reply`] and hand it back. So the two cannot differ in what they ask or understand.
//!
//! | file | what it decides |
//! |---|---|
//! | `key` | the names of keys |
//! | `slot` | ids that stay in a hash slot |
//! | `cluster` | which node of a cluster a call goes to, and when it goes again |
//! | `lua/*.lua` | the twin of `session_core::rules`, one atomic step a script |
//! | `script` | which parts and which server flags make a script |
//! | `call` | the order of arguments |
//! | `dialogue` | what to ask next |
//! | `dialogue::pages` | how a store is looked through |
//! | `dialogue::apart` | the same where sessions and indexes are in different slots |
//! | `reply` | what an answer means |
//! | `fault` | what an error means |
//! | `url` | what a URL may ask for |
//! | `version` | which servers are served |
//!
//! This crate's API serves the client crates of this workspace and may change with any release.

mod call;
pub mod cluster;
pub mod dialogue;
mod fault;
mod key;
pub mod reply;
mod script;
mod slot;
mod url;
mod version;

pub use session_core::IdStorage;

pub use self::call::Call;
pub use self::dialogue::{Dialogue, Next};
pub use self::fault::{ServerError, classify};
pub use self::key::{InvalidPrefix, KeyPrefix, KeySpace, Topology};
pub use self::reply::Reply;
pub use self::script::{ALL as ALL_SCRIPTS, Script};
pub use self::slot::{hash_slot, successor_id};
pub use self::url::{TlsNotOffered, refuse_tls};
pub use self::version::{ServerTooOld, check as check_version};

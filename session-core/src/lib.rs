//! The vocabulary, the trait and the rules of server-side sessions. No I/O, no runtime.
//!
//! A session is a small set of named fields behind an opaque random id; the browser keeps only the
//! id. [`SessionBackend`] carries the whole session semantics; any store that passes the
//! conformance suite (crate `session-conformance`) can be put behind it.
//!
//! | you want to | read |
//! |---|---|
//! | use sessions | the provided methods of [`SessionBackend`], [`NewSession`], [`Delta`], [`SessionRecord`] |
//! | look through a store, end any session | [`SessionAdmin`] |
//! | decide lifetimes and limits | [`SessionPolicy`], [`Limits`], [`SessionTtl`] |
//! | handle failures | [`Error`], [`ErrorKind`], [`Effect`] |
//! | implement a backend | the required steps of [`SessionBackend`], [`steps`], the [contract](_documentation::contract) |
//! | understand the rules | [`rules`], [`StoredSession::parse`] |
//!
//! Applications depend on the facade `session-store`, which re-exports all of this.

mod admin;
mod backend;
mod delta;
mod error;
mod field;
mod fields;
mod forward;
mod id;
mod id_storage;
mod limits;
#[cfg(feature = "mock")]
mod mock;
mod page;
mod policy;
mod principal;
mod record;
pub mod rules;
pub mod steps;
mod stored;
mod time;
mod ttl;

pub use async_trait::async_trait;

pub use self::admin::SessionAdmin;
pub use self::backend::{CreatedSession, NewSession, Result, RotatedSession, SessionBackend};
pub use self::delta::{Delta, FieldChange, Touch};
pub use self::error::{Effect, Error, ErrorKind, Operation};
pub use self::field::{FieldName, FieldValue, ReservedFieldName, reserved};
pub use self::fields::Fields;
pub use self::id::{InvalidSessionHandle, InvalidSessionId, SessionHandle, SessionId};
pub use self::id_storage::IdStorage;
pub use self::limits::{Limit, Limits};
#[cfg(feature = "mock")]
pub use self::mock::MockSessionBackend;
pub use self::page::{
    ConvertedPage, InvalidPageCursor, InvalidPageSize, PageCursor, PageRequest, PageSize,
    RevokeInPageRequest, RevokedInPage, SessionOverview, SessionPage,
};
pub use self::policy::SessionPolicy;
pub use self::principal::{InvalidPrincipal, OnExcess, Principal, PrincipalLimit};
pub use self::record::SessionRecord;
pub use self::steps::{SessionSummary, Written};
pub use self::stored::{InvalidHash, StoredSession};
pub use self::time::{Clock, Remaining, SystemClock, Timestamp, UnixMillis};
pub use self::ttl::{InvalidTtl, SessionTtl};

/// Documents, versioned and linked with the code.
pub mod _documentation {
    #[doc = include_str!("../CONTRACT.md")]
    pub mod contract {}
}

//! The vocabulary, the trait and the rules of server-side sessions. No I/O, no runtime.
//!
//! A session is a small set of named fields behind an opaque random id; the browser keeps only the
//! id. [`SessionBackend`] carries the whole session semantics; any store that passes the
//! conformance suite (crate `session-conformance`) can be put behind it.
//!
//! | you want to | read |
//! |---|---|
//! | use sessions | the provided methods of [`SessionBackend`], [`NewSession`], [`Delta`], [`SessionRecord`] |
//! | list a principal's sessions, end them | [`SessionBackend::list_sessions`], [`ListedSessions`], [`SessionBackend::revoke_sessions`] |
//! | list all sessions of a store, end any | [`SessionAdmin`] |
//! | decide lifetimes and limits | [`SessionPolicy`], [`Limits`], [`SessionTtl`], [`Lifetime`] |
//! | handle failures | [`Error`], [`ErrorKind`], [`Effect`] |
//! | implement a backend | the required steps of [`SessionBackend`], [`steps`], the [contract](_documentation::contract) |
//! | understand the rules | [`rules`], [`StoredSession::parse`] |
//!
//! Applications depend on the facade `session-store`, which re-exports what they need of this.
//! Depend on this crate to write a backend, a wrapper of one, or a library on top of sessions:
//!
//! ```
//! use session_core::{FieldName, Result, SessionBackend, SessionId};
//!
//! /// Counts a page view, on whatever backend; `None` if there is no session.
//! async fn count_view(sessions: &dyn SessionBackend, id: &SessionId) -> Result<Option<i64>> {
//!     sessions.increment_field(id, FieldName::new("page_views")?, 1).await
//! }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
#[cfg(feature = "serde")]
mod as_text;
mod backend;
mod delta;
mod drawn;
mod error;
mod field;
mod fields;
mod forward;
mod id;
mod integer;
mod lifetime;
mod limits;
mod listed;
mod listed_sessions;
mod log_in;
#[cfg(feature = "mock")]
mod mock;
mod observer;
mod page;
mod policy;
mod principal;
mod public_id;
mod quota;
mod random;
mod record;
mod refusal;
pub mod rules;
mod session;
pub mod steps;
mod stored;
mod time;
mod tombstone;
mod ttl;
mod written;

pub use async_trait::async_trait;

pub use self::admin::SessionAdmin;
pub use self::backend::SessionBackend;
pub use self::delta::{Binding, Delta, Expectation, FieldChange, KeepOnly, KeepWhen, Touch};
pub use self::error::{Effect, Error, ErrorKind, Limit, Operation, Result};
pub use self::field::{FieldName, FieldValue, IntoFieldName, ReservedFieldName, reserved};
pub use self::fields::Fields;
pub use self::id::{InvalidSessionId, SessionId};
pub use self::lifetime::{InvalidLifetime, Lifetime};
pub use self::limits::Limits;
pub use self::listed::ListedSession;
pub use self::listed_sessions::ListedSessions;
pub use self::log_in::LogIn;
#[cfg(feature = "mock")]
pub use self::mock::{MockSessionBackend, MockSteps};
pub use self::observer::{
    AttemptOutcome, ConnectionAttempt, ConnectionChange, ConnectionObserver, ConnectionState,
    NearCacheStats, ServerFacts,
};
pub use self::page::{
    InvalidPageCursor, InvalidPageSize, ListPosition, ListedPage, PageCursor, PageRequest,
    PageSize, RevokeInPageRequest, RevokedInPage, RevokedPage, Selection, SessionOverview,
    SessionPage,
};
pub use self::policy::SessionPolicy;
pub use self::principal::{
    InvalidPrincipal, InvalidSessionCount, OnExcess, Principal, PrincipalLimit, SessionCount,
};
pub use self::public_id::{InvalidPublicId, PublicId};
pub use self::quota::QuotaWarnings;
pub use self::record::SessionRecord;
pub use self::session::{CreatedSession, NewSession, RotatedSession};
pub use self::stored::{InvalidHash, StoredSession};
pub use self::time::{Clock, Remaining, SystemClock, Timestamp, UnixMillis};
pub use self::tombstone::Tombstone;
pub use self::ttl::{InvalidTtl, SessionTtl};
pub use self::written::Written;

/// Documents, versioned and linked with the code.
pub mod _documentation {
    #[doc = include_str!("../CONTRACT.md")]
    pub mod contract {}
}

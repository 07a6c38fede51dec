//! Server-side sessions for Rust web applications.
//!
//! This crate is the front door: what applications use is at its root, each backend and the HTTP
//! layer behind a cargo feature.
//!
//! | feature | what it brings |
//! |---|---|
//! | `memory` (default) | `backends::memory`: sessions in memory, for tests, and for one process |
//! | `redis-rs` | `backends::redis_rs`: sessions on Redis through the `redis` crate |
//! | `fred` | `backends::fred`: sessions on Redis through the `fred` crate |
//! | `tower` | `Session`, `SessionLayer`, `web`: the request's handle, the tower layer, cookies |
//! | `axum` | the handle as an axum extractor, and its errors as responses |
//! | `auth` | `auth`: who is logged in, pages that need a log-in; as layers with `tower`, as extractors with `axum` |
//! | `tls-ring`, `tls-aws-lc-rs` | for connections to Redis over TLS: the cryptography, where the application chooses none |
//! | `tls-webpki-roots` | Mozilla's authorities, as a choice |
//! | `mock` | `MockSessionBackend`, for expectations in tests |
//!
//! Features only add: none changes what another does. [`connect`] chooses a backend at run time by
//! URL:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> session_store::Result<()> {
//! use session_store::{FieldName, Fields, NewSession};
//!
//! let backend = session_store::connect("memory:").await?;
//! let fields = Fields::new().with(FieldName::new("username")?, "andrew");
//! let created = backend.create_session(NewSession::new(fields)).await?;
//! let session = backend.get_session(&created.id).await?.expect("it was just created");
//! assert_eq!(session.fields().get_str("username"), Some("andrew"));
//! # Ok(())
//! # }
//! ```
//!
//! Keep values short: on Redis a value of more than 64 bytes doubles what its session takes
//! ([`FieldValue`]).
//!
//! | you want to | read |
//! |---|---|
//! | use sessions without HTTP | [`SessionBackend`], [`NewSession`], [`Delta`], [`SessionRecord`] |
//! | decide lifetimes and limits | [`SessionPolicy`], [`SessionTtl`], [`Lifetime`], [`Limits`] |
//! | handle failures | [`Error`], [`ErrorKind`], [`Effect`] |
//! | look at all sessions of a store, end any | [`admin`] |
//! | test handlers and applications | [testing](_documentation::testing) |
//! | read whole applications | this crate's folder `examples` |
//! | write a backend, or a wrapper of one | [`backend`] |

mod connect;

#[doc(inline)]
pub use session_core::{
    Clock, ConnectionChange, ConnectionObserver, ConnectionState, CreatedSession, Delta, Effect,
    Error, ErrorKind, FieldName, FieldValue, Fields, IntoFieldName, InvalidLifetime,
    InvalidPrincipal, InvalidPublicId, InvalidSessionCount, InvalidSessionId, InvalidTtl, Lifetime,
    Limit, Limits, ListedPage, ListedSession, ListedSessions, LogIn, NewSession, OnExcess,
    Operation, PageCursor, PageSize, Principal, PrincipalLimit, PublicId, Remaining,
    ReservedFieldName, Result, RotatedSession, SessionBackend, SessionCount, SessionId,
    SessionPolicy, SessionRecord, SessionTtl, SystemClock, Timestamp, Touch, UnixMillis, Written,
};
#[cfg(feature = "mock")]
#[doc(inline)]
pub use session_core::{MockSessionBackend, MockSteps};
#[cfg(feature = "tower")]
#[doc(inline)]
pub use session_tower::{
    ReadSession, Session, SessionCookie, SessionEnd, SessionError, SessionLayer, Watch,
};

pub use self::connect::{Connect, ConnectError, connect};

// The two crates name the same types.
#[cfg(all(feature = "fred", not(feature = "redis-rs")))]
#[doc(inline)]
pub use session_fred::{
    Credentials, CredentialsProvider, Endpoint, Eviction, IdStorage, Pem, ScriptSlots, ServerUrl,
    Tls, TlsRefused, TlsUnusable,
};
#[cfg(feature = "redis-rs")]
#[doc(inline)]
pub use session_redis_rs::{
    Credentials, CredentialsProvider, Endpoint, Eviction, IdStorage, Pem, ScriptSlots, ServerUrl,
    Tls, TlsRefused, TlsUnusable,
};

/// The backends, one module for each that is compiled in. Each re-exports the client crate that it
/// stands on.
pub mod backends {
    #[cfg(feature = "fred")]
    #[doc(inline)]
    pub use session_fred as fred;
    #[cfg(feature = "memory")]
    #[doc(inline)]
    pub use session_memory as memory;
    #[cfg(feature = "redis-rs")]
    #[doc(inline)]
    pub use session_redis_rs as redis_rs;
}

/// What an operator may do, beside what the application does: look at all sessions of a store, and
/// end any of them. Made by [`Connect::build_with_admin`](crate::Connect::build_with_admin).
pub mod admin {
    #[doc(inline)]
    pub use session_core::{
        InvalidPageCursor, InvalidPageSize, PageCursor, PageRequest, PageSize, RevokeInPageRequest,
        RevokedInPage, Selection, SessionAdmin, SessionOverview, SessionPage,
    };
    // The two crates name the same types.
    #[cfg(all(feature = "fred", not(feature = "redis-rs")))]
    #[doc(inline)]
    pub use session_fred::{
        AclFeature, KeyPrefix, KeysSeen, Latency, MissingRights, PrefixSeen, ServerFacts,
        ServerInspector, Topology,
    };
    #[cfg(feature = "redis-rs")]
    #[doc(inline)]
    pub use session_redis_rs::{
        AclFeature, KeyPrefix, KeysSeen, Latency, MissingRights, PrefixSeen, ServerFacts,
        ServerInspector, Topology,
    };
}

/// What a backend is made of, and a wrapper of one: the required steps of [`SessionBackend`], their
/// requests and outcomes, and the rules as functions. The crate `session-conformance` proves that a
/// backend is one.
pub mod backend {
    #[doc(inline)]
    pub use session_core::{
        Binding, Expectation, FieldChange, InvalidHash, KeepOnly, KeepWhen, ListPosition,
        ListedPage, PageRequest, QuotaWarnings, RevokedPage, SessionBackend, StoredSession,
        Tombstone, async_trait, reserved, rules, steps,
    };
}

/// Who is logged in: the current user, pages that need a log-in, permissions.
#[cfg(feature = "auth")]
pub mod auth {
    #[doc(inline)]
    pub use session_auth::*;
}

/// The rest of the HTTP layer, whose main types are at the root: cookies and headers, failure
/// responses, structs in sessions, and the tower service.
#[cfg(feature = "tower")]
pub mod web {
    #[doc(inline)]
    pub use session_tower::{
        ChangesDropped, CookieChange, Counted, DeltaExt, EmptyResponse, FailureResponse, FieldsExt,
        InvalidCookie, InvalidHeader, Presence, ReadSession, ResponseFuture, SameSite, Session,
        SessionCookie, SessionCookieBuilder, SessionEnd, SessionError, SessionHeader, SessionLayer,
        SessionService, TestBrowser, Typed, Undecodable, Watch,
    };
}

/// Documents, versioned and linked with the code.
pub mod _documentation {
    #[cfg_attr(
        all(feature = "axum", feature = "memory", feature = "mock"),
        doc = include_str!("../docs/testing.md")
    )]
    #[cfg_attr(
        not(all(feature = "axum", feature = "memory", feature = "mock")),
        doc = "Testing an application: this page needs the features `axum`, `memory` and `mock`."
    )]
    pub mod testing {}
}

/// The examples of the README, compiled and run.
#[cfg(all(doctest, feature = "axum", feature = "redis-rs", feature = "fred"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the page on managed services, compiled.
#[cfg(all(doctest, feature = "redis-rs"))]
#[doc = include_str!("../../docs/managed-services.md")]
struct ManagedServices;

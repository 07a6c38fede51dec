//! Server-side sessions for Rust web applications, on Redis, PostgreSQL or SQLite, or in memory.
//!
//! A session is a handful of named fields behind an opaque random id: the browser keeps the id, the
//! store keeps the fields, and every change is one atomic step on the server.
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use session_store::{Session, SessionError, SessionLayer};
//!
//! async fn count(session: Session) -> Result<String, SessionError> {
//!     let views = session.increment("page_views", 1).await?;
//!     Ok(format!("page view {views}"))
//! }
//!
//! let sessions = session_store::connect("memory:").await?; // or redis://127.0.0.1:6379
//! let app: Router = Router::new().route("/", get(count)).layer(SessionLayer::new(sessions));
//! # Ok(())
//! # }
//! ```
//!
//! Without HTTP, the same sessions are behind the trait [`SessionBackend`]:
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> session_store::Result<()> {
//! use session_store::{FieldName, Fields, NewSession};
//!
//! let sessions = session_store::connect("memory:").await?;
//! let fields = Fields::new().with(FieldName::new("username")?, "andrew");
//! let created = sessions.create_session(NewSession::new(fields)).await?;
//! let session = sessions.get_session(&created.id).await?.expect("it was just created");
//! assert_eq!(session.fields().get_str("username"), Some("andrew"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "memory"))]
//! # fn main() {}
//! ```
//!
//! | you want to | read |
//! |---|---|
//! | use sessions in handlers, log people in and out | [web](_documentation::web), `Session`, `SessionLayer` |
//! | know who is logged in | `auth` |
//! | use sessions without HTTP | [`SessionBackend`], [`NewSession`], [`Delta`], [`SessionRecord`] |
//! | choose a backend, lifetimes, limits | [choosing](_documentation::choosing), [`connect`], [`SessionPolicy`] |
//! | deploy it | [deployment](_documentation::deployment), [managed services](_documentation::managed_services), [SQL](_documentation::sql), [rights of accounts](_documentation::acl) |
//! | watch it, and act when something is wrong | [operating](_documentation::operating), [faults](_documentation::faults), [`Error`], [`ErrorKind`], [`Effect`] |
//! | review it | [security](_documentation::security), [ids at rest](_documentation::ids_at_rest) |
//! | list all sessions of a store, end any | [`admin`] |
//! | test handlers and applications | [testing](_documentation::testing) |
//! | write a backend, or a wrapper of one | [writing a backend](_documentation::writing_a_backend), [`backend`] |
//! | know why it is as it is | [design](_documentation::design) |
//! | read whole applications | this crate's folder `examples` |
//!
//! # Features
//! They only add: none changes what another does.
//!
//! | feature | what it brings |
//! |---|---|
//! | `memory` (default) | `backends::memory`: sessions in memory, for tests, and for one process |
//! | `redis-rs` | `backends::redis_rs`: sessions on Redis through the `redis` crate |
//! | `fred` | `backends::fred`: sessions on Redis through the `fred` crate |
//! | `sqlite` | `backends::sqlx`: sessions in a file of SQLite, through the `sqlx` crate |
//! | `postgres` | `backends::sqlx`: sessions on PostgreSQL, through the `sqlx` crate |
//! | `tower` | `Session`, `SessionLayer`, `web`: the request's handle, the tower layer, cookies |
//! | `axum` | the handle as an axum extractor, and its errors as responses |
//! | `actix` | `Session`, `actix`: the request's handle, the middleware and extractors for actix-web |
//! | `auth` | `auth`: who is logged in, pages that need a log-in; as layers with `tower`, as extractors with `axum` and `actix` |
//! | `tls-ring`, `tls-aws-lc-rs` | for connections to Redis and PostgreSQL over TLS: the cryptography, where the application chooses none |
//! | `tls-webpki-roots` | Mozilla's authorities, as a choice |
//! | `observe` | `observe`: spans, metrics and life-cycle events of any backend, by [`Connect`] in one call |
//! | `mock` | `MockSessionBackend`, for expectations in tests |
//!
//! With `sqlite` or `postgres` Rust 1.94 is needed, for `sqlx`; without, 1.88.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;

#[doc(inline)]
pub use session_core::{
    AttemptOutcome, Clock, ConnectionAttempt, ConnectionChange, ConnectionObserver,
    ConnectionState, CreatedSession, Delta, Effect, Error, ErrorKind, FieldName, FieldValue,
    Fields, IntoFieldName, InvalidLifetime, InvalidPrincipal, InvalidPublicId, InvalidSessionCount,
    InvalidSessionId, InvalidTtl, Lifetime, Limit, Limits, ListedPage, ListedSession,
    ListedSessions, LogIn, NewSession, OnExcess, Operation, PageCursor, PageSize, Principal,
    PrincipalLimit, PublicId, Remaining, ReservedFieldName, Result, RotatedSession, ServerFacts,
    SessionBackend, SessionCount, SessionId, SessionPolicy, SessionRecord, SessionTtl, SystemClock,
    Timestamp, Touch, UnixMillis, Written,
};
#[cfg(feature = "mock")]
#[doc(inline)]
pub use session_core::{MockSessionBackend, MockSteps};
#[cfg(any(feature = "tower", feature = "actix"))]
#[doc(inline)]
pub use session_http::{ReadSession, Session, SessionCookie, SessionEnd, SessionError, Watch};
#[cfg(feature = "tower")]
#[doc(inline)]
pub use session_tower::SessionLayer;

pub use self::connect::{Connect, ConnectError, connect};

// The two crates name the same types.
#[cfg(all(feature = "fred", not(feature = "redis-rs")))]
#[doc(inline)]
pub use session_fred::{
    Credentials, CredentialsProvider, Endpoint, Eviction, IdStorage, NearCache, NearCacheRefused,
    Pem, ScriptSlots, ServerUrl, Tls, TlsRefused, TlsUnusable,
};
#[cfg(feature = "redis-rs")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "redis-rs", feature = "fred"))))]
#[doc(inline)]
pub use session_redis_rs::{
    Credentials, CredentialsProvider, Endpoint, Eviction, IdStorage, NearCache, NearCacheRefused,
    Pem, ScriptSlots, ServerUrl, Tls, TlsRefused, TlsUnusable,
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
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    #[doc(inline)]
    pub use session_sqlx as sqlx;
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
        AclFeature, KeyPrefix, KeysSeen, Latency, MissingRights, PrefixSeen, ServerInspector,
        ServerReport, Topology,
    };
    #[cfg(feature = "redis-rs")]
    #[doc(inline)]
    pub use session_redis_rs::{
        AclFeature, KeyPrefix, KeysSeen, Latency, MissingRights, PrefixSeen, ServerInspector,
        ServerReport, Topology,
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

/// Sessions seen from outside: spans, metrics, and who is called when something becomes of a
/// session. [`Connect::observed`](crate::Connect::observed) uses it.
#[cfg(feature = "observe")]
pub mod observe {
    #[doc(inline)]
    pub use session_observe::*;
}

/// Sessions in actix-web: the middleware. What else it takes is at the root and in [`web`].
#[cfg(feature = "actix")]
pub mod actix {
    #[doc(inline)]
    pub use session_actix::*;
}

/// The rest of the HTTP layer, whose main types are at the root: cookies and headers, failure
/// responses, structs in sessions, and the tower service.
#[cfg(any(feature = "tower", feature = "actix"))]
pub mod web {
    #[doc(inline)]
    pub use session_http::{
        ChangesDropped, CookieChange, Counted, DeltaExt, FieldsExt, InvalidCookie, InvalidHeader,
        Presence, ReadSession, SameSite, Session, SessionCookie, SessionCookieBuilder, SessionEnd,
        SessionError, SessionHeader, Typed, Undecodable, Watch,
    };
    #[cfg(feature = "tower")]
    #[doc(inline)]
    pub use session_tower::{
        EmptyResponse, FailureResponse, ResponseFuture, SessionLayer, SessionService, TestBrowser,
    };
}

/// The pages of the folder `docs`, versioned and linked with the code. Every example on them is
/// compiled and run.
pub mod _documentation {
    // A page links to another by reference, and defines its references for readers of the files.
    // The first definition of a reference counts: here it leads to the page's module.
    macro_rules! pages {
        ($($page:ident: $file:literal)*) => {$(
            #[doc = "[acl]: crate::_documentation::acl"]
            #[doc = "[capacity]: https://docs.rs/crate/session-store/latest/source/docs/capacity.md"]
            #[doc = "[choosing]: crate::_documentation::choosing"]
            #[doc = "[contract]: session_core::_documentation::contract"]
            #[doc = "[deployment]: crate::_documentation::deployment"]
            #[doc = "[design]: crate::_documentation::design"]
            #[doc = "[examples]: https://docs.rs/crate/session-store/latest/source/examples/"]
            #[doc = "[faults]: crate::_documentation::faults"]
            #[doc = "[ids]: crate::_documentation::ids_at_rest"]
            #[doc = "[managed]: crate::_documentation::managed_services"]
            #[doc = "[operating]: crate::_documentation::operating"]
            #[doc = "[performance]: https://docs.rs/crate/session-store/latest/source/docs/performance.md"]
            #[doc = "[security]: crate::_documentation::security"]
            #[doc = "[testing]: crate::_documentation::testing"]
            #[doc = "[web]: crate::_documentation::web"]
            #[doc = "[writing]: crate::_documentation::writing_a_backend"]
            #[doc = ""]
            #[cfg_attr(
                all(feature = "auth", feature = "axum", feature = "memory", feature = "mock", feature = "redis-rs"),
                doc = include_str!($file)
            )]
            #[cfg_attr(
                not(all(feature = "auth", feature = "axum", feature = "memory", feature = "mock", feature = "redis-rs")),
                doc = "This page needs the features `auth`, `axum`, `memory`, `mock` and `redis-rs`."
            )]
            pub mod $page {}
        )*};
    }

    pages! {
        acl: "../docs/acl.md"
        choosing: "../docs/choosing.md"
        deployment: "../docs/deployment.md"
        design: "../docs/design.md"
        faults: "../docs/faults.md"
        ids_at_rest: "../docs/ids-at-rest.md"
        managed_services: "../docs/managed-services.md"
        near_cache: "../docs/near-cache.md"
        operating: "../docs/operating.md"
        security: "../docs/security.md"
        sql: "../docs/sql.md"
        testing: "../docs/testing.md"
        web: "../docs/web.md"
        writing_a_backend: "../docs/writing-a-backend.md"
    }
}

/// The examples of the README, compiled and run.
#[cfg(all(doctest, feature = "axum", feature = "redis-rs", feature = "fred"))]
#[doc = include_str!("../../README.md")]
struct Readme;

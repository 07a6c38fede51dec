//! Server-side sessions for [tower](https://docs.rs/tower) and [axum](https://docs.rs/axum): the
//! layer, the request's handle to its session, and the cookie. Applications use it best through the
//! facade `session-store` (feature `axum` or `tower`), which has it at its root and in `web`.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use session_memory::MemoryBackend;
//! use session_tower::{Session, SessionError, SessionLayer};
//! use std::sync::Arc;
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.increment("visits", 1).await?;
//!     Ok(format!("visit number {visits}"))
//! }
//!
//! let backend = Arc::new(MemoryBackend::new());
//! let app: Router = Router::new()
//!     .route("/", get(visits))
//!     .layer(SessionLayer::new(backend));
//! # }
//! ```
//!
//! | you want to | read |
//! |---|---|
//! | put sessions around an application | [`SessionLayer`] |
//! | use the session in a handler | [`Session`]; [`ReadSession`] to look without counting as use |
//! | keep a struct in the session | `Session::load_struct`, `Typed` |
//! | decide about the cookie, or have none | [`SessionCookie`], [`SessionHeader`] |
//! | end a WebSocket or a stream of events with its session | [`Session::watch`], [`Watch`] |
//! | decide what clients are told when the store fails | [`SessionLayer::with_failure_response`], [`SessionError`] |
//! | test applications, and handlers | [`TestBrowser`], [`Session::for_test`] |
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `axum` | no | extractors, and [`SessionError`] as a response, on axum-core |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod failure;
mod future;
mod layer;
mod service;
mod test_browser;

pub use self::failure::{EmptyResponse, FailureResponse};
pub use self::future::{Failing, ResponseFuture};
pub use self::layer::SessionLayer;
pub use self::service::SessionService;
pub use self::test_browser::TestBrowser;
#[doc(inline)]
pub use session_http::{
    ChangesDropped, CookieChange, Counted, DeltaExt, FieldsExt, InvalidCookie, InvalidHeader,
    Presence, ReadSession, SameSite, Session, SessionCookie, SessionCookieBuilder, SessionEnd,
    SessionError, SessionHeader, Typed, Undecodable, Watch,
};

//! Server-side sessions over HTTP, without a web framework: the request's handle to its session,
//! the cookie, and what becomes of the response. Applications want the facade `session-store`; this
//! crate is for whoever writes an adapter of another framework.
//!
//! Applications use it through an adapter of their framework, which re-exports it: for tower and
//! axum the crate `session-tower`, for actix-web `session-actix`. The rules are here, once; an
//! adapter brings requests and responses. This is one, whole:
//!
//! ```
//! use http::{Request, Response};
//! use session_http::{Closing, Session, SessionError, SessionHttp};
//!
//! async fn serve<B>(
//!     sessions: &SessionHttp,
//!     mut request: Request<B>,
//!     handler: impl AsyncFnOnce(Request<B>) -> Response<String>,
//! ) -> Response<String> {
//!     let outer = Session::of(request.extensions());
//!     let opened = sessions.open(request.headers_mut(), outer);
//!     request.extensions_mut().insert(opened.session().clone());
//!     let response = handler(request).await;
//!     let closed = match opened.close(&response) {
//!         Closing::Untouched => return response,
//!         Closing::Closed(closed) => closed,
//!         Closing::Committing(commit) => commit.await,
//!     };
//!     closed.finish(response, |_, error: &SessionError| {
//!         let mut response = Response::new(error.to_string());
//!         *response.status_mut() = error.status();
//!         response
//!     })
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use session_memory::MemoryBackend;
//! use std::sync::Arc;
//!
//! async fn login(request: Request<()>) -> Response<String> {
//!     let session = Session::of(request.extensions()).expect("it was opened");
//!     session.insert("username", "andrew").expect("the response is not made yet");
//!     Response::new("welcome".to_owned())
//! }
//!
//! let backend = MemoryBackend::new();
//! let sessions = SessionHttp::new(Arc::new(backend.clone()));
//! let response = serve(&sessions, Request::new(()), login).await;
//! let cookie = response.headers()["set-cookie"].to_str().expect("it is text");
//! assert!(cookie.starts_with("__Host-id="));
//! assert_eq!(response.headers()["cache-control"], "no-store");
//!
//! backend.faults().store_down();
//! let response = serve(&sessions, Request::new(()), login).await;
//! assert_eq!(response.status(), 503);
//! assert_eq!(response.headers()["retry-after"], "5");
//! # }
//! ```
//!
//! | you want to | read |
//! |---|---|
//! | use the session in a handler | [`Session`]; [`ReadSession`] to look without counting as use |
//! | keep a struct in the session | [`Session::load_struct`], [`Typed`] |
//! | end a WebSocket or a stream of events with its session | [`Session::watch`], [`Watch`] |
//! | decide about the cookie, or have none | [`SessionCookie`], [`SessionHeader`] |
//! | write an adapter of a framework | [`SessionHttp`], [`RequestSession`]; [`Responding`]; [`Headers`] and [`ResponseHead`] where its types are its own |
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `axum` | no | extractors, and [`SessionError`] as a response, on axum-core |
//! | `actix` | no | the same for actix-web |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "actix")]
mod actix;
mod change;
mod conversation;
mod cookie;
mod error;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
mod head;
mod headers;
mod incident;
mod json;
mod operations;
mod pending;
mod presented;
mod read_session;
mod request;
mod responding;
mod session;
mod session_header;
mod sessions;
mod state;
mod transport;
mod values;
mod watch;

pub use self::change::{ChangesDropped, CookieChange};
pub use self::cookie::{InvalidCookie, SameSite, SessionCookie, SessionCookieBuilder};
pub use self::error::SessionError;
pub use self::head::{HeaderLine, Headers, ResponseHead};
pub use self::json::Typed;
pub use self::read_session::ReadSession;
pub use self::request::{Closed, Closing, Commit, RequestSession};
pub use self::responding::{FailureReplacement, Responding};
pub use self::session::{Counted, Presence, Session};
pub use self::session_header::{InvalidHeader, SessionHeader};
pub use self::sessions::{SessionHttp, Undecodable};
pub use self::values::{DeltaExt, FieldsExt};
pub use self::watch::{SessionEnd, Watch};

//! Server-side sessions for [actix-web](https://docs.rs/actix-web): the middleware, the request's
//! handle to its session, and the cookie.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use session_actix::{Session, SessionError, SessionMiddleware};
//! use session_memory::MemoryBackend;
//! use std::sync::Arc;
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     Ok(format!("visit number {}", session.increment("visits", 1).await?))
//! }
//!
//! #[actix_web::main]
//! async fn main() -> std::io::Result<()> {
//!     let sessions = SessionMiddleware::new(Arc::new(MemoryBackend::new()));
//!     HttpServer::new(move || App::new().wrap(sessions.clone()).route("/", web::get().to(visits)))
//!         .bind("127.0.0.1:8080")?
//!         .run()
//!         .await
//! }
//! ```
//!
//! The cookie is `__Host-id` with `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`, kept until the
//! browser ends. Over plain HTTP, on your own machine, no browser sends it: there,
//! [`SessionCookie::insecure_for_development`].
//!
//! | you want to | read |
//! |---|---|
//! | put sessions around an application | [`SessionMiddleware`] |
//! | use the session in a handler | [`Session`]; [`ReadSession`] to look without counting as use |
//! | keep a struct in the session | [`Session::load_struct`], [`Typed`] |
//! | decide about the cookie, or have none | [`SessionCookie`], [`SessionHeader`] |
//! | end a WebSocket or a stream of events with its session | [`Session::watch`], [`Watch`] |
//! | decide what clients are told when the store fails | [`SessionMiddleware::with_failure_response`], [`SessionError`] |
//! | know who is logged in | the crate `session-auth` with its feature `actix` |
//! | test handlers | [`Session::for_test`] |
//!
//! # Workers
//! actix-web has several workers, each with a runtime of its own. Make the middleware (and so the
//! backend) once, before the server, and give each worker a clone, as above. All workers then share
//! the backend's connections. What keeps these up is a task on the runtime that connected: with
//! `connect().await` before the server the main one, which outlives the workers. A backend that is
//! only built connects with the first request, on its worker's runtime; should that worker end,
//! what is under way fails with 503, and the next request connects again. And the store is looked
//! at once per interval for a session that several connections [watch](Session::watch), whichever
//! workers they are on.
//!
//! Neither the handle nor the middleware needs handlers that are `Send`. The handle itself is, so
//! it can go to other threads.
//!
//! # What differs from axum
//! * `Option<CurrentUser<U>>`, `Option<Typed<T>>` and the like are `None` for *every* error of the
//!   extractor: that is how actix-web makes `Option` an extractor. So that a store that fails does
//!   not show people who are logged in the page for those who are not, the middleware answers such
//!   a request with its failure response, whatever the handler made of it.
//! * A handler that fails with a [`SessionError`] answers with a response; what it has changed is
//!   committed unless it was the store that failed. A *middleware* further inside that fails has
//!   made no response yet: nothing is committed, and the client gets the plain one of the error.
//! * The middleware marks the id in the request's headers as secret, so nobody else may hold the
//!   request then: around a resource (`web::resource(…).wrap(…)`), put no middleware outside that
//!   keeps a clone of its `HttpRequest`, or actix-web panics. Around an application or a scope it
//!   does so by itself, as it finds the route.
//! * A handler that panics has no response: the connection is closed, nothing is committed.
//! * A client that leaves does not end its request: by default actix-web lets a client close its
//!   half of an HTTP/1 connection, so the handler goes on, and what it does is committed. With
//!   `HttpServer::h1_allow_half_closed(false)` the request is dropped, as in axum, and its changes
//!   with it.
//! * The session in a request's extensions is found by [`Session::of_request`] and
//!   [`Session::named_of_request`]: actix-web has types of the crate `http` 0.2, and extensions of
//!   its own.

mod middleware;

pub use self::middleware::{ResponseFuture, SessionMiddleware, SessionService};
#[doc(inline)]
pub use session_http::{
    ChangesDropped, CookieChange, Counted, DeltaExt, FieldsExt, InvalidCookie, InvalidHeader,
    Presence, ReadSession, SameSite, Session, SessionCookie, SessionCookieBuilder, SessionEnd,
    SessionError, SessionHeader, Typed, Undecodable, Watch,
};

//! The router and what surrounds it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::{from_fn, map_response};
use axum::routing::{get, post};
use session_store::web::InvalidCookie;
use session_store::{SessionBackend, SessionCookie, SessionLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::failure::{SessionFailed, method_not_allowed, not_found};
use crate::shared::{About, RETRY_AFTER, Shared};
use crate::{guard, headers, log, page, routes};

/// The name of the session's cookie.
const COOKIE: &str = "sid";
/// The largest form that is read. The longest sensible one has a name and two numbers.
const MAX_FORM: usize = 16 * 1024;

/// The demo on this backend.
///
/// # Errors
/// None that can happen: the cookie's settings are fixed and allowed.
pub fn app(backend: Arc<dyn SessionBackend>, about: About) -> Result<Router, InvalidCookie> {
    // The demo is served over plain HTTP to the machine it runs on. Anything else wants
    // `SessionCookie::host`.
    let cookie = SessionCookie::insecure_for_development(COOKIE).build()?;
    let sessions = SessionLayer::new(Arc::clone(&backend))
        .with_cookie(cookie)
        .with_failure_response(SessionFailed)
        .with_retry_after(RETRY_AFTER);

    let with_session = Router::new()
        .route("/session", get(routes::session::show))
        .route("/login", post(routes::session::log_in))
        .route("/increment", post(routes::session::increment))
        .route("/ttl", post(routes::session::set_ttl))
        .route("/rotate", post(routes::session::rotate))
        .route("/logout", post(routes::session::log_out))
        .route("/sessions", get(routes::sessions::list))
        .route("/sessions/revoke", post(routes::sessions::revoke))
        .route(
            "/logout-everywhere",
            post(routes::sessions::log_out_everywhere),
        )
        // The session layer would let the visitor's own browser keep it.
        .layer(SetResponseHeaderLayer::if_not_present(
            CACHE_CONTROL,
            headers::NO_STORE,
        ))
        .layer(sessions);
    let without_session = Router::new()
        .route("/", get(page::page))
        .route("/assets/{file}", get(page::asset))
        .route("/backend", get(routes::status::backend))
        .route("/healthz", get(routes::status::healthy))
        .route("/readyz", get(routes::status::ready));

    Ok(with_session
        .merge(without_session)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(from_fn(guard::refuse_forgeries))
        .layer(map_response(headers::secure))
        .layer(from_fn(log::requests))
        .with_state(Shared {
            backend,
            about: Arc::new(about),
        }))
}

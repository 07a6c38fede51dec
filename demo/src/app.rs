//! The router and what surrounds it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use session_store::web::InvalidCookie;
use session_store::{SessionBackend, SessionCookie, SessionLayer};
use tower_http::LatencyUnit;
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use crate::failure::{SessionFailed, forged, method_not_allowed, not_found};
use crate::metrics::Metrics;
use crate::shared::{About, Closing, RETRY_AFTER, Shared};
use crate::{page, routes};

/// The name of the session's cookie.
const COOKIE: &str = "sid";
/// How soon an open page learns that its session has ended.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// The largest form that is read. The longest sensible one has a name and two numbers.
const MAX_FORM: usize = 16 * 1024;
/// Nothing but the demo's own script, style and images; no frame around the page, no other target
/// of its forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What every response says about how it may be used.
const ALWAYS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The demo on this backend. Its streams of events end when the server is `closing`.
///
/// # Errors
/// None that can happen: the cookie's settings are fixed and allowed.
pub fn app(
    backend: Arc<dyn SessionBackend>,
    about: About,
    metrics: Metrics,
    closing: Closing,
) -> Result<Router, InvalidCookie> {
    // The demo is served over plain HTTP to the machine it runs on. Anything else wants
    // `SessionCookie::host`.
    let cookie = SessionCookie::insecure_for_development(COOKIE).build()?;
    let sessions = SessionLayer::new(Arc::clone(&backend))
        .with_cookie(cookie)
        .with_failure_response(SessionFailed)
        .with_retry_after(RETRY_AFTER)
        .with_watch_interval(WATCH_INTERVAL);

    let with_session = Router::new()
        .route("/session", get(routes::session::show))
        .route("/events", get(routes::events::events))
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
        .layer(no_store())
        .layer(sessions);
    let without_session = Router::new()
        .route("/", get(page::page))
        .route("/assets/{file}", get(page::asset))
        .route("/backend", get(routes::status::backend))
        .route("/healthz", get(routes::status::healthy))
        .route("/readyz", get(routes::status::ready))
        // An application that others can reach serves it where they cannot.
        .route("/metrics", get(routes::status::metrics));

    // The cookie's `SameSite=Lax` stops most forgeries, but not what a neighbouring port or
    // subdomain sends, and not a forged log-in, which needs no cookie.
    let guarded = with_session
        .merge(without_session)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(CsrfLayer::new().with_rejection_response(forged))
        .layer(no_store());
    let secured = ALWAYS.into_iter().fold(guarded, |app, (name, value)| {
        let value = HeaderValue::from_static(value);
        app.layer(SetResponseHeaderLayer::overriding(name, value))
    });
    let answered = DefaultOnResponse::new()
        .level(Level::INFO)
        .latency_unit(LatencyUnit::Micros);
    let log = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(answered)
        // The status says it.
        .on_failure(());
    Ok(secured.layer(log).with_state(Shared {
        backend,
        about: Arc::new(about),
        metrics,
        closing,
    }))
}

/// No cache keeps what does not say otherwise: it is about one visitor's session.
fn no_store() -> SetResponseHeaderLayer<HeaderValue> {
    let no_store = HeaderValue::from_static("no-store");
    SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store)
}

/// What the log says of a request: the route, not the path as it was sent, and no header, no value
/// and no id.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("-", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}

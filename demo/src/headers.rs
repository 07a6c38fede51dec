//! What every response says about how it may be used.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Nothing but the demo's own script, style and images; no frame around the page, no other target
/// of its forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
];

/// No cache keeps it.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Puts the security headers on every response, and forbids caches to keep what does not say
/// otherwise: all of it is about one visitor's session.
pub(crate) async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}

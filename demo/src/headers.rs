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

/// Puts the security headers on every response, and forbids caches to keep what does not say
/// otherwise.
pub(crate) async fn secure(mut response: Response) -> Response {
    for (name, value) in ALWAYS {
        response.headers_mut().insert(name, value);
    }
    unstored(response).await
}

/// Forbids caches to keep what does not say otherwise. For what is about one visitor's session this
/// comes before the session layer, which would let the visitor's own browser keep it.
pub(crate) async fn unstored(mut response: Response) -> Response {
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

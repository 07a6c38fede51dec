//! Only the demo's own page may change anything.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::failure::error;

/// Refuses what another site makes a browser send (cross-site request forgery).
///
/// The cookie's `SameSite=Lax` stops most of it, but not what a neighbouring port or subdomain
/// sends, and not a forged log-in, which needs no cookie. Browsers say where a request comes from,
/// and no script can change that; what says nothing is no browser.
pub(crate) async fn refuse_forgeries(request: Request, next: Next) -> Response {
    if is_safe(request.method()) || is_same_origin(request.headers(), request.uri()) {
        next.run(request).await
    } else {
        error(StatusCode::FORBIDDEN, "Cross-site request refused.")
    }
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn is_same_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none`: the person did it, by the address bar or a bookmark.
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    // In HTTP/2 the host is part of the URI.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let origin = origin.to_str().ok().and_then(authority);
    matches!((origin, host), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// `http://localhost:8080` → `localhost:8080`. The scheme does not count: before a proxy that ends
/// TLS, the server cannot know it. (`null`, the origin of a sandboxed frame, has none.)
fn authority(origin: &str) -> Option<&str> {
    let (scheme, authority) = origin.split_once("://")?;
    matches!(scheme, "http" | "https").then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn is_allowed(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        is_same_origin(&headers.collect(), &Uri::from_static("/login"))
    }

    #[test]
    fn where_the_browser_says_the_site_that_decides() {
        let host = ("host", "localhost:8080");
        for (site, origin, allowed) in [
            ("same-origin", "null", true),
            ("none", "null", true),
            ("cross-site", "http://localhost:8080", false),
            ("same-site", "http://localhost:8080", false),
            ("", "http://localhost:8080", false),
            ("SAME-ORIGIN, none", "http://localhost:8080", false),
        ] {
            let headers = [("sec-fetch-site", site), ("origin", origin), host];
            assert_eq!(is_allowed(&headers), allowed, "{site:?}");
        }
    }

    #[test]
    fn otherwise_the_origin_must_be_this_host() {
        assert!(is_allowed(&[]) && is_allowed(&[("host", "localhost:8080")]));
        for (origin, host, allowed) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("https://demo.example", "demo.EXAMPLE", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://localhost:8081", "localhost:8080", false),
            ("http://127.0.0.1:8080", "localhost:8080", false),
            ("http://evil.example", "localhost:8080", false),
            ("http://localhost:8080.evil", "localhost:8080", false),
            ("http://evil/localhost:8080", "localhost:8080", false),
            ("ftp://localhost:8080", "localhost:8080", false),
            ("localhost:8080", "localhost:8080", false),
            ("null", "localhost:8080", false),
            ("", "", false),
        ] {
            let headers = [("origin", origin), ("host", host)];
            assert_eq!(is_allowed(&headers), allowed, "{origin} to {host}");
        }
        assert!(!is_allowed(&[("origin", "http://localhost:8080")]));
    }
}

//! What all pages have in common.

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::{Html, Response};

/// A page of this title. The body is HTML: what people have written is [escaped](escape) in it.
pub(crate) fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        r#"<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
{body}
<p><a href="/">The shop</a> <a href="/devices">My devices</a> <a href="/office">Office</a></p>
</html>
"#
    ))
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Refusals and failures, whoever made them, have no body: people are shown a page. Headers stay,
/// `Retry-After` among them.
pub(crate) async fn explain(response: Response) -> Response {
    let text = match response.status() {
        _ if response.size_hint().exact() != Some(0) => return response,
        StatusCode::UNAUTHORIZED => r#"Please <a href="/login">log in</a>."#,
        StatusCode::FORBIDDEN => "You may not do this.",
        StatusCode::NOT_FOUND => "We do not have this.",
        StatusCode::SERVICE_UNAVAILABLE => "We will be back in a moment.",
        status if status.is_client_error() || status.is_server_error() => "This did not work.",
        _ => return response,
    };
    let Html(page) = page("Sorry", text);
    let mut response = response.map(|_| Body::from(page));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

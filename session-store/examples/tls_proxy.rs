//! Behind a proxy that ends TLS: the browser speaks HTTPS to the proxy, and the proxy plain HTTP to
//! this application.
//!
//! Nothing of the session layer needs to know. The cookie is `__Host-id` with `Secure`, because
//! that is what the *browser* checks, and the browser is on HTTPS; the proxy passes `Set-Cookie` as
//! it is. So do not choose a weaker cookie because the last hop is plain, and let the application
//! be reached through the proxy only (here: it listens on the loopback).
//!
//! What to trust of what arrives:
//!
//! | header | |
//! |---|---|
//! | `Host`, `Origin` | as the browser sent them, if the proxy passes both on unchanged: `CsrfLayer` compares them |
//! | `X-Forwarded-Proto` | not needed: redirects are paths, and the cookie does not ask |
//! | `X-Forwarded-For` | its *last* entry, the only one that the proxy has written; what stands before it the client can make up. Log it and show it, do not let anybody in for it |
//! | `X-Forwarded-Host` | never: with `Host` passed on there is no need |
//!
//! HSTS is the proxy's matter, as it is the one who speaks TLS. nginx:
//!
//! ```nginx
//! server {
//!     listen 443 ssl;
//!     server_name shop.example;
//!     add_header Strict-Transport-Security "max-age=63072000" always;
//!     location / {
//!         proxy_pass http://127.0.0.1:8080;
//!         proxy_http_version 1.1;
//!         proxy_set_header Host $http_host; # not $proxy_host, the default
//!         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//!         proxy_buffering off; # for server-sent events
//!     }
//! }
//! ```
//!
//! Caddy passes `Host` on, and sets `X-Forwarded-For`, by itself:
//!
//! ```text
//! shop.example {
//!     header Strict-Transport-Security "max-age=63072000"
//!     reverse_proxy 127.0.0.1:8080
//! }
//! ```
//!
//! ```sh
//! cargo run -p session-store --example tls_proxy --features axum
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use session_store::{Principal, Session, SessionBackend, SessionError, SessionLayer};
use tower_http::csrf::CsrfLayer;

/// Passwords are left out here; see the example `shop`.
async fn log_in(
    session: Session,
    headers: HeaderMap,
    username: String,
) -> Result<Redirect, SessionError> {
    session.log_in(Principal::new(username)?)?;
    session.insert("address", client_address(&headers))?;
    // A path: the browser keeps the scheme and the host that it knows, and this side does not.
    Ok(Redirect::to("/"))
}

/// The client's address, as the proxy saw it.
fn client_address(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all("x-forwarded-for").into_iter();
    let last = lines.next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}

async fn home(session: Session) -> Result<String, SessionError> {
    let Some(principal) = session.principal().await? else {
        return Ok("Please log in.\n".to_owned());
    };
    let address: Option<String> = session.get("address").await?;
    let address = address.as_deref().unwrap_or("somewhere");
    Ok(format!(
        "{}, logged in from {address}\n",
        principal.as_str()
    ))
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        // The default cookie.
        .layer(SessionLayer::new(backend))
        .layer(CsrfLayer::new())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let backend = session_store::connect("memory:").await?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!(
        "listening on http://{}, for a proxy",
        listener.local_addr()?
    );
    axum::serve(listener, app(backend)).await?;
    Ok(())
}

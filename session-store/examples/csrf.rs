//! Requests that another site makes a browser send (cross-site request forgery), and two ways to
//! refuse them.
//!
//! *Where a request comes from* is what browsers say in `Sec-Fetch-Site` and `Origin`, and no
//! script can change that: tower-http's `CsrfLayer` refuses what another site sends, before the
//! session is looked at. The cookie's `SameSite=Lax` is not enough: it lets a neighbouring
//! subdomain pass, and a forged log-in, which needs no cookie.
//!
//! *A token of the session* is for what says nothing of where it comes from, and which that layer
//! therefore lets pass: old browsers, and web views in applications. Leave it out where all clients
//! are today's browsers, or programs that keep no cookies.
//!
//! ```sh
//! cargo run -p session-store --example csrf --features axum
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;
use session_store::{
    Session, SessionBackend, SessionCookie, SessionError, SessionId, SessionLayer,
};
use tower_http::csrf::{ConfigError, CsrfLayer};

const TOKEN: &str = "csrf_token";

/// The session's token. Whichever of the browser's tabs asks first draws it, and all have the same.
async fn token(session: &Session) -> Result<String, SessionError> {
    let drawn = SessionId::random()?.expose().to_owned();
    session.insert_if_absent(TOKEN, drawn).await
}

async fn show(session: Session) -> Result<Html<String>, SessionError> {
    let token = token(&session).await?;
    Ok(Html(format!(
        r#"<!DOCTYPE html>
<form method="post"><input type="hidden" name="token" value="{token}">
<input name="name"> <button>Change my name</button></form>
"#
    )))
}

#[derive(Deserialize)]
struct Change {
    name: String,
    #[serde(default)]
    token: String,
}

async fn change(session: Session, Form(change): Form<Change>) -> Result<Response, SessionError> {
    let expected: Option<String> = session.get(TOKEN).await?;
    if !expected.is_some_and(|expected| is_same(&expected, &change.token)) {
        return Ok((StatusCode::FORBIDDEN, "Please open the page again.\n").into_response());
    }
    session.insert("name", &change.name)?;
    Ok(format!("You are {}.\n", change.name).into_response())
}

/// In a time that does not depend on where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    let differing = pairs.fold(0, |bits, (one, other)| bits | (one ^ other));
    std::hint::black_box(differing) == 0 && one.len() == other.len()
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Result<Router, ConfigError> {
    // A site of ours that sends forms here. Its own session is another one.
    let origins = CsrfLayer::new().add_trusted_origin("https://www.shop.example")?;
    Ok(Router::new()
        .route("/", get(show).post(change))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
        // Around the session layer: what is refused costs nothing, and sets no cookie.
        .layer(origins))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let backend = session_store::connect("memory:").await?;
    // This is plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("sid").build()?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(backend, cookie)?).await?;
    Ok(())
}

//! Logging in and out. Run it and try:
//!
//! ```sh
//! cargo run -p session-tower --example login --features axum
//! curl -c jar -b jar -d 'username=ann&password=open sesame' localhost:3000/login
//! curl -c jar -b jar localhost:3000
//! curl -c jar -b jar -X POST localhost:3000/logout
//! ```

use std::sync::Arc;

use axum::Form;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use session_core::{Principal, SessionBackend};
use session_memory::MemoryBackend;
use session_tower::{Presence, Session, SessionCookie, SessionError, SessionLayer};

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

/// Who is there.
async fn home(session: Session) -> Result<String, SessionError> {
    if let Some(username) = session.get::<String>("username").await? {
        return Ok(format!("Hello, {username}!\n"));
    }
    Ok(match session.presence().await? {
        Presence::NotFound => "Your session has expired. Please log in again.\n".to_owned(),
        _ => "Please log in.\n".to_owned(),
    })
}

/// Checks the password, and puts the person into the session.
async fn log_in(
    session: Session,
    Form(credentials): Form<Credentials>,
) -> Result<Response, SessionError> {
    // Here an application would check a password hash.
    if credentials.password != "open sesame" {
        return Ok((StatusCode::UNAUTHORIZED, "Wrong password.\n").into_response());
    }
    let principal = Principal::new(credentials.username.as_str())?;
    // A fresh id and the binding, in one step with the field.
    session.log_in(principal)?;
    session.insert("username", credentials.username)?;
    Ok(Redirect::to("/").into_response())
}

/// Ends the session on the server and in the browser.
async fn log_out(session: Session) -> Result<Redirect, SessionError> {
    session.log_out()?;
    Ok(Redirect::to("/"))
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let backend = Arc::new(MemoryBackend::new());
    // This example speaks plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("sid").build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(backend, cookie)).await?;
    Ok(())
}

//! A message that the next page shows, once. Run it and try:
//!
//! ```sh
//! cargo run -p session-tower --example flash_message --features axum
//! curl -L -c jar -b jar -d 'name=ann' localhost:3000/save
//! curl -c jar -b jar localhost:3000
//! ```

use std::sync::Arc;

use axum::Form;
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use serde::Deserialize;
use session_core::SessionBackend;
use session_memory::MemoryBackend;
use session_tower::{Session, SessionCookie, SessionError, SessionLayer};

#[derive(Deserialize)]
struct Profile {
    name: String,
}

/// Saves something, and leaves a message for the page to which it redirects. That page's request
/// finds it: what is set here is in the store before the redirect is sent.
async fn save(session: Session, Form(profile): Form<Profile>) -> Result<Redirect, SessionError> {
    session.insert("flash", format!("Saved the name {}.", profile.name))?;
    Ok(Redirect::to("/"))
}

/// Shows the message, if there is one, and takes it out of the session.
async fn home(session: Session) -> Result<String, SessionError> {
    let flash: Option<String> = session.take("flash").await?;
    Ok(format!("{}\n", flash.as_deref().unwrap_or("Nothing new.")))
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/save", post(save))
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

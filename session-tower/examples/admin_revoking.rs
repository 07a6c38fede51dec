//! Who is logged in where, and ending it: one's own other sessions, or, for an administrator,
//! all sessions of somebody. Run it and try:
//!
//! ```sh
//! cargo run -p session-tower --example admin_revoking --features axum
//! curl -c phone -b phone -d 'username=ann' localhost:3000/login
//! curl -c laptop -b laptop -d 'username=ann' localhost:3000/login
//! curl -c laptop -b laptop localhost:3000/sessions
//! curl -c laptop -b laptop -X POST localhost:3000/sessions/revoke-others
//! curl -c root -b root -d 'username=root' localhost:3000/login
//! curl -c root -b root -X POST localhost:3000/admin/users/ann/revoke
//! ```

use std::sync::Arc;

use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use session_core::{Principal, PublicId, SessionBackend, Timestamp};
use session_memory::MemoryBackend;
use session_tower::{Session, SessionCookie, SessionError, SessionLayer};

#[derive(Deserialize)]
struct Login {
    username: String,
}

/// A session as its owner sees it.
#[derive(Serialize)]
struct Device {
    public_id: String,
    since: String,
    last_used: String,
    is_this_one: bool,
}

/// Passwords are left out here; see the example `login`.
async fn log_in(session: Session, Form(login): Form<Login>) -> Result<StatusCode, SessionError> {
    // Nothing of another person's session must be carried over.
    session.destroy()?;
    session.log_in(Principal::new(login.username)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever is logged in; for the handlers behind [`logged_in_only`].
async fn principal(session: &Session) -> Result<Option<Principal>, SessionError> {
    let record = session.load().await?;
    Ok(record.and_then(|record| record.principal()))
}

async fn logged_in_only(session: Session, request: Request, next: Next) -> Response {
    match principal(&session).await {
        Ok(Some(_)) => next.run(request).await,
        Ok(None) => StatusCode::UNAUTHORIZED.into_response(),
        Err(error) => error.into_response(),
    }
}

/// The sessions of whoever asks, named by public ids that open none of them.
async fn sessions(session: Session) -> Result<Json<Vec<Device>>, SessionError> {
    let Some(principal) = principal(&session).await? else {
        return Ok(Json(Vec::new()));
    };
    let this = session.public_id();
    let text = |time: Option<Timestamp>| time.map_or("?".to_owned(), |time| time.to_string());
    let sessions = session.backend().list_sessions(&principal).await?;
    let devices = sessions.into_iter().map(|listed| Device {
        is_this_one: this == Some(listed.public_id),
        public_id: listed.public_id.to_string(),
        since: text(listed.created_at()),
        last_used: text(listed.last_accessed_at()),
    });
    Ok(Json(devices.collect()))
}

/// Ends one session of whoever asks. Another principal's is never ended, whatever the public id.
async fn revoke_one(
    session: Session,
    Path(public_id): Path<String>,
) -> Result<StatusCode, SessionError> {
    let Some(principal) = principal(&session).await? else {
        return Ok(StatusCode::UNAUTHORIZED);
    };
    let Ok(public_id) = PublicId::parse(&public_id) else {
        return Ok(StatusCode::NOT_FOUND);
    };
    let was_there = session
        .backend()
        .revoke_session(&principal, &public_id)
        .await?;
    Ok(if was_there {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    })
}

/// Ends all other sessions of whoever asks: "log out everywhere else".
async fn revoke_others(session: Session) -> Result<String, SessionError> {
    let Some(principal) = principal(&session).await? else {
        return Ok("0".to_owned());
    };
    let keep = session.id();
    let ended = session.backend().revoke_sessions(&principal, keep.as_ref());
    Ok(ended.await?.to_string())
}

/// Ends all sessions of somebody; for administrators.
async fn revoke_user(session: Session, Path(user): Path<String>) -> Result<Response, SessionError> {
    let asks = principal(&session).await?;
    if asks.is_none_or(|principal| principal.as_str() != "root") {
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let user = Principal::new(user)?;
    let ended = session.backend().revoke_sessions(&user, None).await?;
    Ok(ended.to_string().into_response())
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Router {
    Router::new()
        .route("/sessions", get(sessions))
        .route("/sessions/{public_id}/revoke", post(revoke_one))
        .route("/sessions/revoke-others", post(revoke_others))
        .route("/admin/users/{user}/revoke", post(revoke_user))
        .route_layer(middleware::from_fn(logged_in_only))
        .route("/login", post(log_in))
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

//! How the demo itself is.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER as RETRY_AFTER_HEADER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use session_store::SessionError;

use crate::failure::session_failed;
use crate::shared::{RETRY_AFTER, Shared};

/// `GET /backend`: where the sessions are kept.
pub(crate) async fn backend(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({
        "backend": shared.about.backend,
        "description": shared.about.description,
        "ids_hashed": shared.about.ids_hashed,
    }))
}

/// `GET /healthz`: the process runs. Restarting it would not bring back a store that is away.
pub(crate) async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /metrics`: what was counted, in Prometheus's text format.
pub(crate) async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, shared.metrics.text())
}

/// `GET /readyz`: sessions can be stored, too.
pub(crate) async fn ready(State(shared): State<Shared>) -> Response {
    match shared.backend.ping().await {
        Ok(()) => Json(json!({ "status": "ok" })).into_response(),
        Err(error) => {
            let retry = [(RETRY_AFTER_HEADER, RETRY_AFTER.as_secs().to_string())];
            (retry, session_failed(&SessionError::from(error))).into_response()
        }
    }
}

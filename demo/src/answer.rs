//! What the handlers answer.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use session_store::{FieldValue, SessionId, SessionRecord};

/// How many characters of an id are shown: enough to tell two apart, far too few to use one.
const SHOWN_ID: usize = 8;

/// A session as the page shows it.
pub(crate) fn session(id: &SessionId, record: &SessionRecord) -> Map<String, Value> {
    let ttl = record.ttl().whole_seconds();
    let mut fields: Map<String, Value> = record
        .fields()
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    let mut reserved = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    reserved("created_at", text(&record.created_at_text()));
    reserved("last_accessed_at", text(&record.last_accessed_at_text()));
    reserved("session_ttl", record.configured_ttl().to_string().into());
    if let Some(deadline) = record.deadline() {
        reserved("session_deadline", deadline.get().to_string().into());
    }
    if let Some(principal) = record.principal() {
        reserved("session_principal", principal.as_str().into());
    }
    if let Some(ttl) = ttl {
        reserved("ttl", ttl.to_string().into());
    }
    let mut answer = Map::new();
    answer.insert("authenticated".to_owned(), true.into());
    answer.insert("session_id".to_owned(), shortened(id).into());
    answer.insert("session".to_owned(), fields.into());
    answer.insert(
        "configured_ttl".to_owned(),
        record.configured_ttl().as_secs().into(),
    );
    answer.insert("ttl".to_owned(), ttl.into());
    answer
}

/// That there is no session, as the question for one is answered.
pub(crate) fn no_session() -> Response {
    Json(json!({ "authenticated": false, "session": null })).into_response()
}

/// That there is no session any more.
pub(crate) fn logged_out() -> Response {
    Json(json!({ "authenticated": false })).into_response()
}

/// A value as text: other clients of the store may have written bytes that are none.
pub(crate) fn text(value: &FieldValue) -> Value {
    String::from_utf8_lossy(value.as_bytes()).into()
}

/// The id never leaves the server but in its cookie, where no script can read it.
fn shortened(id: &SessionId) -> String {
    let shown: String = id.expose().chars().take(SHOWN_ID).collect();
    format!("{shown}…")
}

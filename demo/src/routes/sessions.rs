//! All sessions of the visitor's user.

use axum::Json;
use axum::response::Response;
use serde_json::{Value, json};
use session_store::{ReadSession, Session, Timestamp};

use super::DEVICE;
use crate::answer;
use crate::failure::Failure;
use crate::form::{RevokeForm, Sent};

/// `GET /sessions`: where the user is logged in. Looking is no use of any session, this one
/// included.
pub(crate) async fn list(session: ReadSession) -> Result<Json<Value>, Failure> {
    if session.load().await?.is_none() {
        return Err(Failure::absence(session.presence().await?));
    }
    let own = session.public_id();
    let found = session.devices([DEVICE]).await?;
    let sessions: Vec<Value> = found
        .iter()
        .map(|found| {
            let login_at = found.login_at.map(|at| at.to_system_time());
            json!({
                "handle": found.public_id.as_str(),
                "current": own == Some(found.public_id),
                "created_at": answer::text(&found.created_at_text),
                "last_accessed_at": answer::text(&found.last_accessed_at_text),
                "login_at": login_at.map(|at| Timestamp::from_system_time(at).to_string()),
                "device": found.fields.get(DEVICE).map(answer::text),
            })
        })
        .collect();
    Ok(Json(json!({ "sessions": sessions })))
}

/// `POST /sessions/revoke`: ends one of the user's sessions, on whatever browser it is. With one's
/// own the browser's cookie goes, too.
pub(crate) async fn revoke(
    session: Session,
    Sent(form): Sent<RevokeForm>,
) -> Result<Json<Value>, Failure> {
    let is_revoked = session.log_out_device(form.checked()?).await?;
    if !is_revoked && session.load().await?.is_none() {
        return Err(Failure::absence(session.presence().await?));
    }
    Ok(Json(json!({ "revoked": is_revoked })))
}

/// `POST /logout-everywhere`: ends all of the user's sessions, this one included.
pub(crate) async fn log_out_everywhere(session: Session) -> Result<Response, Failure> {
    if session.load().await?.is_none() {
        return Err(Failure::absence(session.presence().await?));
    }
    session.log_out_everywhere().await?;
    Ok(answer::logged_out())
}

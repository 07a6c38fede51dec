//! All sessions of the visitor's user.

use axum::Json;
use axum::response::Response;
use serde_json::{Value, json};
use session_store::{
    Error, FieldName, ListedSession, PublicId, ReadSession, Session, SessionId, SessionRecord,
    Timestamp,
};

use crate::answer;
use crate::failure::Failure;
use crate::form::{RevokeForm, Sent};

/// The field that says on which device a session is, if it has one.
const DEVICE: &str = "user_agent";

/// `GET /sessions`: where the user is logged in. Looking is no use of any session.
pub(crate) async fn list(session: Session) -> Result<Json<Value>, Failure> {
    let record = ReadSession::from(session.clone()).load().await?;
    let (Some(id), Some(record)) = (session.id(), record) else {
        return Err(Failure::absence(&session).await);
    };
    let own = public_id(&id, &record);
    let device = FieldName::new(DEVICE).map_err(Error::from)?;
    let found = match record.principal() {
        Some(user) => {
            let backend = session.backend();
            backend.list_sessions_with(&user, vec![device]).await?
        }
        // Another program wrote this session, for nobody in particular: it is the only one of its
        // kind.
        None => {
            let mut own = ListedSession::new(
                own,
                record.created_at_text().clone(),
                record.last_accessed_at_text().clone(),
                record.login_at(),
            );
            let value = record.fields().get(DEVICE);
            own.fields
                .extend(value.map(|value| (device, value.clone())));
            vec![own]
        }
    };
    let sessions: Vec<Value> = found
        .iter()
        .map(|found| {
            json!({
                "handle": found.public_id.as_str(),
                "current": found.public_id == own,
                "created_at": answer::text(&found.created_at_text),
                "last_accessed_at": answer::text(&found.last_accessed_at_text),
                "login_at": found.login_at.map(|at| Timestamp::from_system_time(at.to_system_time()).to_string()),
                "device": found.fields.get(DEVICE).map(answer::text),
            })
        })
        .collect();
    Ok(Json(json!({ "sessions": sessions })))
}

/// `POST /sessions/revoke`: ends one of the user's sessions, on whatever browser it is.
pub(crate) async fn revoke(
    session: Session,
    Sent(form): Sent<RevokeForm>,
) -> Result<Json<Value>, Failure> {
    let named = form.checked()?;
    let record = session.load().await?;
    let (Some(id), Some(record)) = (session.id(), record) else {
        return Err(Failure::absence(&session).await);
    };
    let is_revoked = if public_id(&id, &record) == named {
        // One's own: the browser's cookie goes with it.
        session.destroy()?;
        true
    } else if let Some(user) = record.principal() {
        session.backend().revoke_session(&user, &named).await?
    } else {
        false
    };
    Ok(Json(json!({ "revoked": is_revoked })))
}

/// `POST /logout-everywhere`: ends all of the user's sessions, this one included.
pub(crate) async fn log_out_everywhere(session: Session) -> Result<Response, Failure> {
    let Some(record) = session.load().await? else {
        return Err(Failure::absence(&session).await);
    };
    if let Some(user) = record.principal() {
        session.backend().revoke_sessions(&user, None).await?;
    }
    // This one may be dead by now; the cookie still has to go.
    session.destroy()?;
    Ok(answer::logged_out())
}

/// Names the visitor's own session: by its public id if it is bound, else by the one that operators
/// see.
fn public_id(id: &SessionId, record: &SessionRecord) -> PublicId {
    let own = record.principal().and_then(|_| record.public_id());
    own.unwrap_or_else(|| PublicId::of_unbound(id))
}

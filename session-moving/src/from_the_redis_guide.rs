#![doc = include_str!("../../docs/moving/from-the-redis-guide.md")]

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use session_store::web::InvalidCookie;
use session_store::{
    Delta, Principal, SessionBackend, SessionCookie, SessionError, SessionId, SessionLayer,
};

use crate::take_over::{MOST_IDS, values};

/// While servers of the guide run: the same cookie, so that a browser can go from any to any.
pub fn beside_the_guide(backend: Arc<dyn SessionBackend>) -> Result<SessionLayer, InvalidCookie> {
    Ok(SessionLayer::new(backend).with_cookie(SessionCookie::named("sid").build()?))
}

/// When they are off: a cookie that no other host can plant. A browser that still has the old one
/// gets a new id with its first use of the session.
pub fn after_the_guide(backend: Arc<dyn SessionBackend>) -> Result<SessionLayer, InvalidCookie> {
    let before = SessionCookie::named("sid").build()?;
    let cookie = SessionCookie::host("id").build()?.with_former(before);
    Ok(SessionLayer::new(backend).with_cookie(cookie))
}

/// Binds a session of the guide to its user, who is known only as a field there: so that the user's
/// sessions can be listed and ended. A middleware around the session layer.
pub async fn bind_user(
    State(backend): State<Arc<dyn SessionBackend>>,
    request: Request,
    next: Next,
) -> Result<Response, SessionError> {
    let ids = values(request.headers(), "sid").filter_map(|value| SessionId::parse(value).ok());
    for id in ids.take(MOST_IDS).collect::<Vec<_>>() {
        let Some(record) = backend.peek_session(&id).await? else {
            continue;
        };
        let name = record.fields().get_str("username");
        if let (None, Some(name)) = (record.principal(), name) {
            let delta = Delta::new().bind(Principal::new(name)?);
            backend.update_session(&id, delta).await?;
        }
    }
    Ok(next.run(request).await)
}

//! The visitor's own session.

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use session_store::{ReadSession, Session, SessionRecord};

use super::DEVICE;
use crate::failure::Failure;
use crate::form::{LoginForm, Sent, TtlForm};
use crate::{answer, device};

type Answer = Result<Json<Map<String, Value>>, Failure>;

const USERNAME: &str = "username";
const PAGE_VIEWS: &str = "page_views";

/// `GET /session`: the session as it is. Asking is use, except with `?peek=1`.
pub(crate) async fn show(Peek(is_peek): Peek, session: Session) -> Result<Response, Failure> {
    let record = if is_peek {
        ReadSession::from(session.clone()).load().await?
    } else {
        session.load().await?
    };
    Ok(match (session.id(), record) {
        (Some(id), Some(record)) => Json(answer::session(&id, &record)).into_response(),
        _ => answer::no_session(),
    })
}

/// `POST /login`: a session of this name. One that the browser already has gets a new id.
pub(crate) async fn log_in(
    session: Session,
    headers: HeaderMap,
    Sent(form): Sent<LoginForm>,
) -> Answer {
    let log_in = form.checked()?;
    session.insert(USERNAME, log_in.principal.as_str())?;
    session.log_in(log_in)?;
    session.insert(PAGE_VIEWS, 1)?;
    if let Some(device) = device::label(&headers) {
        session.insert(DEVICE, device)?;
    }
    let record = session.save_and_load().await?;
    answer(&session, record).await
}

/// `POST /increment`: counts a page view.
pub(crate) async fn increment(session: Session) -> Answer {
    let counted = session.increment_and_load(PAGE_VIEWS, 1).await?;
    let views = counted.as_ref().map(|counted| counted.value);
    let Json(mut answer) = answer(&session, counted.map(|counted| counted.record)).await?;
    answer.insert(PAGE_VIEWS.to_owned(), views.into());
    Ok(Json(answer))
}

/// `POST /ttl`: how long the session may rest unused from now on.
pub(crate) async fn set_ttl(session: Session, Sent(form): Sent<TtlForm>) -> Answer {
    session.set_ttl(form.checked()?)?;
    let record = session.save_and_load().await?;
    answer(&session, record).await
}

/// `POST /rotate`: the same session under a new id.
pub(crate) async fn rotate(session: Session) -> Answer {
    session.rotate()?;
    let record = session.save_and_load().await?;
    answer(&session, record).await
}

/// `POST /logout`: ends the session, if there is one.
pub(crate) async fn log_out(session: Session) -> Result<Response, Failure> {
    session.log_out()?;
    Ok(answer::logged_out())
}

async fn answer(session: &Session, record: Option<SessionRecord>) -> Answer {
    match (session.id(), record) {
        (Some(id), Some(record)) => Ok(Json(answer::session(&id, &record))),
        _ => Err(Failure::absence(session.presence().await?)),
    }
}

/// Whether the request says `?peek=1`.
pub(crate) struct Peek(bool);

impl<S: Send + Sync> FromRequestParts<S> for Peek {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(query.split('&').any(|pair| pair == "peek=1")))
    }
}

//! The events of an open page.

use std::convert::Infallible;
use std::future::ready;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{StreamExt as _, once};
use session_store::{ReadSession, SessionEnd};

use crate::failure::Failure;
use crate::shared::Shared;

/// `GET /events`: a stream of server-sent events, which ends with the session, after the one event
/// `end`. Watching is no use of the session.
///
/// Over HTTP/1.1 a browser has six connections to a server for all its tabs, and each open page
/// takes one of them. An application wants HTTP/2 for this, which a proxy before it speaks.
pub(crate) async fn events(
    session: ReadSession,
    State(shared): State<Shared>,
) -> Result<impl IntoResponse, Failure> {
    let Some(watch) = session.watch().await? else {
        return Err(Failure::absence(session.presence().await?));
    };
    let mut closing = shared.closing;
    let over = async move {
        let end = tokio::select! {
            end = watch.ended() => end,
            // The page connects again by itself, to the server that comes next.
            _ = closing.changed() => return None,
        };
        let how = match end {
            SessionEnd::Expired => "expired",
            SessionEnd::Rotated => "rotated",
            _ => "ended",
        };
        Some(Ok::<_, Infallible>(Event::default().event("end").data(how)))
    };
    let events = Sse::new(once(over).filter_map(ready)).keep_alive(KeepAlive::default());
    Ok(([(header::CACHE_CONTROL, "no-store")], events))
}

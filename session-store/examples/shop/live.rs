//! The front page follows what other tabs and devices of the session do to the cart.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use session_store::web::FieldsExt;
use session_store::{Session, SessionError, Watch};
use tokio::time::{Interval, interval};

use super::cart::Cart;

/// Each change of the cart as an event, and `over` when the session has ended, wherever.
pub(crate) async fn events(session: Session) -> Result<Response, SessionError> {
    let Some(watch) = session.watch().await? else {
        // The browser does not connect again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let over = watch.clone();
    let ticks = interval(Duration::from_secs(2));
    let carts = stream::unfold((watch, ticks, Cart::default()), next)
        .take_until(async move { over.ended().await })
        .chain(stream::iter([Event::default().event("over").data("over")]))
        .map(Ok::<_, Infallible>);
    Ok(Sse::new(carts)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// The next cart that is another one. To look is no use of the session.
async fn next(
    (watch, mut ticks, before): (Watch, Interval, Cart),
) -> Option<(Event, (Watch, Interval, Cart))> {
    loop {
        ticks.tick().await;
        // A store that fails tells nothing new.
        let Ok(session) = watch.load().await else {
            continue;
        };
        let cart: Cart = session?.get_as("cart").ok()?.unwrap_or_default();
        if cart != before {
            let event = Event::default().json_data(&cart.pieces).ok()?;
            return Some((event, (watch, ticks, cart)));
        }
    }
}

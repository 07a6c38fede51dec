//! The front page follows what other tabs and devices of the session do to the cart.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use session_store::web::FieldsExt;
use session_store::{Session, SessionError, Watch};
use tokio::time::{Interval, interval};

use super::cart::Cart;

/// So many looks at the store are so much silence that a proxy might take for the end.
const KEEP_ALIVE: u32 = 8;

/// Each change of the cart as a server-sent event, and `over` when the session has ended, wherever.
/// `None` without a session: a response of 204, after which the browser does not connect again.
pub(crate) async fn events(
    session: Session,
) -> Result<Option<impl Stream<Item = String> + Send + 'static>, SessionError> {
    let watch = session.watch().await?;
    Ok(watch.map(|watch| {
        let over = watch.clone();
        let ticks = interval(Duration::from_secs(2));
        stream::unfold((watch, ticks, Cart::default()), next)
            .take_until(async move { over.ended().await })
            .chain(stream::iter(["event: over\ndata: over\n\n".to_owned()]))
    }))
}

/// The next cart that is another one. To look is no use of the session.
async fn next(
    (watch, mut ticks, before): (Watch, Interval, Cart),
) -> Option<(String, (Watch, Interval, Cart))> {
    for _ in 0..KEEP_ALIVE {
        ticks.tick().await;
        // A store that fails tells nothing new.
        let Ok(session) = watch.load().await else {
            continue;
        };
        let cart: Cart = session?.get_as("cart").ok()?.unwrap_or_default();
        if cart != before {
            let pieces = serde_json::to_string(&cart.pieces).ok()?;
            return Some((format!("data: {pieces}\n\n"), (watch, ticks, cart)));
        }
    }
    Some((":\n\n".to_owned(), (watch, ticks, before)))
}

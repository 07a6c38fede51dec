//! Orders: the request places one, and a background task ships it and tells the session.

use std::collections::HashSet;
use std::sync::Arc;

use session_store::web::DeltaExt;
use session_store::{Delta, Principal, PublicId, Session, SessionBackend, SessionError, Touch};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::cart::Cart;
use super::{Answer, see};

/// An order knows its session by what may be kept, and opens nothing.
pub(crate) struct Order {
    principal: Principal,
    session: PublicId,
    cart: Cart,
}

/// Where orders go.
pub(crate) type Shipping = UnboundedSender<Order>;

/// Places the cart as an order. Pressed twice, in two tabs, or again after a reply was lost, it is
/// one order still: the cart has its number. What another tab adds meanwhile stays in the cart.
pub(crate) async fn place(shipping: &Shipping, session: Session) -> Answer {
    let cart: Cart = session.get("cart").await?.unwrap_or_default();
    let log_in = (session.principal().await?, session.public_id());
    if let (Some(principal), Some(public_id)) = log_in
        && !cart.pieces.is_empty()
    {
        // The task lives as long as the shop.
        let _ = shipping.send(Order {
            principal,
            session: public_id,
            cart: cart.clone(),
        });
        let rest = move |now: Option<Cart>| now.unwrap_or_default().without(&cart);
        session.update("cart", rest).await?;
        session.insert("notice", "Thank you for your order.")?;
    }
    see("/")
}

/// Starts the task that ships orders. A real shop's orders would be rows of a database.
pub(crate) fn start_shipping(backend: Arc<dyn SessionBackend>) -> Shipping {
    let (sender, mut orders) = unbounded_channel::<Order>();
    tokio::spawn(async move {
        let mut shipped = HashSet::new();
        while let Some(order) = orders.recv().await {
            if shipped.insert((order.session, order.cart.number))
                && let Err(error) = tell(&*backend, &order).await
            {
                eprintln!("order {}: {error}", order.cart.number);
            }
        }
    });
    sender
}

/// Tells the person's next page, if the session still lives. That is no use of the session.
async fn tell(backend: &dyn SessionBackend, order: &Order) -> Result<(), SessionError> {
    let shipped = Delta::new()
        .insert("shipped", order.cart.number)?
        .touch(Touch::Never);
    let session = backend.update_session_of(&order.principal, &order.session, shipped);
    if session.await?.is_none() {
        println!("{} has logged out: a mail, then", order.principal.as_str());
    }
    Ok(())
}

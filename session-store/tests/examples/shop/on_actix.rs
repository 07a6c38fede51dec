//! The shop on actix-web.

use session_store::SessionCookie;

use super::{ANN, BOB, ROOT, Shop, actix_example};
use crate::app::App;

#[path = "carts.rs"]
mod carts;
#[path = "failing.rs"]
mod failing;
#[path = "people.rs"]
mod people;

fn shop() -> Shop {
    Shop::new(|backend, admin| {
        let shop = actix_example::Shop::new(backend, admin, SessionCookie::default());
        App::of_actix(move || actix_example::app(shop.clone()))
    })
}

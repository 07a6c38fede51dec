//! The shop on axum.

use session_store::SessionCookie;

use super::{ANN, BOB, ROOT, Shop, axum_example};

#[path = "carts.rs"]
mod carts;
#[path = "failing.rs"]
mod failing;
#[path = "people.rs"]
mod people;

fn shop() -> Shop {
    Shop::new(|backend, admin| axum_example::app(backend, admin, SessionCookie::default()).into())
}

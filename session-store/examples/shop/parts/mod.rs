//! The shop without a web framework: what its handlers do, and what people are shown. `main.rs`
//! beside this folder brings it to axum, `shop_actix.rs` to actix-web.

pub(crate) mod cart;
pub(crate) mod devices;
pub(crate) mod live;
pub(crate) mod office;
pub(crate) mod orders;
pub(crate) mod pages;
pub(crate) mod users;

use session_store::SessionError;

/// What a handler answers with. Each framework makes a response of it.
pub(crate) enum Shown {
    /// A status, and a page of HTML; without one people are [told](pages::explanation) what the
    /// status means.
    Page(u16, String),
    /// To another page: 303.
    Redirect(String),
}

pub(crate) type Answer = Result<Shown, SessionError>;

pub(crate) fn see(path: &str) -> Answer {
    Ok(Shown::Redirect(path.to_owned()))
}

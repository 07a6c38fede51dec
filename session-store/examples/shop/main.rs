//! A shop, whole: a visitor's cart that survives the log-in, people who log in and are remembered,
//! their devices, orders that a background task ships, a live page, and an office that looks at all
//! sessions. Run it, and open the page that it names:
//!
//! ```sh
//! cargo run -p session-store --example shop --features axum,auth
//! cargo run -p session-store --example shop --features axum,auth,redis-rs -- redis://localhost
//! ```
//!
//! `ann` (`open sesame`) and `bob` (`swordfish`) buy, `root` (`correct horse`) also has the office.
//! A second argument is the address to listen on. Its tests are in `tests/examples/shop.rs`.

mod cart;
mod devices;
mod live;
mod office;
mod orders;
mod pages;
mod users;

use std::env::args;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{get, post};
use session_store::admin::SessionAdmin;
use session_store::auth::{AuthLayer, RequireLogin};
use session_store::{Connect, SessionBackend, SessionCookie, SessionLayer};
use tokio::net::TcpListener;
use tower_http::csrf::CsrfLayer;

use self::users::{User, Users};

/// The shop, over any backend. Must be called within a tokio runtime: it starts the shipping.
pub(crate) fn app(
    backend: Arc<dyn SessionBackend>,
    admin: Arc<dyn SessionAdmin>,
    cookie: SessionCookie,
) -> Router {
    let account = Router::new()
        .route("/devices", get(devices::list))
        .route("/devices/end", post(devices::end))
        .route("/devices/end-others", post(devices::end_others))
        .route("/order", post(orders::place))
        .route_layer(RequireLogin::<User>::redirect_to("/login"))
        .with_state(orders::start_shipping(backend.clone()));
    let office = Router::new()
        .route("/office", get(office::sessions))
        .route("/office/end", post(office::end))
        .route_layer(RequireLogin::<User>::redirect_to("/login").with_permission("sessions"))
        .with_state(admin);
    Router::new()
        .route("/", get(cart::show))
        .route("/cart", post(cart::change))
        .route("/live", get(live::events))
        .route("/login", get(users::log_in_page).post(users::log_in))
        .route("/logout", post(users::log_out))
        .merge(account)
        .merge(office)
        .layer(AuthLayer::new(Users))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
        .layer(CsrfLayer::new())
        .layer(map_response(pages::explain))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = args().nth(1).unwrap_or_else(|| "memory:".to_owned());
    let address = args().nth(2).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let (backend, admin) = Connect::to(url).connect_with_admin().await?;
    // This is plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("shop").build()?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(backend, admin, cookie)).await?;
    Ok(())
}

//! A cart in which no item is ever lost, however many tabs a visitor has open. Run it and try:
//!
//! ```sh
//! cargo run -p session-tower --example shopping_cart --features axum
//! curl -c jar -b jar -X POST localhost:3000/add/socks
//! curl -c jar -b jar -X POST 'localhost:3000/order?note=gift&express=true'
//! curl -c jar -b jar localhost:3000
//! ```
//!
//! Two ways of keeping things in a session: counters, one per item, which concurrent requests
//! count without losing any; and a struct, one field per member.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_core::SessionBackend;
use session_memory::MemoryBackend;
use session_tower::{Session, SessionCookie, SessionError, SessionLayer, Typed};

const CATALOGUE: [&str; 3] = ["hat", "scarf", "socks"];

/// How the order is to be delivered: the fields `note` and `express`.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Delivery {
    note: Option<String>,
    express: bool,
}

#[derive(Deserialize)]
struct Wishes {
    note: Option<String>,
    express: Option<bool>,
}

/// One more of an item. An anonymous visitor's session begins here.
async fn add(session: Session, Path(item): Path<String>) -> Result<Response, SessionError> {
    if !CATALOGUE.contains(&item.as_str()) {
        return Ok((StatusCode::NOT_FOUND, "We do not sell that.\n").into_response());
    }
    session.increment(format!("item:{item}"), 1).await?;
    Ok(Redirect::to("/").into_response())
}

/// Changes only what is wished: another request that changes the other member loses nothing.
async fn order(
    mut delivery: Typed<Delivery>,
    Query(wishes): Query<Wishes>,
) -> Result<Redirect, SessionError> {
    if wishes.note.is_some() {
        delivery.note = wishes.note;
    }
    if let Some(express) = wishes.express {
        delivery.express = express;
    }
    delivery.store()?;
    Ok(Redirect::to("/"))
}

/// The cart. The session is loaded once, whoever of the two asks first.
async fn show(session: Session, delivery: Typed<Delivery>) -> Result<String, SessionError> {
    let mut cart = String::new();
    for item in CATALOGUE {
        if let Some(count) = session.get::<u64>(&format!("item:{item}")).await? {
            let _ = writeln!(cart, "{count} x {item}");
        }
    }
    if cart.is_empty() {
        cart.push_str("Your cart is empty.\n");
    }
    if delivery.express {
        cart.push_str("Express delivery.\n");
    }
    if let Some(note) = &delivery.note {
        let _ = writeln!(cart, "Note: {note}");
    }
    Ok(cart)
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/add/{item}", post(add))
        .route("/order", post(order))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let backend = Arc::new(MemoryBackend::new());
    // This example speaks plain HTTP. Over HTTPS, leave the name and `Secure` at their defaults.
    // The cart outlives the browser.
    let cookie = SessionCookie::insecure_for_development("sid")
        .persistent()
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(backend, cookie)).await?;
    Ok(())
}

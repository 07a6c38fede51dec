//! A shop, whole, on axum: a visitor's cart that survives the log-in, people who log in and are
//! remembered, their devices, orders that a background task ships, a live page, and an office that
//! looks at all sessions. Run it, and open the page that it names:
//!
//! ```sh
//! cargo run -p session-store --example shop --features axum,auth
//! cargo run -p session-store --example shop --features axum,auth,redis-rs -- redis://localhost
//! ```
//!
//! `ann` (`open sesame`) and `bob` (`swordfish`) buy, `root` (`correct horse`) also has the office.
//! A second argument is the address to listen on. Its tests are in `tests/examples/shop`. What it
//! does is in `parts`; the same on actix-web is the example `shop_actix`.

mod parts;

use std::convert::Infallible;
use std::env::args;
use std::error::Error;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router, body::Body, body::HttpBody as _};
use futures_util::StreamExt as _;
use session_store::admin::SessionAdmin;
use session_store::auth::{Auth, AuthLayer, CurrentUser, RequireLogin};
use session_store::{Connect, Session, SessionBackend, SessionCookie, SessionError, SessionLayer};
use tokio::net::TcpListener;
use tower_http::csrf::CsrfLayer;

use self::parts::users::{After, Login, User, Users};
use self::parts::{Answer, Shown, cart, devices, live, office, orders, pages, users};

/// The shop, over any backend. Must be called within a tokio runtime: it starts the shipping.
pub(crate) fn app(
    backend: Arc<dyn SessionBackend>,
    admin: Arc<dyn SessionAdmin>,
    cookie: SessionCookie,
) -> Router {
    let account = Router::new()
        .route("/devices", get(devices::list))
        .route("/devices/end", post(end_device))
        .route("/devices/end-others", post(devices::end_others))
        .route("/order", post(place_order))
        .route_layer(RequireLogin::<User>::redirect_to("/login"))
        .with_state(orders::start_shipping(backend.clone()));
    let office = Router::new()
        .route("/office", get(all_sessions))
        .route("/office/end", post(end_session))
        .route_layer(RequireLogin::<User>::redirect_to("/login").with_permission("sessions"))
        .with_state(admin);
    Router::new()
        .route("/", get(front_page))
        .route("/cart", post(change_cart))
        .route("/live", get(follow))
        .route("/login", get(async || users::log_in_page()).post(log_in))
        .route("/logout", post(log_out))
        .merge(account)
        .merge(office)
        .layer(AuthLayer::new(Users))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
        .layer(CsrfLayer::new())
        .layer(map_response(explain))
}

async fn front_page(session: Session, user: Option<CurrentUser<User>>) -> Answer {
    cart::show(session, user.map(|CurrentUser(user)| user)).await
}

async fn change_cart(session: Session, Form(change): Form<cart::Change>) -> Answer {
    cart::change(session, change).await
}

async fn follow(session: Session) -> Result<Response, SessionError> {
    let Some(events) = live::events(session).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let events = Body::from_stream(events.map(Ok::<_, Infallible>));
    Ok(([(CONTENT_TYPE, "text/event-stream")], events).into_response())
}

async fn log_in(
    auth: Auth<User>,
    Query(after): Query<After>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Answer {
    let device = headers.get(USER_AGENT).and_then(|it| it.to_str().ok());
    users::log_in(auth, after, device, login).await
}

async fn log_out(session: Session) -> Answer {
    users::log_out(&session)
}

async fn end_device(session: Session, Form(chosen): Form<devices::Chosen>) -> Answer {
    devices::end(session, chosen).await
}

async fn place_order(State(shipping): State<orders::Shipping>, session: Session) -> Answer {
    orders::place(&shipping, session).await
}

async fn all_sessions(
    State(admin): State<Arc<dyn SessionAdmin>>,
    Query(from): Query<office::From>,
) -> Answer {
    office::sessions(&*admin, from).await
}

async fn end_session(
    State(admin): State<Arc<dyn SessionAdmin>>,
    Form(chosen): Form<devices::Chosen>,
) -> Answer {
    office::end(&*admin, chosen).await
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        match self {
            Self::Page(status, page) => {
                let status = StatusCode::from_u16(status);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                if page.is_empty() {
                    status.into_response()
                } else {
                    (status, Html(page)).into_response()
                }
            }
            Self::Redirect(path) => Redirect::to(&path).into_response(),
        }
    }
}

/// The page that says why, where there is none. Headers stay, `Retry-After` among them.
async fn explain(mut response: Response) -> Response {
    if response.size_hint().exact() == Some(0)
        && let Some(page) = pages::explanation(response.status().as_u16())
    {
        *response.body_mut() = Body::from(page);
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, html);
    }
    response
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

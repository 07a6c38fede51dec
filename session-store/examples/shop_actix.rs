//! The example `shop` on actix-web, with a worker for each core. Run it, and open the page that it
//! names:
//!
//! ```sh
//! cargo run -p session-store --example shop_actix --features actix,auth
//! ```
//!
//! With the feature `redis-rs` and the argument `redis://localhost` the sessions are on Redis. What
//! the shop does is in `shop/parts`. Its tests are those of `shop`.

#[path = "shop/parts/mod.rs"]
mod parts;

use std::env::args;
use std::error::Error;
use std::sync::Arc;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ContentType, HeaderValue, LOCATION, USER_AGENT};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Bytes, Data, Form, FormConfig, Query, ServiceConfig, get, post, resource};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder};
use futures_util::StreamExt as _;
use session_store::actix::SessionMiddleware;
use session_store::admin::SessionAdmin;
use session_store::auth::{Auth, AuthLayer, CurrentUser, RequireLogin};
use session_store::{Connect, Session, SessionBackend, SessionCookie, SessionError};

use self::parts::users::{After, Login, User, Users};
use self::parts::{Answer, Shown, cart, devices, live, office, orders, pages, users};

/// The shop, over any backend: what its workers share.
#[derive(Clone)]
pub(crate) struct Shop {
    sessions: SessionMiddleware,
    shipping: orders::Shipping,
    admin: Arc<dyn SessionAdmin>,
    auth: AuthLayer<User>,
}

impl Shop {
    /// Must be called within a tokio runtime: it starts the shipping.
    pub(crate) fn new(
        backend: Arc<dyn SessionBackend>,
        admin: Arc<dyn SessionAdmin>,
        cookie: SessionCookie,
    ) -> Self {
        Self {
            shipping: orders::start_shipping(backend.clone()),
            sessions: SessionMiddleware::new(backend).with_cookie(cookie),
            admin,
            auth: AuthLayer::new(Users),
        }
    }

    /// The pages, for one worker's application.
    fn pages(&self, config: &mut ServiceConfig) {
        // What is no form of ours: as in axum, a 422.
        let form = FormConfig::default().error_handler(|error, _| {
            let refused = HttpResponse::new(StatusCode::UNPROCESSABLE_ENTITY);
            InternalError::from_response(error, refused).into()
        });
        let people = RequireLogin::<User>::redirect_to("/login");
        let office = people.clone().with_permission("sessions");
        let own = |path: &str| resource(path).wrap(people.clone());
        let offices = |path: &str| resource(path).wrap(office.clone());
        config
            .app_data(form)
            .app_data(self.auth.clone())
            .app_data(Data::new(self.shipping.clone()))
            .app_data(Data::from(self.admin.clone()))
            .route("/", get().to(front_page))
            .route("/cart", post().to(change_cart))
            .route("/live", get().to(follow))
            .route("/login", get().to(async || users::log_in_page()))
            .route("/login", post().to(log_in))
            .route("/logout", post().to(log_out))
            .service(own("/devices").route(get().to(devices::list)))
            .service(own("/devices/end").route(post().to(end_device)))
            .service(own("/devices/end-others").route(post().to(devices::end_others)))
            .service(own("/order").route(post().to(place_order)))
            .service(offices("/office").route(get().to(all_sessions)))
            .service(offices("/office/end").route(post().to(end_session)));
    }
}

/// The shop's application, for one worker.
pub(crate) fn app(
    shop: Shop,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let sessions = shop.sessions.clone();
    App::new()
        .configure(move |config| shop.pages(config))
        .wrap(sessions)
        .wrap(from_fn(same_site))
        .wrap(from_fn(explain))
}

async fn front_page(session: Session, user: Option<CurrentUser<User>>) -> Answer {
    cart::show(session, user.map(|CurrentUser(user)| user)).await
}

async fn change_cart(session: Session, Form(change): Form<cart::Change>) -> Answer {
    cart::change(session, change).await
}

async fn follow(session: Session) -> Result<HttpResponse, SessionError> {
    let Some(events) = live::events(session).await? else {
        return Ok(HttpResponse::NoContent().finish());
    };
    let events = events.map(|event| Ok::<_, SessionError>(Bytes::from(event)));
    let mut response = HttpResponse::Ok();
    Ok(response.content_type("text/event-stream").streaming(events))
}

async fn log_in(
    auth: Auth<User>,
    Query(after): Query<After>,
    request: HttpRequest,
    Form(login): Form<Login>,
) -> Answer {
    let device = request.headers().get(USER_AGENT);
    let device = device.and_then(|it| it.to_str().ok());
    users::log_in(auth, after, device, login).await
}

async fn log_out(session: Session) -> Answer {
    users::log_out(&session)
}

async fn end_device(session: Session, Form(chosen): Form<devices::Chosen>) -> Answer {
    devices::end(session, chosen).await
}

async fn place_order(shipping: Data<orders::Shipping>, session: Session) -> Answer {
    orders::place(&shipping, session).await
}

async fn all_sessions(admin: Data<dyn SessionAdmin>, Query(from): Query<office::From>) -> Answer {
    office::sessions(&**admin, from).await
}

async fn end_session(admin: Data<dyn SessionAdmin>, Form(chosen): Form<devices::Chosen>) -> Answer {
    office::end(&**admin, chosen).await
}

impl Responder for Shown {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match self {
            Self::Page(status, page) => {
                let status = StatusCode::from_u16(status);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = HttpResponse::build(status);
                response.content_type(ContentType::html()).body(page)
            }
            Self::Redirect(path) => {
                let mut response = HttpResponse::SeeOther();
                response.insert_header((LOCATION, path)).finish()
            }
        }
    }
}

/// The page that says why, where there is none. Headers stay, `Retry-After` among them.
async fn explain(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let is_empty = matches!(
        response.response().body().size(),
        BodySize::None | BodySize::Sized(0)
    );
    let page = pages::explanation(response.status().as_u16()).filter(|_| is_empty);
    Ok(match page {
        Some(page) => {
            let mut response = response.map_body(|_, _| BoxBody::new(page));
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, html);
            response
        }
        None => response,
    })
}

/// Forms of another site are refused. Browsers say where one comes from.
async fn same_site(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let site = request.headers().get("sec-fetch-site");
    if !request.method().is_safe() && site.is_some_and(|it| it != "same-origin" && it != "none") {
        return Ok(request.into_response(HttpResponse::new(StatusCode::FORBIDDEN)));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = args().nth(1).unwrap_or_else(|| "memory:".to_owned());
    let address = args().nth(2).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let (backend, admin) = Connect::to(url).connect_with_admin().await?;
    // This is plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("shop").build()?;
    let shop = Shop::new(backend, admin, cookie);
    let server = HttpServer::new(move || app(shop.clone())).bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    Ok(())
}

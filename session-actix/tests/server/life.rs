//! What becomes of a request's changes however it ends, and what it is told.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorImATeapot;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Bytes, Data, get};
use actix_web::{App, Error, HttpRequest, HttpResponse, test};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use session_actix::{Session, SessionCookie, SessionError, SessionMiddleware, Typed};
use session_core::SessionAdmin as _;
use session_memory::MemoryBackend;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Notify;

use super::{Site, cookie_of};

/// A handler that waits has begun, and was dropped.
#[derive(Default)]
struct Waiting {
    has_begun: Notify,
    was_dropped: Notify,
}

/// What is not `Send` may live across an `.await`, as everywhere in actix-web.
async fn insert(session: Session) -> Result<String, SessionError> {
    let count = Rc::new(session.increment("n", 1).await?);
    session.insert("a", "1")?;
    session.load().await?;
    Ok(count.to_string())
}

async fn panicking(session: Session) -> Result<String, SessionError> {
    session.insert("a", "1")?;
    panic!("the handler panics, as it is meant to");
}

async fn waiting(session: Session, waiting: Data<Waiting>) -> Result<String, SessionError> {
    struct Dropped(Data<Waiting>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.was_dropped.notify_one();
        }
    }
    let _dropped = Dropped(waiting.clone());
    session.insert("a", "1")?;
    waiting.has_begun.notify_one();
    std::future::pending().await
}

/// How many sessions there are when the body is polled.
fn sessions(
    backend: &MemoryBackend,
) -> impl futures_util::Stream<Item = Result<Bytes, Error>> + use<> {
    let backend = backend.clone();
    stream::once(async move {
        let sessions = backend.admin().count_sessions().await;
        Ok(Bytes::from(format!("sessions: {}", sessions.unwrap())))
    })
}

async fn streaming(
    session: Session,
    backend: Data<MemoryBackend>,
) -> Result<HttpResponse, SessionError> {
    session.insert("a", "1")?;
    Ok(HttpResponse::InternalServerError().streaming(sessions(&backend)))
}

async fn upgrading(
    session: Session,
    backend: Data<MemoryBackend>,
) -> Result<HttpResponse, SessionError> {
    session.insert("a", "1")?;
    let mut response = HttpResponse::SwitchingProtocols();
    Ok(response.upgrade("websocket").streaming(sessions(&backend)))
}

#[derive(Serialize, Deserialize)]
struct Settings {
    #[serde(default)]
    a: String,
}

async fn maybe(settings: Option<Typed<Settings>>) -> String {
    settings.map_or("none".to_owned(), |settings| settings.a.clone())
}

async fn headers(request: HttpRequest, _: Session) -> String {
    format!("{:?}", request.headers())
}

#[actix_web::test]
async fn a_request_is_committed_before_its_response_or_not_at_all() {
    let backend = MemoryBackend::new();
    let middleware = SessionMiddleware::new(Arc::new(backend.clone()));
    let (store, waits) = (Data::new(backend.clone()), Data::new(Waiting::default()));
    let waiting_on = waits.clone();
    let site = Site::start(move || {
        App::new()
            .app_data(store.clone())
            .app_data(waiting_on.clone())
            .wrap(middleware.clone())
            .route("/insert", get().to(insert))
            .route("/panic", get().to(panicking))
            .route("/wait", get().to(waiting))
            .route("/stream", get().to(streaming))
            .route("/upgrade", get().to(upgrading))
            .route("/maybe", get().to(maybe))
            .route("/headers", get().to(headers))
    });

    // No response, no commit: the handler panics, and the client leaves.
    assert_eq!(site.get("/panic", "").await, "");
    let connection = site.send("/wait", "").await;
    waits.has_begun.notified().await;
    drop(connection);
    waits.was_dropped.notified().await;
    assert!(backend.is_empty());

    let inserted = site.get("/insert", "").await;
    let cookie = cookie_of(&inserted);
    assert_eq!(backend.len(), 1);
    let streamed = site.get("/stream", "").await;
    assert!(streamed.starts_with("HTTP/1.1 500") && streamed.contains("sessions: 2"));
    let headers = "connection: upgrade\r\nupgrade: websocket\r\n";
    let mut upgraded = site.send("/upgrade", headers).await;
    let mut received = String::new();
    while !received.contains("sessions: 3") {
        let mut bytes = [0; 1024];
        let read = upgraded.read(&mut bytes).await.unwrap();
        assert_ne!(read, 0, "{received}");
        received.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    assert!(received.starts_with("HTTP/1.1 101") && received.contains("set-cookie: __Host-id="));

    // No log shows the id, whichever line it is in.
    let id = cookie.trim().split('=').nth(1).unwrap();
    for lines in [
        cookie.clone(),
        format!("cookie: a=1\r\n{cookie}cookie: b=2\r\n"),
    ] {
        let shown = site.get("/headers", &lines).await;
        assert!(
            shown.contains("Sensitive") && !shown.contains(id),
            "{shown}"
        );
    }

    // What an `Option` makes of a failing store is not what the client is told.
    assert!(site.get("/maybe", &cookie).await.ends_with("\r\n\r\n1"));
    backend.faults().store_down();
    for path in ["/maybe", "/insert"] {
        let failed = site.get(path, &cookie).await;
        assert!(
            failed.starts_with("HTTP/1.1 503") && failed.contains("retry-after: 5"),
            "{failed}"
        );
        assert!(!failed.contains("set-cookie"));
    }
    site.stop().await;
}

#[actix_web::test]
async fn several_sessions_are_found_by_name() {
    async fn both(request: HttpRequest, inner: Session) -> Result<String, SessionError> {
        let outer = Session::named_of_request(&request, "__Host-outer");
        outer.expect("the outer one").insert("a", "1")?;
        inner.insert("b", "1")?;
        assert!(Session::named_of_request(&request, "id").is_none());
        Ok(inner.name().to_owned())
    }
    let backend = MemoryBackend::new();
    let middleware = |name: &str| {
        let cookie = SessionCookie::host(name).build().unwrap();
        SessionMiddleware::new(Arc::new(backend.clone())).with_cookie(cookie)
    };
    let (outer, inner) = (middleware("outer"), middleware("inner"));
    // The last one that is added stands outside.
    let app = App::new()
        .route("/", get().to(both))
        .wrap(inner)
        .wrap(outer);
    let app = test::init_service(app).await;
    let response = test::call_service(&app, test::TestRequest::get().to_request()).await;
    let lines: Vec<_> = response.headers().get_all("set-cookie").collect();
    assert_eq!((lines.len(), backend.len()), (2, 2), "{lines:?}");
    let body = test::read_body(response).await;
    assert_eq!(body, "__Host-inner");

    // A middleware inside that fails has made no response: nothing is committed.
    let failing = from_fn(async |request: ServiceRequest, next: Next<BoxBody>| {
        next.call(request).await?;
        Err::<ServiceResponse, _>(ErrorImATeapot("late"))
    });
    let app = App::new()
        .route("/", get().to(both))
        .wrap(failing)
        .wrap(middleware("outer"));
    let app = test::init_service(app.wrap(middleware("another"))).await;
    let request = test::TestRequest::get().to_request();
    assert!(test::try_call_service(&app, request).await.is_err());
    assert_eq!(backend.len(), 2);

    // Without a middleware around it, a handler that wants a session fails, and says why.
    let app = test::init_service(App::new().route("/", get().to(insert))).await;
    let response = test::call_service(&app, test::TestRequest::get().to_request()).await;
    assert_eq!(response.status(), 500);
}

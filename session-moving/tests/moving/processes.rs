//! Each library behind the same pages, for `compare`.

use std::sync::Arc;

use actix_session::{SessionMiddleware, storage::RedisSessionStore};
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use axum::extract::{Path, State};
use axum::{Router, http::StatusCode, routing::get};
use axum_session::SessionConfig;
use axum_session_redispool::SessionRedisSession;
use session_redis_test::RedisServer;
use session_store::{Session, SessionBackend, SessionCookie, SessionError, SessionLayer};
use tokio::sync::Semaphore;
use tower_sessions::{SessionManagerLayer, SessionStore};

use crate::old::{ACTIX_KEY, axum_session_store};
use crate::support::Browser;

/// Holds a request between its read and its write.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) has_read: Arc<Semaphore>,
    pub(crate) go_on: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let shut = || Arc::new(Semaphore::new(0));
        Self {
            has_read: shut(),
            go_on: shut(),
        }
    }

    async fn pass(&self) {
        self.has_read.add_permits(1);
        self.go_on.acquire().await.unwrap().forget();
    }
}

/// The pages: `/set/NAME` sets a field, `/slow/NAME` as well but is held before, `/get`
/// says which of these are set, `/fail` rotates the id and fails, `/logout` ends the session.
const FIELDS: [&str; 3] = ["user", "a", "b"];

/// One process that serves the pages.
#[derive(Clone)]
pub(crate) enum Process {
    Axum(Router),
    Actix(RedisSessionStore, Gate),
}

impl Process {
    pub(crate) async fn get(&self, browser: &mut Browser, path: &str) -> String {
        match self {
            Self::Axum(app) => browser.get(app, path).await.body,
            Self::Actix(store, gate) => actix(store.clone(), gate.clone(), browser, path).await,
        }
    }
}

async fn actix(store: RedisSessionStore, gate: Gate, browser: &mut Browser, path: &str) -> String {
    use actix_session::Session;
    use actix_web::{HttpResponse, web};

    async fn set(session: Session, name: web::Path<String>) -> &'static str {
        session.insert(name.into_inner(), 1).unwrap();
        ""
    }
    async fn slow(
        session: Session,
        name: web::Path<String>,
        gate: web::Data<Gate>,
    ) -> &'static str {
        gate.pass().await;
        set(session, name).await
    }
    async fn show(session: Session) -> String {
        let is_set = |name: &&str| session.get::<i64>(name).unwrap().is_some();
        FIELDS
            .into_iter()
            .filter(is_set)
            .collect::<Vec<_>>()
            .join(" ")
    }
    async fn fail(session: Session) -> HttpResponse {
        session.renew();
        HttpResponse::InternalServerError().finish()
    }
    async fn log_out(session: Session) -> &'static str {
        session.purge();
        ""
    }
    let key = actix_web::cookie::Key::from(&ACTIX_KEY);
    let app = actix_web::App::new()
        .app_data(web::Data::new(gate))
        .wrap(SessionMiddleware::new(store, key))
        .route("/set/{name}", web::get().to(set))
        .route("/slow/{name}", web::get().to(slow))
        .route("/get", web::get().to(show))
        .route("/fail", web::get().to(fail))
        .route("/logout", web::get().to(log_out));
    let app = init_service(app).await;
    let request = || {
        let request = TestRequest::get().uri(path);
        request
            .insert_header(("cookie", browser.line()))
            .to_request()
    };
    if path == "/get" {
        let body = call_and_read_body(&app, request()).await;
        return String::from_utf8(body.into()).unwrap();
    }
    let response = call_service(&app, request()).await;
    for cookie in response.response().cookies() {
        let line = cookie.encoded().to_string();
        let (name, rest) = line.split_once('=').unwrap();
        browser.cookies.remove(name);
        let value = rest.split(';').next().unwrap();
        if !value.is_empty() {
            browser.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
    String::new()
}

pub(crate) fn tower_sessions<S: SessionStore + Clone>(store: S, gate: &Gate) -> Process {
    use tower_sessions::Session;

    async fn set(session: Session, Path(name): Path<String>) {
        session.insert(&name, 1).await.unwrap();
    }
    async fn slow(State(gate): State<Gate>, session: Session, Path(name): Path<String>) {
        session.load().await.unwrap();
        gate.pass().await;
        session.insert(&name, 1).await.unwrap();
    }
    async fn show(session: Session) -> String {
        let mut names = Vec::new();
        for name in FIELDS {
            if session.get::<i64>(name).await.unwrap().is_some() {
                names.push(name);
            }
        }
        names.join(" ")
    }
    async fn fail(session: Session) -> StatusCode {
        session.cycle_id().await.unwrap();
        StatusCode::INTERNAL_SERVER_ERROR
    }
    async fn log_out(session: Session) {
        session.flush().await.unwrap();
    }
    let app = Router::new()
        .route("/set/{name}", get(set))
        .route("/slow/{name}", get(slow))
        .route("/get", get(show))
        .route("/fail", get(fail))
        .route("/logout", get(log_out))
        .layer(SessionManagerLayer::new(store))
        .with_state(gate.clone());
    Process::Axum(app)
}

pub(crate) async fn axum_session(server: &RedisServer, gate: &Gate) -> Process {
    async fn set(session: SessionRedisSession, Path(name): Path<String>) {
        session.set(&name, 1);
    }
    async fn slow(State(gate): State<Gate>, session: SessionRedisSession, name: Path<String>) {
        gate.pass().await;
        set(session, name).await;
    }
    async fn show(session: SessionRedisSession) -> String {
        let is_set = |name: &&str| session.get::<i64>(name).is_some();
        FIELDS
            .into_iter()
            .filter(is_set)
            .collect::<Vec<_>>()
            .join(" ")
    }
    async fn fail(session: SessionRedisSession) -> StatusCode {
        session.renew();
        StatusCode::INTERNAL_SERVER_ERROR
    }
    async fn log_out(session: SessionRedisSession) {
        session.destroy();
    }
    let app = Router::new()
        .route("/set/{name}", get(set))
        .route("/slow/{name}", get(slow))
        .route("/get", get(show))
        .route("/fail", get(fail))
        .route("/logout", get(log_out))
        .layer(axum_session::SessionLayer::new(
            axum_session_store(server, SessionConfig::default()).await,
        ))
        .with_state(gate.clone());
    Process::Axum(app)
}

pub(crate) fn session_store(backend: Arc<dyn SessionBackend>, gate: &Gate) -> Process {
    async fn set(session: Session, Path(name): Path<String>) -> Result<(), SessionError> {
        session.insert(name, 1)
    }
    async fn slow(
        State(gate): State<Gate>,
        session: Session,
        Path(name): Path<String>,
    ) -> Result<(), SessionError> {
        session.load().await?;
        gate.pass().await;
        session.insert(name, 1)
    }
    async fn show(session: Session) -> Result<String, SessionError> {
        let fields = session.fields().await?;
        Ok(FIELDS
            .into_iter()
            .filter(|name| fields.contains(name))
            .collect::<Vec<_>>()
            .join(" "))
    }
    async fn fail(session: Session) -> Result<StatusCode, SessionError> {
        session.rotate()?;
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    }
    async fn log_out(session: Session) -> Result<(), SessionError> {
        session.log_out()
    }
    let cookie = SessionCookie::named("id").build().unwrap();
    let app = Router::new()
        .route("/set/{name}", get(set))
        .route("/slow/{name}", get(slow))
        .route("/get", get(show))
        .route("/fail", get(fail))
        .route("/logout", get(log_out))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
        .with_state(gate.clone());
    Process::Axum(app)
}

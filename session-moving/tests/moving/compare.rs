//! What `docs/compare.md` says of races, shown with each library's own middleware on one Redis
//! server, or in one process's memory. Each library serves the same pages; a request can be
//! held between its read and its write, while another one runs in another process.

use std::sync::Arc;

use actix_session::{SessionMiddleware, storage::RedisSessionStore};
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use axum::extract::{Path, State};
use axum::{Router, http::StatusCode, routing::get};
use axum_session::SessionConfig;
use axum_session_redispool::SessionRedisSession;
use session_redis_test::RedisServer;
use session_store::backends::memory::MemoryBackend;
use session_store::{Session, SessionBackend, SessionCookie, SessionError, SessionLayer};
use tokio::sync::{OnceCell, Semaphore};
use tower_sessions::{MemoryStore, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;

use crate::old::{ACTIX_KEY, axum_session_store, fred_pool};
use crate::support::Browser;

/// Holds a request between its read and its write.
#[derive(Clone)]
struct Gate {
    has_read: Arc<Semaphore>,
    go_on: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
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
enum Process {
    Axum(Router),
    Actix(RedisSessionStore, Gate),
}

impl Process {
    async fn get(&self, browser: &mut Browser, path: &str) -> String {
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

fn tower_sessions<S: SessionStore + Clone>(store: S, gate: &Gate) -> Process {
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

async fn axum_session(server: &RedisServer, gate: &Gate) -> Process {
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

fn session_store(backend: Arc<dyn SessionBackend>, gate: &Gate) -> Process {
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

/// What a library lets happen.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Two requests at once set two fields; one of them is lost.
    lost_update: bool,
    /// A log-out overlaps a request that writes; after it the user is logged in.
    resurrected: bool,
    /// A request brings an id that was ended, and writes; the id names a session again.
    adopted: bool,
    /// A request rotates the id and its response is a 500; the browser's cookie then names no session.
    lost_by_500: bool,
}

/// `start` starts a process.
async fn seen(start: impl AsyncFn(&Gate) -> Process) -> Seen {
    let gate = Gate::new();
    let logged_in = async || {
        let mut browser = Browser::default();
        start(&gate).await.get(&mut browser, "/set/user").await;
        browser
    };
    // Of the browser of a request that was held while another process did `then`.
    let held = async |browser: &Browser, then: &str| {
        let (one, two) = (start(&gate).await, start(&gate).await);
        let mut slow = browser.clone();
        let request = one.get(&mut slow, "/slow/a");
        let meanwhile = async {
            gate.has_read.acquire().await.unwrap().forget();
            two.get(&mut browser.clone(), then).await;
            gate.go_on.add_permits(1);
        };
        tokio::join!(request, meanwhile);
        slow
    };
    let shown = async |browser: &Browser| {
        let process = start(&gate).await;
        process.get(&mut browser.clone(), "/get").await
    };

    let browser = logged_in().await;
    assert_eq!(shown(&browser).await, "user");
    let browser = held(&browser, "/set/b").await;
    let lost_update = shown(&browser).await != "user a b";

    let browser = logged_in().await;
    let browser = held(&browser, "/logout").await;
    let resurrected = shown(&browser).await.contains("user");

    let ended = logged_in().await;
    start(&gate).await.get(&mut ended.clone(), "/logout").await;
    assert_eq!(shown(&ended).await, "");
    start(&gate).await.get(&mut ended.clone(), "/set/b").await;
    let adopted = shown(&ended).await == "b";

    let mut browser = logged_in().await;
    start(&gate).await.get(&mut browser, "/fail").await;
    let lost_by_500 = shown(&browser).await != "user";
    Seen {
        lost_update,
        resurrected,
        adopted,
        lost_by_500,
    }
}

#[tokio::test]
async fn what_overlapping_requests_do_to_a_session() {
    let server = &RedisServer::start().await;
    let pool = fred_pool(server).await;
    let actix_store = RedisSessionStore::new(server.url()).await.unwrap();
    let backend = session_store::connect(&server.url()).await.unwrap();
    let memory: Arc<dyn SessionBackend> = Arc::new(MemoryBackend::new());
    let memory_store = MemoryStore::default();

    let redis = async |gate: &Gate| tower_sessions(RedisStore::new(pool.clone()), gate);
    let in_memory = async |gate: &Gate| tower_sessions(memory_store.clone(), gate);
    let actix = async |gate: &Gate| Process::Actix(actix_store.clone(), gate.clone());
    let axum = async |gate: &Gate| axum_session(server, gate).await;
    let one_process = OnceCell::new();
    let one_axum = async |gate: &Gate| one_process.get_or_init(|| axum(gate)).await.clone();
    let ours = async |gate: &Gate| session_store(Arc::clone(&backend), gate);
    let ours_in_memory = async |gate: &Gate| session_store(Arc::clone(&memory), gate);

    let table = [
        // A lost update, a log-out undone, an ended id taken up, a 500 that logs out.
        (
            "tower-sessions, Redis",
            seen(redis).await,
            [true, false, false, true],
        ),
        (
            "tower-sessions, memory",
            seen(in_memory).await,
            [true, true, false, true],
        ),
        (
            "actix-session, Redis",
            seen(actix).await,
            [true, true, false, false],
        ),
        (
            "axum_session, Redis",
            seen(axum).await,
            [true, true, true, false],
        ),
        (
            "axum_session, one process",
            seen(one_axum).await,
            [false, false, true, false],
        ),
        ("session-store, Redis", seen(ours).await, [false; 4]),
        (
            "session-store, memory",
            seen(ours_in_memory).await,
            [false; 4],
        ),
    ];
    for (library, seen, [lost_update, resurrected, adopted, lost_by_500]) in table {
        let expected = Seen {
            lost_update,
            resurrected,
            adopted,
            lost_by_500,
        };
        assert_eq!(seen, expected, "{library}");
    }
}

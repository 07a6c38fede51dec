//! Requests through the layers, in an axum application on the memory backend.

#![cfg(test)]
#![cfg(feature = "axum")]
#![allow(missing_docs, reason = "a test is read, not linked")]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Path;
use axum::http::header::{ACCEPT, CACHE_CONTROL, COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::routing::{get, post};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use session_auth::{Auth, AuthHash, AuthLayer, CurrentUser, RequireLogin, UserLoader};
use session_core::{
    Delta, FieldName, InvalidPrincipal, NewSession, Principal, SessionAdmin, SessionBackend,
    SessionId,
};
use session_memory::{ManualClock, MemoryBackend, Step};
use session_tower::{Session, SessionError, SessionLayer};
use tower::ServiceExt;
use tracing_subscriber::fmt::MakeWriter;

const NAME: &str = "__Host-id";

#[derive(Clone, Debug, PartialEq)]
struct User {
    name: String,
    password: String,
}

type Meanwhile = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// The application's database.
#[derive(Default)]
struct Table {
    passwords: BTreeMap<String, String>,
    is_down: bool,
    loads: usize,
    /// What another request does while a user is being loaded.
    meanwhile: Option<Meanwhile>,
}

#[derive(Clone, Default)]
struct Users(Arc<Mutex<Table>>);

impl UserLoader for Users {
    type User = User;
    type Error = &'static str;

    async fn load(&self, principal: &Principal) -> Result<Option<User>, Self::Error> {
        let meanwhile = self.table(|table| {
            table.loads += 1;
            table.meanwhile.take()
        });
        match meanwhile {
            Some(meanwhile) => meanwhile().await,
            // Whoever asks at the same time gets their turn.
            None => tokio::task::yield_now().await,
        }
        self.table(|table| match table.is_down {
            true => Err("the database is down"),
            false => Ok(table.user(principal.as_str())),
        })
    }

    fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
        Principal::new(user.name.as_str())
    }

    fn auth_hash(&self, user: &User) -> Option<AuthHash> {
        (user.name != "guest").then(|| AuthHash::of(&user.password))
    }

    fn has_permission(&self, user: &User, permission: &str) -> bool {
        user.name == "ann" && permission != "fly"
    }
}

impl Users {
    fn table<T>(&self, look: impl FnOnce(&mut Table) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn set_password(&self, name: &str, password: &str) {
        self.table(|table| table.passwords.insert(name.into(), password.into()));
    }
}

impl Table {
    fn user(&self, name: &str) -> Option<User> {
        let password = self.passwords.get(name)?.clone();
        let name = name.to_owned();
        Some(User { name, password })
    }
}

struct World {
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    users: Users,
    app: Router,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn home(user: Option<CurrentUser<User>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.name.clone())
}

async fn account(CurrentUser(user): CurrentUser<User>) -> String {
    user.name
}

/// Two extractors, and three who ask at once.
async fn crowd(
    CurrentUser(first): CurrentUser<User>,
    second: Option<CurrentUser<User>>,
    auth: Auth<User>,
) -> Result<String, SessionError> {
    // Polled once and kept: it holds nobody up.
    let mut kept = Box::pin(auth.user());
    let _ = (&mut kept).now_or_never();
    let (third, fourth) = tokio::join!(auth.user(), auth.user());
    assert_eq!(third?, second.map(|user| user.0));
    assert_eq!(fourth?, Some(first.clone()));
    Ok(first.name)
}

async fn ask_at_once(auth: Auth<User>) -> Result<String, SessionError> {
    let mut kept = Box::pin(auth.user());
    let _ = (&mut kept).now_or_never();
    let (one, two) = tokio::join!(auth.user(), auth.user());
    assert_eq!(one?, two?);
    Ok(auth.has_permission("read").await?.to_string())
}

/// Logs in, and sees it at once.
async fn log_in(
    Path(name): Path<String>,
    axum::Extension(users): axum::Extension<Users>,
    auth: Auth<User>,
) -> Result<String, SessionError> {
    let user = users.table(|table| table.user(&name)).unwrap();
    auth.log_in(&user)?;
    Ok(auth.user().await?.unwrap().name)
}

async fn log_out(auth: Auth<User>) -> Result<String, SessionError> {
    let before = auth.user().await?.is_some();
    auth.log_out()?;
    Ok(format!("{before} {}", auth.user().await?.is_some()))
}

/// Changes the own password.
async fn change(
    axum::Extension(users): axum::Extension<Users>,
    CurrentUser(user): CurrentUser<User>,
    auth: Auth<User>,
) -> Result<(), SessionError> {
    users.set_password(&user.name, "changed");
    let user = users.table(|table| table.user(&user.name)).unwrap();
    auth.log_in(&user)
}

/// Notes something before it asks who is there, and something after.
async fn note(session: Session, auth: Auth<User>) -> Result<String, SessionError> {
    session.insert("before", "1")?;
    let user = auth.user().await?;
    session.insert("after", "1")?;
    Ok(user.is_some().to_string())
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let backend = MemoryBackend::with_clock(clock.clone());
        let users = Users::default();
        for name in ["ann", "bob", "guest"] {
            users.set_password(name, "open sesame");
        }
        let to_login = RequireLogin::<User>::redirect_to("/login?lang=en#form");
        let refused = RequireLogin::<User>::unauthorized();
        let inner = Router::new()
            .route("/page", get(account))
            .layer(to_login.clone());
        let app = Router::new()
            .route("/page", get(crowd).post(crowd))
            .route("/login", get(home))
            .route("//evil.example/page", get(home))
            .route_layer(to_login.clone())
            .nest("/nested", inner)
            .route("/api", get(home).layer(refused.clone()))
            .route(
                "/read",
                get(home).layer(to_login.with_permission("read").with_permission("write")),
            )
            .route(
                "/fly",
                get(home).layer(refused.with_permission("read").with_permission("fly")),
            )
            .route("/", get(home))
            .route("/account", get(account))
            .route("/ask-at-once", get(ask_at_once))
            .route("/note", get(note))
            .route("/static", get(|| async { "static" }))
            .route("/log-in/{name}", post(log_in))
            .route("/log-out", post(log_out))
            .route("/change", post(change))
            .layer(axum::Extension(users.clone()))
            .layer(AuthLayer::new(users.clone()))
            .layer(SessionLayer::new(Arc::new(backend.clone())));
        Self {
            backend,
            clock,
            users,
            app,
        }
    }

    async fn send(&self, request: &str, accept: &str, id: Option<&SessionId>) -> Reply {
        let (method, uri) = request.split_once(' ').unwrap_or(("GET", request));
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(id) = id {
            request = request.header(COOKIE, format!("{NAME}={}", id.expose()));
        }
        let request = request.header(ACCEPT, accept).body(Body::empty()).unwrap();
        self.users.table(|table| table.loads = 0);
        self.backend.faults().reset_calls();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn open(&self, uri: &str, id: Option<&SessionId>) -> Reply {
        self.send(uri, "text/html,*/*", id).await
    }

    /// A log-in over this id, or nobody's.
    async fn log_in(&self, name: &str, id: Option<&SessionId>) -> SessionId {
        let reply = self.open(&format!("POST /log-in/{name}"), id).await;
        assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, name));
        reply.new_id().unwrap()
    }

    fn loads(&self) -> usize {
        self.users.table(|table| table.loads)
    }

    fn steps(&self, step: Step) -> u64 {
        self.backend.faults().calls_of(step)
    }

    async fn sessions(&self) -> u64 {
        self.backend.admin().count_sessions().await.unwrap()
    }
}

impl Reply {
    fn new_id(&self) -> Option<SessionId> {
        let line = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        SessionId::parse(line.split(['=', ';']).nth(1).unwrap()).ok()
    }

    fn is_cleared(&self) -> bool {
        let line = self.headers.get(SET_COOKIE);
        line.is_some_and(|line| line.to_str().unwrap().ends_with("Max-Age=0"))
    }

    fn location(&self) -> Option<&str> {
        Some(self.headers.get(LOCATION)?.to_str().unwrap())
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn kept() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn who_passes_and_where_the_others_go() {
    let world = World::new();
    let [ann, bob] = [
        world.log_in("ann", None).await,
        world.log_in("bob", None).await,
    ];
    let rotated = world.log_in("ann", None).await;
    world.log_in("ann", Some(&rotated)).await;
    let unknown = SessionId::random().unwrap();
    let (nobody, ann, bob, rotated) = (None, Some(&ann), Some(&bob), Some(&rotated));
    let to_login = "/login?lang=en&next=%2Fpage%3Fa%3D%2525%26b#form";
    let nested = "/login?lang=en&next=%2Fnested%2Fpage#form";
    let (html, all) = ("application/xml, Text/HTML;q=0.9", "*/*");
    let long = format!("/page?{}", "a".repeat(2048));
    for (request, accept, id, status, location) in [
        ("/page", html, ann, 200, None),
        ("/page", html, bob, 200, None),
        ("/page?a=%25&b", html, nobody, 303, Some(to_login)),
        ("HEAD /page?a=%25&b", html, nobody, 303, Some(to_login)),
        (&long, html, nobody, 303, Some("/login?lang=en#form")),
        ("/page", html, Some(&unknown), 303, None),
        ("/page", all, nobody, 401, None),
        ("POST /page", html, nobody, 401, None),
        ("/page?a=%25&b", html, rotated, 303, Some("/page?a=%25&b")),
        ("/page", all, rotated, 401, None),
        ("POST /page", html, rotated, 401, None),
        ("//evil.example/page", html, rotated, 401, None),
        (
            "//evil.example/page",
            html,
            nobody,
            303,
            Some("/login?lang=en#form"),
        ),
        ("/nested/page", html, nobody, 303, Some(nested)),
        ("/nested/page", html, rotated, 303, Some("/nested/page")),
        ("/nested/page", html, ann, 200, None),
        // The log-in page must not require a log-in: no endless redirection.
        ("/login", html, nobody, 401, None),
        ("/api", html, ann, 200, None),
        ("/api", html, nobody, 401, None),
        ("/api", html, rotated, 401, None),
        ("/read", html, ann, 200, None),
        ("/read", html, bob, 403, None),
        ("/read", all, nobody, 401, None),
        ("/fly", html, ann, 403, None),
        ("/fly", html, nobody, 401, None),
        ("/account", html, ann, 200, None),
        ("/account", html, nobody, 401, None),
        ("/account", html, rotated, 401, None),
        ("/", html, nobody, 200, None),
        ("/", html, rotated, 200, None),
    ] {
        let reply = world.send(request, accept, id).await;
        assert_eq!(reply.status, status, "{request} {accept} {location:?}");
        if location.is_some() {
            assert_eq!(reply.location(), location, "{request}");
            assert_eq!(reply.headers[CACHE_CONTROL], "no-store");
        }
        assert!(reply.headers.get(SET_COOKIE).is_none(), "{request}");
    }
    // A tombstone does not last, nor does the redirection.
    world.clock.advance(Duration::from_secs(11));
    let later = world.open("/nested/page", rotated).await;
    assert_eq!(later.location(), Some(nested));
}

#[test]
fn a_navigation_is_a_person_who_opens_a_page() {
    for (method, mode, accept, is_navigation) in [
        ("GET", Some("navigate"), None, true),
        ("HEAD", Some("navigate"), None, true),
        ("POST", Some("navigate"), Some("text/html"), false),
        ("GET", Some("cors"), Some("text/html"), false),
        ("GET", None, Some("text/html"), true),
        ("GET", None, Some("text/plain, TEXT/HTML; q=0.1"), true),
        ("GET", None, Some("text/html5"), false),
        ("GET", None, Some("*/*"), false),
        ("GET", None, None, false),
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in [("sec-fetch-mode", mode), ("accept", accept)] {
            value.and_then(|value| headers.insert(name, value.parse().unwrap()));
        }
        let method = method.parse().unwrap();
        let found = session_auth::is_navigation(&method, &headers);
        assert_eq!(found, is_navigation, "{method} {mode:?} {accept:?}");
    }
}

#[tokio::test]
async fn the_user_is_loaded_once_and_only_for_those_who_ask() {
    let world = World::new();
    let ann = world.log_in("ann", None).await;
    assert_eq!(world.loads(), 0, "a log-in brings the user");
    for (uri, id, text, loads, reads) in [
        ("/page", Some(&ann), "ann", 1, 1),
        ("/ask-at-once", Some(&ann), "true", 1, 1),
        ("/ask-at-once", None, "false", 0, 0),
        ("/", None, "nobody", 0, 0),
        ("/static", Some(&ann), "static", 0, 0),
    ] {
        let reply = world.open(uri, id).await;
        assert_eq!((reply.status, &*reply.text), (StatusCode::OK, text));
        assert_eq!(
            (world.loads(), world.steps(Step::Read)),
            (loads, reads),
            "{uri}"
        );
    }
    // Another user logs in over the session.
    let bob = world.log_in("bob", Some(&ann)).await;
    assert_eq!(world.open("/page", Some(&bob)).await.text, "bob");
    let out = world.open("POST /log-out", Some(&bob)).await;
    assert!(out.is_cleared() && out.text == "true false");
    assert_eq!((world.loads(), world.sessions().await), (1, 0));
}

#[tokio::test]
async fn a_failure_is_never_nobody() {
    let world = World::new();
    let ann = world.log_in("ann", None).await;
    let uris = ["/", "/account", "/page", "/api", "/read", "/note"];
    for is_loader in [true, false] {
        world.users.table(|table| table.is_down = is_loader);
        let (log, _kept) = Log::kept();
        for uri in uris {
            if !is_loader {
                world.backend.faults().store_down();
            }
            let reply = world.open(uri, Some(&ann)).await;
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{uri}");
            assert_eq!(reply.headers[RETRY_AFTER], "5");
            assert!(reply.headers.get(SET_COOKIE).is_none() && reply.location().is_none());
            assert_eq!(world.loads(), usize::from(is_loader));
            assert_eq!(world.steps(Step::Write), 0, "nothing is committed");
        }
        let says_why = log.text().contains("the database is down");
        // A store that fails right after belongs to the same incident.
        assert_eq!(says_why, is_loader, "{}", log.text());
        assert!(log.text().lines().count() <= 1, "once per incident");
        world.backend.faults().clear();
    }
    assert_eq!(world.open("/account", Some(&ann)).await.text, "ann");
}

#[tokio::test]
async fn a_user_who_is_no_more_and_a_changed_password_end_the_session() {
    type Change = fn(&World);
    let deleted: Change = |world| {
        world.users.table(|table| table.passwords.clear());
    };
    let changed: Change = |world| world.users.set_password("ann", "changed");
    for (change, uri, status) in [
        (deleted, "/", 200),
        (changed, "/", 200),
        (deleted, "/account", 401),
        (changed, "/account", 401),
        (deleted, "/page", 303),
        (changed, "/page", 303),
        (deleted, "/api", 401),
    ] {
        let world = World::new();
        let (ann, bob) = (
            world.log_in("ann", None).await,
            world.log_in("bob", None).await,
        );
        change(&world);
        let (log, _kept) = Log::kept();
        let reply = world.open(uri, Some(&ann)).await;
        assert_eq!(reply.status, status);
        assert!(reply.is_cleared());
        assert_eq!(world.backend.peek_session(&ann).await.unwrap(), None);
        assert!(log.text().contains("a session is ended"));
        assert!(!log.text().contains("ann") && !log.text().contains(ann.expose()));
        assert!(world.backend.peek_session(&bob).await.unwrap().is_some());
        // What the handler does after that begins another session.
        let ann = world
            .backend
            .create_session(NewSession::default().bind(Principal::new("ann").unwrap()));
        let noted = world.open("/note", Some(&ann.await.unwrap().id)).await;
        let noted = world.backend.peek_session(&noted.new_id().unwrap()).await;
        let noted = noted.unwrap().unwrap();
        assert_eq!(noted.principal(), None);
        assert_eq!(noted.fields().len(), 1);
        assert_eq!(noted.fields().get_str("after"), Some("1"));
    }
}

#[tokio::test]
async fn whoever_changes_the_password_stays_logged_in() {
    let world = World::new();
    let [here, there] = [
        world.log_in("ann", None).await,
        world.log_in("ann", None).await,
    ];
    let guest = world.log_in("guest", None).await;
    let stored = world.backend.peek_session(&here).await.unwrap().unwrap();
    let hash = AuthHash::of("open sesame");
    assert_eq!(stored.fields().get_str("auth_hash"), Some(hash.as_str()));

    let here = world
        .open("POST /change", Some(&here))
        .await
        .new_id()
        .unwrap();
    assert_eq!(world.open("/", Some(&here)).await.text, "ann");
    assert_eq!(world.open("/", Some(&there)).await.text, "nobody");
    assert_eq!(world.sessions().await, 2);
    // One without credentials has none to lose, and takes none over.
    world.users.set_password("guest", "changed");
    assert_eq!(world.open("/", Some(&guest)).await.text, "guest");
    let over = world.log_in("guest", Some(&here)).await;
    let stored = world.backend.peek_session(&over).await.unwrap().unwrap();
    assert!(stored.fields().is_empty());
}

/// A page is on its way while the user changes the password in another tab of the same browser.
#[tokio::test]
async fn a_late_request_ends_no_newer_log_in() {
    let world = World::new();
    let old = world.log_in("ann", None).await;
    let (app, cookie) = (world.app.clone(), format!("{NAME}={}", old.expose()));
    let newer = Arc::new(Mutex::new(None));
    let result = newer.clone();
    let meanwhile: Meanwhile = Box::new(move || {
        async move {
            let request = Request::post("/change").header(COOKIE, cookie);
            let response = app.oneshot(request.body(Body::empty()).unwrap()).await;
            let (parts, _) = response.unwrap().into_parts();
            let line = parts.headers[SET_COOKIE].to_str().unwrap();
            *result.lock().unwrap() = SessionId::parse(line.split(['=', ';']).nth(1).unwrap()).ok();
        }
        .boxed()
    });
    world.users.table(|table| table.meanwhile = Some(meanwhile));
    let late = world.open("/page", Some(&old)).await;
    assert_eq!(
        (late.status, late.location()),
        (StatusCode::SEE_OTHER, Some("/page"))
    );
    assert!(late.headers.get(SET_COOKIE).is_none());
    let newer = newer.lock().unwrap().take().unwrap();
    assert_eq!(world.open("/page", Some(&newer)).await.text, "ann");
}

#[tokio::test]
async fn without_a_layer_each_request_is_a_500_with_one_line() {
    let backend = Arc::new(MemoryBackend::new());
    let sessions = SessionLayer::new(backend);
    let required = RequireLogin::<User>::redirect_to("/login");
    let users = AuthLayer::new(Users::default());
    let routes = || {
        Router::new()
            .route("/layer", get(|| async {}).layer(required.clone()))
            .route("/user", get(account))
            .route("/option", get(home))
            .route("/auth", get(log_out))
    };
    for app in [
        routes(),
        routes().layer(sessions.clone()),
        routes().layer(users.clone()),
        // The wrong way round.
        routes().layer(sessions.clone()).layer(users.clone()),
    ] {
        for uri in ["/layer", "/user", "/option", "/auth"] {
            let (log, _kept) = Log::kept();
            let request = Request::get(uri).header(ACCEPT, "text/html");
            let request = request.body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(log.text().lines().count(), 1, "{uri}: {}", log.text());
            assert!(log.text().contains("there is no AuthLayer"));
        }
    }
}

#[tokio::test]
async fn a_handler_is_tested_without_requests() {
    let backend = Arc::new(MemoryBackend::new());
    let users = Users::default();
    for name in ["ann", "guest"] {
        users.set_password(name, "open sesame");
    }
    let field = FieldName::new("credentials").unwrap();
    let layer = AuthLayer::new(users.clone()).with_hash_field(field);
    let session = Session::for_test(backend.clone(), None);
    let auth = layer.open(session.clone(), Uri::from_static("/"));
    let ann = users.table(|table| table.user("ann")).unwrap();
    auth.log_in(&ann).unwrap();
    session.commit_for_test().await.unwrap();
    let id = auth.session().id().unwrap();
    // A log-in by the session itself counts at once.
    let auth = layer.open(
        Session::for_test(backend.clone(), Some(id.clone())),
        Uri::default(),
    );
    assert_eq!(auth.user().await.unwrap().unwrap().name, "ann");
    (auth.session().log_in(Principal::new("guest").unwrap())).unwrap();
    assert_eq!(auth.user().await.unwrap().unwrap().name, "guest");
    // One that left no hash where the loader makes one is none.
    let auth = |id| layer.open(Session::for_test(backend.clone(), Some(id)), Uri::default());
    assert_eq!(auth(id.clone()).user().await.unwrap(), Some(ann));
    let bare = Delta::new().remove(FieldName::new("credentials").unwrap());
    backend.update_session(&id, bare).await.unwrap();
    assert_eq!(auth(id).user().await.unwrap(), None);
    let debug = format!(
        "{layer:?} {:?} {:?}",
        auth(SessionId::random().unwrap()),
        CurrentUser(1)
    );
    assert!(
        debug.contains("credentials") && !debug.contains("ann"),
        "{debug}"
    );
}

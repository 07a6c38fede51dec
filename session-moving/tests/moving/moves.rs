//! Each old library's sessions are moved: the old layer logs in, the new one goes on.

use std::sync::Arc;

use axum::Router;
use session_moving::from_actix_session::ActixSessions;
use session_moving::from_axum_session::{AxumSessions, Signed};
use session_moving::from_express_session::ExpressSessions;
use session_moving::from_tower_sessions::TowerSessions;
use session_moving::take_over::{OldSessions, TakeOver};
use session_redis_test::{RedisServer, unique_prefix};
use session_store::{Connect, SessionBackend, SessionId};

use crate::old::{self, ACTIX_KEY, AXUM_KEY, LoggedIn, fred_pool};
use crate::support::{Browser, NEW, manager, moving, moving_app, sessions_of};

/// The new store, with keys of its own.
async fn backend(server: &RedisServer) -> Arc<dyn SessionBackend> {
    let connect = Connect::to(server.url()).key_prefix(unique_prefix());
    connect.connect().await.unwrap()
}

/// What must hold, whatever a browser sends first. `log_in` is by the old library, `app` the new
/// application over a fresh store.
async fn check(
    server: &RedisServer,
    old_cookie: &str,
    log_in: impl AsyncFn() -> LoggedIn,
    app: impl AsyncFn(&Arc<dyn SessionBackend>) -> Router,
) {
    let is_there = async |key: &str| server.ask::<bool>(&format!("EXISTS {key}")).await;
    let me = "andrew tea";

    // Two first requests at once, then the cookie alone, then a log-out.
    let backend = backend(server).await;
    let app_here = app(&backend).await;
    let (browser, key) = log_in().await;
    assert!(is_there(&key).await);
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (first, second) = tokio::join!(one.get(&app_here, "/me"), two.get(&app_here, "/me"));
    assert_eq!([&*first.body, &*second.body], [me, me]);
    assert_eq!(one.cookies, two.cookies);
    assert_eq!(one.cookies.keys().collect::<Vec<_>>(), [NEW]);
    assert!(!is_there(&key).await, "the old session was ended");
    assert_eq!(sessions_of(&backend, "andrew").await, 1);

    let next = one.get(&app_here, "/me").await;
    assert_eq!((&*next.body, next.set.len()), (me, 0));
    one.get(&app_here, "/logout").await;
    assert!(one.cookies.is_empty());
    assert_eq!(sessions_of(&backend, "andrew").await, 0);
    let mut stale = browser.clone();
    assert_eq!(stale.get(&app_here, "/me").await.body, "nobody ");

    // What else may come first, and what is then there.
    for (path, andrews, bettys, has_cookie) in [
        ("/public", 1, 0, true),
        ("/logout", 0, 0, false),
        ("/login", 0, 1, true),
    ] {
        let backend = self::backend(server).await;
        let app = app(&backend).await;
        let (mut browser, key) = log_in().await;
        browser.get(&app, path).await;
        let is_moved = !browser.cookies.contains_key(old_cookie) && !is_there(&key).await;
        assert!(is_moved, "{path}");
        assert_eq!(browser.cookies.contains_key(NEW), has_cookie, "{path}");
        let counts = (
            sessions_of(&backend, "andrew").await,
            sessions_of(&backend, "betty").await,
        );
        assert_eq!(counts, (andrews, bettys), "{path}");
    }

    // A cookie that was tampered with is none, and no session comes of it.
    let app = app(&backend).await;
    let (browser, key) = log_in().await;
    let mut forged = Browser::with(old_cookie, &format!("x{}", browser.cookies[old_cookie]));
    assert_eq!(forged.get(&app, "/me").await.body, "nobody ");
    assert!(is_there(&key).await);
}

#[tokio::test]
async fn from_tower_sessions_and_axum_login() {
    let server = &RedisServer::start().await;
    let redis = fred_pool(server).await;
    let app = async |backend: &_| {
        moving_app(
            TowerSessions {
                redis: redis.clone(),
            },
            backend,
        )
    };
    check(
        server,
        "id",
        async || old::tower_sessions(server).await,
        app,
    )
    .await;

    // A record that cannot be read: the error shows nothing of it.
    let (_, key) = old::tower_sessions(server).await;
    server.ask::<()>(&format!("SET {key} secret")).await;
    let error = TowerSessions { redis }.read(&key).await.err().unwrap();
    assert_eq!(error.to_string(), "an old record is not as expected");
}

/// The log-in of axum-login is one of `session_store::auth`, until the password changes.
#[tokio::test]
async fn the_hash_of_the_credentials_is_moved_too() {
    use session_store::auth::{AuthHash, AuthLayer, CurrentUser, UserLoader};
    use session_store::{InvalidPrincipal, Principal, SessionLayer};

    struct Loader(&'static str);
    impl UserLoader for Loader {
        type User = String;
        type Error = std::io::Error;
        async fn load(&self, principal: &Principal) -> Result<Option<String>, Self::Error> {
            Ok(Some(principal.as_str().to_owned()))
        }
        fn principal(&self, user: &String) -> Result<Principal, InvalidPrincipal> {
            Principal::new(user.as_str())
        }
        fn auth_hash(&self, _: &String) -> Option<AuthHash> {
            Some(AuthHash::of(self.0))
        }
    }
    async fn user(user: Option<CurrentUser<String>>) -> String {
        user.map_or("nobody".into(), |user| user.0)
    }

    let server = &RedisServer::start().await;
    let redis = fred_pool(server).await;
    for (password_hash, who) in [("$argon2id$hash", "andrew"), ("another", "nobody")] {
        let backend = backend(server).await;
        let app = Router::new()
            .route("/", axum::routing::get(user))
            .layer(AuthLayer::new(Loader(password_hash)))
            .layer(SessionLayer::new(Arc::clone(&backend)));
        let app = moving(
            app,
            TowerSessions {
                redis: redis.clone(),
            },
            &backend,
        );
        let (mut browser, _) = old::tower_sessions(server).await;
        assert_eq!(browser.get(&app, "/").await.body, who);
    }
}

#[tokio::test]
async fn from_actix_session() {
    let server = &RedisServer::start().await;
    let redis = manager(server).await;
    let app = async |backend: &_| {
        let redis = redis.clone();
        let key = cookie::Key::from(&ACTIX_KEY);
        moving_app(
            ActixSessions {
                redis,
                key,
                user: "actix_identity.user_id",
            },
            backend,
        )
    };
    check(server, "id", async || old::actix_session(server).await, app).await;
}

/// On actix-web the handler sees the new cookie, too, and the browser gets it. Of cookies on lines
/// of their own none is lost, and a failure says nothing.
#[tokio::test]
async fn from_actix_session_on_actix_web() {
    use actix_web::cookie::Cookie;
    use actix_web::test::{TestRequest, call_service, init_service, read_body, try_call_service};
    use actix_web::{HttpRequest, middleware::from_fn, web};
    use session_moving::from_actix_session::move_session;

    async fn me(request: HttpRequest, backend: web::Data<dyn SessionBackend>) -> String {
        let names = |cookies: &[Cookie<'_>]| {
            let mut names: Vec<_> = cookies.iter().map(|it| it.name().to_owned()).collect();
            names.sort_unstable();
            names.join(" ")
        };
        let names = names(&request.cookies().unwrap());
        let cookie = request.cookie(NEW).expect("the new cookie");
        let id = SessionId::parse(cookie.value()).unwrap();
        let record = backend.peek_session(&id).await.unwrap().unwrap();
        let principal = record.principal().unwrap();
        format!("{} {names}", principal.as_str())
    }

    let server = &RedisServer::start().await;
    let (mut browser, _) = old::actix_session(server).await;
    let backend = backend(server).await;
    let take_over = TakeOver {
        old: ActixSessions {
            redis: manager(server).await,
            key: cookie::Key::from(&ACTIX_KEY),
            user: "actix_identity.user_id",
        },
        backend: Arc::clone(&backend),
        cookie: NEW,
        is_persistent: false,
        secret: [7; 32],
    };
    let app = actix_web::App::new()
        .app_data(web::Data::new(take_over))
        .app_data(web::Data::from(backend))
        .wrap(from_fn(move_session))
        .route("/me", web::get().to(me));
    let app = init_service(app).await;
    let request = TestRequest::get().uri("/me");
    let request = request.insert_header(("cookie", browser.line()));
    let response = call_service(&app, request.to_request()).await;
    let set: Vec<_> = response.headers().get_all("set-cookie").collect();
    let set: Vec<_> = set.iter().map(|line| line.to_str().unwrap()).collect();
    assert!(set.iter().any(|line| line.starts_with("id=; ")), "{set:?}");
    assert!(set.iter().any(|line| line.starts_with(NEW)), "{set:?}");
    let (name, rest) = set[1].split_once('=').unwrap();
    let new = rest.split(';').next().unwrap();
    browser.cookies.insert(name.into(), new.into());
    browser.cookies.insert("theme".into(), "dark".into());
    assert_eq!(read_body(response).await, "andrew __Host-id");

    let mut request = TestRequest::get().uri("/me");
    for (name, value) in browser.cookies.iter().rev() {
        request = request.append_header(("cookie", format!("{name}={value}")));
    }
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(read_body(response).await, "andrew __Host-id id theme");

    let (browser, key) = old::actix_session(server).await;
    server.ask::<()>(&format!("SET {key} secret")).await;
    let request = TestRequest::get().uri("/me");
    let request = request.insert_header(("cookie", browser.line()));
    let failed = try_call_service(&app, request.to_request()).await;
    let response = failed.err().unwrap().error_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers().get("retry-after").unwrap(), "1");
    let body = actix_web::body::to_bytes(response.into_body()).await;
    assert!(body.unwrap().is_empty());
}

#[tokio::test]
async fn from_axum_session() {
    let server = &RedisServer::start().await;
    let redis = manager(server).await;
    for is_signed in [false, true] {
        let signed = || Signed {
            key: cookie::Key::from(&AXUM_KEY),
            bound_to: |headers| format!(";;;;{}", headers["user-agent"].to_str().unwrap()),
        };
        let app = async |backend: &_| {
            let sessions = AxumSessions {
                redis: redis.clone(),
                user: "user_auth_session_id",
                signed: is_signed.then(signed),
            };
            moving_app(sessions, backend)
        };
        let log_in = async || old::axum_session(server, is_signed).await;
        check(server, "session", log_in, app).await;
    }
}

#[tokio::test]
async fn from_express_session() {
    let server = &RedisServer::start().await;
    let redis = manager(server).await;
    let app = async |backend: &_| {
        let sessions = ExpressSessions {
            redis: redis.clone(),
            secrets: vec!["a newer secret".into(), "keyboard cat".into()],
            user: |values| values.get("user")?.as_str().map(str::to_owned),
        };
        moving_app(sessions, backend)
    };
    let log_in = async || old::express_session(server, "browser").await;
    check(server, "connect.sid", log_in, app).await;

    // "Remember me" stays: the browser keeps the new cookie, too.
    for (sample, days) in [("browser", None), ("remembered", Some(30))] {
        let app = app(&backend(server).await).await;
        let (mut browser, _) = old::express_session(server, sample).await;
        let reply = browser.get(&app, "/me").await;
        let line = reply.set.iter().find(|line| line.starts_with(NEW)).unwrap();
        let age = line.split_once("; Max-Age=");
        let age = age.map(|(_, age)| age.parse::<u64>().unwrap().div_ceil(86_400));
        assert_eq!(age, days, "{sample}");
    }
}

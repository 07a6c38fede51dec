//! Log-ins by the old libraries: each gives the cookie that the browser then has, and its key.

use std::collections::HashMap;

use actix_session::{SessionMiddleware, storage::RedisSessionStore};
use actix_web::test::{TestRequest, call_service, init_service};
use axum::{Router, routing::get};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, UserId};
use axum_session::{SessionConfig, SessionStore};
use axum_session_redispool::{SessionRedisPool, SessionRedisSession};
use session_redis_test::RedisServer;
use tower_sessions::SessionManagerLayer;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::{clients::Pool, interfaces::*, types::config::Config};

use crate::support::Browser;

/// The browser of a user who is logged in with the old library, andrew with tea in the cart, and
/// the Redis key of the session.
pub(crate) type LoggedIn = (Browser, String);

#[derive(Clone, Debug)]
pub(crate) struct User;

#[derive(Clone)]
pub(crate) struct Users;

impl AuthUser for User {
    type Id = String;
    fn id(&self) -> String {
        "andrew".into()
    }
    fn session_auth_hash(&self) -> &[u8] {
        b"$argon2id$hash"
    }
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = ();
    type Error = std::convert::Infallible;
    async fn authenticate(&self, (): ()) -> Result<Option<User>, Self::Error> {
        Ok(Some(User))
    }
    async fn get_user(&self, _: &UserId<Self>) -> Result<Option<User>, Self::Error> {
        Ok(Some(User))
    }
}

pub(crate) async fn fred_pool(server: &RedisServer) -> Pool {
    let config = Config::from_url(&server.url()).unwrap();
    let pool = Pool::new(config, None, None, None, 1).unwrap();
    pool.init().await.unwrap();
    pool
}

pub(crate) async fn tower_sessions(server: &RedisServer) -> LoggedIn {
    async fn log_in(mut auth: AuthSession<Users>) {
        auth.login(&User).await.unwrap();
        auth.session.insert("cart", ["tea"]).await.unwrap();
    }
    let sessions = SessionManagerLayer::new(RedisStore::new(fred_pool(server).await));
    let app = Router::new()
        .route("/login", get(log_in))
        .layer(AuthManagerLayerBuilder::new(Users, sessions).build());
    let mut browser = Browser::default();
    browser.get(&app, "/login").await;
    let key = browser.cookies["id"].clone();
    (browser, key)
}

pub(crate) const AXUM_KEY: [u8; 64] = [4; 64];

pub(crate) async fn axum_session(server: &RedisServer, is_signed: bool) -> LoggedIn {
    async fn log_in(session: SessionRedisSession) {
        session.set("user_auth_session_id", "andrew");
        session.set("cart", ["tea"]);
    }
    let mut config = SessionConfig::default();
    if is_signed {
        config = config.with_key(axum_session::Key::from(&AXUM_KEY));
    }
    let store = axum_session_store(server, config).await;
    let app = Router::new()
        .route("/login", get(log_in))
        .layer(axum_session::SessionLayer::new(store));
    let before = keys(server).await;
    let mut browser = Browser::default();
    browser.get(&app, "/login").await;
    (browser, new_key(server, &before).await)
}

pub(crate) async fn axum_session_store(
    server: &RedisServer,
    config: SessionConfig,
) -> SessionStore<SessionRedisPool> {
    let client = session_store::backends::redis_rs::redis::Client::open(server.url()).unwrap();
    let pool = SessionRedisPool::from(redis_pool::SingleRedisPool::from(client));
    SessionStore::new(Some(pool), config).await.unwrap()
}

pub(crate) const ACTIX_KEY: [u8; 64] = [3; 64];

pub(crate) async fn actix_session(server: &RedisServer) -> LoggedIn {
    async fn log_in(session: actix_session::Session) -> &'static str {
        session.insert("actix_identity.user_id", "andrew").unwrap();
        session.insert("cart", ["tea"]).unwrap();
        ""
    }
    let store = RedisSessionStore::new(server.url()).await.unwrap();
    let key = actix_web::cookie::Key::from(&ACTIX_KEY);
    let app = actix_web::App::new()
        .wrap(SessionMiddleware::new(store, key))
        .route("/login", actix_web::web::get().to(log_in));
    let app = init_service(app).await;
    let before = keys(server).await;
    let request = TestRequest::get().uri("/login").to_request();
    let response = call_service(&app, request).await;
    let mut browser = Browser::default();
    for cookie in response.response().cookies() {
        // As it is sent: the value that `cookies` gives is decoded.
        let line = cookie.encoded().to_string();
        let pair = line.split(';').next().unwrap().split_once('=').unwrap();
        browser.cookies.insert(pair.0.to_owned(), pair.1.to_owned());
    }
    (browser, new_key(server, &before).await)
}

async fn keys(server: &RedisServer) -> Vec<String> {
    server.ask("KEYS *").await
}

/// The key that was not there before: cookies do not show it.
async fn new_key(server: &RedisServer, before: &[String]) -> String {
    let after = keys(server).await.into_iter();
    let new: Vec<_> = after.filter(|key| !before.contains(key)).collect();
    assert_eq!(new.len(), 1);
    new[0].clone()
}

/// Which of the samples, as express-session and connect-redis have written them.
pub(crate) async fn express_session(server: &RedisServer, sample: &str) -> LoggedIn {
    #[derive(serde::Deserialize)]
    struct Sample {
        set_cookie: String,
        key: String,
        record: String,
        ttl: u64,
    }
    let samples = include_str!("../data/express-session.json");
    let mut samples: HashMap<String, serde_json::Value> = serde_json::from_str(samples).unwrap();
    let sample: Sample = serde_json::from_value(samples.remove(sample).unwrap()).unwrap();
    let plant = format!("SET {} {} EX {}", sample.key, sample.record, sample.ttl);
    server.ask::<()>(&plant).await;
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("set-cookie", sample.set_cookie.parse().unwrap());
    let mut browser = Browser::default();
    browser.keep(&headers);
    (browser, sample.key)
}

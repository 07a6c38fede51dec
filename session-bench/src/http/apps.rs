//! The applications: each returns how often its page was opened in this session.

use std::io::Write as _;
use std::sync::Arc;

use actix_session::storage::RedisSessionStore;
use actix_session::{Session as ActixSession, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{App as ActixApp, HttpServer, web};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use axum_session::{Session as AxumSession, SessionConfig, SessionStore};
use axum_session_redispool::SessionRedisPool;
use fred::interfaces::ClientLike as _;
use redis::aio::MultiplexedConnection;
use session_core::{NewSession, SessionBackend};
use session_fred::FredBackend;
use session_memory::MemoryBackend;
use session_redis_rs::RedisRsBackend;
use session_tower::{Session, SessionError, SessionLayer};
use tokio::net::TcpListener;
use tower_sessions::{MemoryStore, Session as TowerSession, SessionManagerLayer};
use tower_sessions_redis_store::RedisStore;

use super::App;
use super::template::Template;
use crate::drive::{Failure, Outcome};
use crate::ours::PAGE_VIEWS;
use crate::redis::{key_of, peers};

/// Serves an application until the input ends; its port is the first line of the output.
pub(crate) fn serve(app: App, redis: &str) -> Outcome {
    end_with_input();
    match app {
        App::ActixBare | App::ActixSession => {
            actix_web::rt::System::new().block_on(serve_actix(app == App::ActixSession, redis))
        }
        _ => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(serve_axum(app, redis)),
    }
}

/// The same for an application with sessions in a database.
pub(crate) fn serve_sql(app: crate::sql::pages::App, url: &str) -> Outcome {
    end_with_input();
    let serve = async { serve_router(crate::sql::pages::router(app, url).await?).await };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve)
}

fn end_with_input() {
    std::thread::spawn(|| {
        // Whoever started it has ended.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}

fn say_port(port: u16) -> Outcome {
    let mut output = std::io::stdout();
    writeln!(output, "{port}")?;
    Ok(output.flush()?)
}

async fn serve_axum(app: App, redis: &str) -> Outcome {
    let router = match app {
        App::OursRedisRs => ours(RedisRsBackend::builder(redis).connect().await?),
        App::OursFred => ours(FredBackend::builder(redis).connect().await?),
        App::OursMemory => ours(MemoryBackend::new()),
        App::RawRedisRs => {
            let client = redis::Client::open(redis)?;
            raw(
                RawRedisRs(client.get_multiplexed_async_connection().await?),
                redis,
            )
            .await?
        }
        App::RawFred => {
            let config = fred::types::config::Config::from_url(redis)?;
            let client = fred::types::Builder::from_config(config).build()?;
            client.init().await?;
            raw(RawFred(client), redis).await?
        }
        App::TowerSessionsRedis | App::TowerSessionsSix => {
            let connections = if app == App::TowerSessionsSix { 6 } else { 1 };
            let store = RedisStore::new(peers::pool(redis, connections).await?);
            let page = get(tower_sessions_page);
            Router::new()
                .route("/", page)
                .layer(SessionManagerLayer::new(store))
        }
        App::TowerSessionsMemory => {
            let layer = SessionManagerLayer::new(MemoryStore::default());
            Router::new()
                .route("/", get(tower_sessions_page))
                .layer(layer)
        }
        App::AxumSession => {
            let pool = redis_pool::SingleRedisPool::from(redis::Client::open(redis)?);
            let pool = SessionRedisPool::from(pool);
            let store = SessionStore::new(Some(pool), SessionConfig::default()).await?;
            let layer = axum_session::SessionLayer::new(store);
            Router::new()
                .route("/", get(axum_session_page))
                .layer(layer)
        }
        App::AxumBare | App::ActixBare | App::ActixSession => {
            Router::new().route("/", get(async || "1".to_owned()))
        }
    };
    serve_router(router).await
}

async fn serve_router(router: Router) -> Outcome {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    say_port(listener.local_addr()?.port())?;
    Ok(axum::serve(listener, router).await?)
}

fn ours(backend: impl SessionBackend) -> Router {
    let layer = SessionLayer::new(Arc::new(backend));
    Router::new().route("/", get(our_page)).layer(layer)
}

async fn our_page(session: Session) -> Result<String, SessionError> {
    Ok(session.increment(PAGE_VIEWS, 1).await?.to_string())
}

async fn tower_sessions_page(session: TowerSession) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let views = session.get::<i64>(PAGE_VIEWS).await.map_err(failed)?;
    let views = views.unwrap_or(0) + 1;
    session.insert(PAGE_VIEWS, views).await.map_err(failed)?;
    Ok(views.to_string())
}

async fn axum_session_page(session: AxumSession<SessionRedisPool>) -> String {
    let views = session.get::<i64>(PAGE_VIEWS).unwrap_or(0) + 1;
    session.set(PAGE_VIEWS, views);
    views.to_string()
}

/// A client that runs a command.
trait Raw: Clone + Send + Sync + 'static {
    fn count(&self, words: Vec<String>) -> impl Future<Output = Outcome<i64>> + Send;
}

#[derive(Clone)]
struct RawRedisRs(MultiplexedConnection);

impl Raw for RawRedisRs {
    async fn count(&self, words: Vec<String>) -> Outcome<i64> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        let reply = command.query_async(&mut self.0.clone()).await?;
        let redis::Value::Array(reply) = reply else {
            return Err("another reply".into());
        };
        let numbers = reply.iter().rev().find_map(|it| match it {
            redis::Value::Int(number) => Some(*number),
            _ => None,
        });
        numbers.ok_or_else(|| "no count".into())
    }
}

#[derive(Clone)]
struct RawFred(fred::clients::Client);

impl Raw for RawFred {
    async fn count(&self, words: Vec<String>) -> Outcome<i64> {
        use fred::interfaces::LuaInterface as _;
        let mut words = words.into_iter().skip(1);
        let (sha, _keys) = (words.next().unwrap_or_default(), words.next());
        let key = words.next().unwrap_or_default();
        let reply: fred::types::Value = self.0.evalsha(sha, key, words.collect::<Vec<_>>()).await?;
        let numbers = reply.into_array().into_iter().rev();
        let numbers = numbers.filter(fred::types::Value::is_integer);
        let count = numbers.filter_map(|it| it.as_i64()).next();
        count.ok_or_else(|| "no count".into())
    }
}

/// What the raw handler has: no layer, no checks, a cookie that is looked for in one header.
struct RawApp<R> {
    client: R,
    template: Template,
    backend: RedisRsBackend,
}

async fn raw<R: Raw>(client: R, redis: &str) -> Outcome<Router> {
    let app = RawApp {
        client,
        template: Template::from_environment()?,
        backend: RedisRsBackend::builder(redis).connect().await?,
    };
    Ok(Router::new()
        .route("/", get(raw_page::<R>))
        .with_state(Arc::new(app)))
}

async fn raw_page<R: Raw>(
    State(app): State<Arc<RawApp<R>>>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let failed = |_: Failure| StatusCode::SERVICE_UNAVAILABLE;
    let cookie = headers.get(header::COOKIE);
    let id = cookie.and_then(|it| it.to_str().ok()?.strip_prefix("id="));
    let Some(id) = id else {
        return first_page(&app.backend).await.map_err(failed);
    };
    let words = app.template.words(&key_of(id)).map_err(failed)?;
    let views = app.client.count(words).await.map_err(failed)?;
    Ok(views.to_string().into_response())
}

async fn first_page(backend: &RedisRsBackend) -> Outcome<Response> {
    let created = backend.create_session(NewSession::default()).await?;
    let cookie = format!("id={}", created.id.expose());
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), "0").into_response())
}

async fn serve_actix(with_sessions: bool, redis: &str) -> Outcome {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    say_port(listener.local_addr()?.port())?;
    if !with_sessions {
        let app = || ActixApp::new().route("/", web::get().to(async || "1".to_owned()));
        return Ok(HttpServer::new(app).listen(listener)?.run().await?);
    }
    let store = RedisSessionStore::new(redis).await.map_err(Failure::from)?;
    let key = Key::generate();
    let app = move || {
        let layer = SessionMiddleware::new(store.clone(), key.clone());
        ActixApp::new()
            .wrap(layer)
            .route("/", web::get().to(actix_page))
    };
    Ok(HttpServer::new(app).listen(listener)?.run().await?)
}

async fn actix_page(session: ActixSession) -> actix_web::Result<String> {
    let views = session.get::<i64>(PAGE_VIEWS)?.unwrap_or(0) + 1;
    session.insert(PAGE_VIEWS, views)?;
    Ok(views.to_string())
}

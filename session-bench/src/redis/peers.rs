//! The stores of other libraries, called as their own middleware calls them, over one connection
//! where they have one. Their sessions have the same five fields.

use std::collections::HashMap;
use std::sync::Arc;

use actix_session::storage::{RedisSessionStore, SessionKey, SessionStore as _};
use axum_session::DatabasePool as _;
use axum_session_redispool::SessionRedisPool;
use fred::clients::Pool;
use fred::interfaces::ClientLike as _;
use session_redis_test::RedisServer;
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions_redis_store::RedisStore;

use crate::drive::{Case, Op, Outcome};
use crate::ours::pick;

const TTL: Duration = Duration::seconds(1800);
const TABLE: &str = "sessions";
pub(crate) const FIELDS: [(&str, &str); 5] = [
    ("created_at", "2026-01-01T00:00:00+00:00"),
    ("last_accessed_at", "2026-01-01T00:00:00+00:00"),
    ("page_views", "1"),
    ("session_ttl", "1800"),
    ("username", "andrew"),
];

/// How much of a request's work is done: the reading alone, or the writing as well.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Half {
    Load,
    Both,
}

/// The cases, over a server, with so many sessions for each library.
pub(crate) async fn cases(server: &RedisServer, sessions: usize) -> Outcome<Vec<Case>> {
    let store = RedisStore::new(pool(&server.url(), 1).await?);
    let tower = tower_sessions(store, sessions).await?;
    let actix = ActixSession::with(server, sessions).await?;
    let axum = AxumSession::with(server, sessions).await?;
    Ok(vec![
        Case::new("tower-sessions: load", tower.only(Half::Load)),
        Case::new("tower-sessions: load + save", tower),
        Case::new("actix-session: load", actix.only(Half::Load)),
        Case::new("actix-session: load + update", actix),
        Case::new("axum_session: load", axum.only(Half::Load)),
        Case::new("axum_session: load + store", axum),
    ])
}

/// The two cases of a store of tower-sessions.
pub(crate) async fn tower_cases<S: SessionStore + Clone>(
    name: &str,
    store: S,
    sessions: usize,
) -> Outcome<Vec<Case>> {
    let both = tower_sessions(store, sessions).await?;
    Ok(vec![
        Case::new(format!("{name}: load"), both.only(Half::Load)),
        Case::new(format!("{name}: load + save"), both),
    ])
}

/// Connections of fred, as tower-sessions' store has them.
pub(crate) async fn pool(url: &str, connections: usize) -> Outcome<Pool> {
    let config = fred::types::config::Config::from_url(url)?;
    let pool = Pool::new(config, None, None, None, connections)?;
    pool.init().await?;
    Ok(pool)
}

struct TowerSessions<S> {
    store: S,
    ids: Arc<Vec<Id>>,
    half: Half,
}

async fn tower_sessions<S: SessionStore + Clone>(
    store: S,
    sessions: usize,
) -> Outcome<TowerSessions<S>> {
    let mut ids = Vec::with_capacity(sessions);
    let fields = FIELDS.map(|(name, value)| (name.to_owned(), value.into()));
    for _ in 0..sessions {
        let mut record = Record {
            id: Id::default(),
            data: fields.clone().into(),
            expiry_date: OffsetDateTime::now_utc() + TTL,
        };
        store.create(&mut record).await?;
        ids.push(record.id);
    }
    Ok(TowerSessions {
        store,
        ids: Arc::new(ids),
        half: Half::Both,
    })
}

impl<S: SessionStore + Clone> TowerSessions<S> {
    fn only(&self, half: Half) -> Self {
        Self {
            store: self.store.clone(),
            ids: Arc::clone(&self.ids),
            half,
        }
    }
}

impl<S: SessionStore + Clone> Op for TowerSessions<S> {
    async fn run(&self, n: usize) -> Outcome {
        let loaded = self.store.load(pick(&self.ids, n)?).await?;
        let mut record = loaded.ok_or("no session")?;
        if self.half == Half::Both {
            record.expiry_date = OffsetDateTime::now_utc() + TTL;
            self.store.save(&record).await?;
        }
        Ok(())
    }
}

struct ActixSession {
    store: RedisSessionStore,
    keys: Arc<Vec<String>>,
    half: Half,
}

impl ActixSession {
    async fn with(server: &RedisServer, sessions: usize) -> Outcome<Self> {
        let store = RedisSessionStore::new(server.url()).await?;
        let fields: HashMap<_, _> = FIELDS
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut keys = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            keys.push(store.save(fields.clone(), &TTL).await?.into());
        }
        Ok(Self {
            store,
            keys: Arc::new(keys),
            half: Half::Both,
        })
    }

    fn only(&self, half: Half) -> Self {
        Self {
            store: self.store.clone(),
            keys: Arc::clone(&self.keys),
            half,
        }
    }
}

impl Op for ActixSession {
    async fn run(&self, n: usize) -> Outcome {
        let key = pick(&self.keys, n)?.clone();
        let key = SessionKey::try_from(key).map_err(|error| error.to_string())?;
        let state = self.store.load(&key).await?.ok_or("no session")?;
        if self.half == Half::Both {
            self.store.update(key, state, &TTL).await?;
        }
        Ok(())
    }
}

struct AxumSession {
    pool: SessionRedisPool,
    ids: Arc<Vec<String>>,
    half: Half,
}

impl AxumSession {
    async fn with(server: &RedisServer, sessions: usize) -> Outcome<Self> {
        let client = redis::Client::open(server.url())?;
        let pool = SessionRedisPool::from(redis_pool::SingleRedisPool::from(client));
        let fields: HashMap<_, _> = FIELDS.into();
        let fields = serde_json::to_string(&fields)?;
        let mut ids = Vec::with_capacity(sessions);
        for n in 0..sessions {
            // As long as the uuids that its middleware draws.
            let id = format!("00000000-0000-4000-8000-{n:012}");
            pool.store(&id, &fields, expiry(), TABLE).await?;
            ids.push(id);
        }
        Ok(Self {
            pool,
            ids: Arc::new(ids),
            half: Half::Both,
        })
    }

    fn only(&self, half: Half) -> Self {
        Self {
            pool: self.pool.clone(),
            ids: Arc::clone(&self.ids),
            half,
        }
    }
}

fn expiry() -> i64 {
    (OffsetDateTime::now_utc() + TTL).unix_timestamp()
}

impl Op for AxumSession {
    async fn run(&self, n: usize) -> Outcome {
        let id = pick(&self.ids, n)?;
        let loaded = self.pool.load(id, TABLE).await?;
        let fields = loaded.ok_or("no session")?;
        if self.half == Half::Both {
            self.pool.store(id, &fields, expiry(), TABLE).await?;
        }
        Ok(())
    }
}

#![doc = include_str!("../../docs/moving/from-tower-sessions.md")]

use axum::http::HeaderMap;
use serde_json::Value;
use session_store::auth::AuthHash;
use session_store::{FieldName, NewSession, Principal};
use tower_sessions::SessionStore as _;
use tower_sessions::session::Id;
use tower_sessions::session_store::Error as StoreError;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::clients::Pool;
use tower_sessions_redis_store::fred::interfaces::KeysInterface as _;

use crate::take_over::{Error, OldSessions, fields, from_json};

/// Sessions of tower-sessions, in its Redis store.
pub struct TowerSessions {
    /// The pool that the store is over.
    pub redis: Pool,
}

impl OldSessions for TowerSessions {
    /// tower-sessions' default name.
    fn cookie(&self) -> &str {
        "id"
    }

    fn key(&self, value: &str, _: &HeaderMap) -> Option<String> {
        value.parse::<Id>().ok().map(|id| id.to_string())
    }

    async fn read(&self, key: &str) -> Result<Option<NewSession>, Error> {
        let store = RedisStore::new(self.redis.clone());
        let record = store.load(&key.parse()?).await;
        let record = record.map_err(|error| match error {
            // Its text can quote the record.
            StoreError::Decode(_) => "an old record is not as expected".into(),
            error => Error::from(error),
        });
        let Some(mut record) = record? else {
            return Ok(None);
        };
        let logged_in = record.data.remove("axum-login.data");
        let logged_in = logged_in.map(|value| from_json::<LoggedIn>(&value.to_string()));
        let mut fields = fields(record.data);
        let user = logged_in.transpose()?;
        let user = user.and_then(|it| Some((it.user_id?, it.auth_hash?)));
        let Some((user, hash)) = user else {
            return Ok(Some(NewSession::new(fields)));
        };
        // `session_auth_hash` before, and what `UserLoader::auth_hash` makes of the same bytes.
        let hash = AuthHash::of(hash);
        fields.insert(FieldName::new("auth_hash")?, hash.as_str().into());
        let user = match user {
            Value::String(id) => id,
            id => id.to_string(),
        };
        Ok(Some(NewSession::new(fields).bind(Principal::new(user)?)))
    }

    async fn end(&self, key: &str) -> Result<bool, Error> {
        let ended: u32 = self.redis.del(key).await?;
        Ok(ended == 1)
    }
}

/// What axum-login puts into a session.
#[derive(serde::Deserialize)]
struct LoggedIn {
    user_id: Option<Value>,
    auth_hash: Option<Vec<u8>>,
}

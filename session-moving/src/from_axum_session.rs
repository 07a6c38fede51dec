#![doc = include_str!("../../docs/moving/from-axum-session.md")]

use std::collections::HashMap;

use serde::Deserialize;
use session_store::backends::redis_rs::redis::{AsyncCommands, aio::ConnectionManager};
use session_store::{Lifetime, LogIn, NewSession, Principal, SessionTtl};

use crate::take_over::{Error, OldSessions, fields};

/// Sessions of axum_session, in its `SessionRedisPool`.
pub struct AxumSessions {
    /// The server of the `SessionRedisPool`.
    pub redis: ConnectionManager,
    /// The field with the user's id: axum_session_auth's is `user_auth_session_id`.
    pub user: &'static str,
}

/// `max_lifespan` of the `SessionConfig`: 60 days by default.
const LONG_TERM: u64 = 60 * 86_400;

/// What axum_session stores, as JSON.
#[derive(Deserialize)]
struct Stored {
    data: HashMap<String, String>,
    longterm: bool,
}

impl OldSessions for AxumSessions {
    /// axum_session's default name.
    fn cookie(&self) -> &str {
        "session"
    }

    /// Nothing is signed by default: what is no UUID names no session.
    fn key(&self, value: &str) -> Option<String> {
        let is_uuid = value.len() == 36
            && value
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        is_uuid.then(|| format!("sessions:{value}"))
    }

    async fn read(&self, key: &str) -> Result<Option<NewSession>, Error> {
        let record: Option<String> = self.redis.clone().get(key).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let stored: Stored = serde_json::from_str(&record)?;
        // Each value is JSON in a text.
        let values = stored.data.into_iter().map(|(name, text)| {
            let value = serde_json::from_str(&text)?;
            Ok((name, value))
        });
        let mut fields = fields(values.collect::<Result<Vec<_>, Error>>()?);
        let user = fields.remove(self.user);
        let user = user.as_ref().map(|user| user.as_str()).transpose()?;
        let Some(user) = user else {
            // axum_session has a session for each visitor: most hold nothing.
            let new = (!fields.is_empty()).then(|| NewSession::new(fields));
            return Ok(new);
        };
        let new = NewSession::new(fields);
        let mut log_in = LogIn::new(Principal::new(user)?);
        // `set_longterm(true)`: a user who is to be remembered.
        if stored.longterm {
            log_in = log_in
                .persistent(true)
                .ttl(SessionTtl::from_secs(LONG_TERM)?)
                .lifetime(Lifetime::from_secs(LONG_TERM)?);
        }
        Ok(Some(new.bind(log_in)))
    }

    async fn end(&self, key: &str) -> Result<bool, Error> {
        let ended: u32 = self.redis.clone().del(key).await?;
        Ok(ended == 1)
    }
}

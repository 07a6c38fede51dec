#![doc = include_str!("../../docs/moving/from-actix-session.md")]

use std::collections::HashMap;

use axum::http::HeaderMap;
use cookie::{Cookie, CookieJar, Key};
use session_store::backends::redis_rs::redis::{AsyncCommands, aio::ConnectionManager};
use session_store::{NewSession, Principal};

use crate::take_over::{Error, OldSessions, fields};

/// Sessions of actix-session, in its `RedisSessionStore`.
pub struct ActixSessions {
    /// The server of the `RedisSessionStore`.
    pub redis: ConnectionManager,
    /// The bytes of the key that the `SessionMiddleware` has.
    pub key: Key,
    /// The field with the user's id: actix-identity's is `actix_identity.user_id`.
    pub user: &'static str,
}

impl OldSessions for ActixSessions {
    /// actix-session's default name.
    fn cookie(&self) -> &str {
        "id"
    }

    /// Encrypted by default; with `CookieContentSecurity::Signed` it is `jar.signed`.
    fn key(&self, value: &str, _: &HeaderMap) -> Option<String> {
        let mut jar = CookieJar::new();
        let cookie = Cookie::new(self.cookie(), value);
        jar.add_original(Cookie::parse_encoded(cookie.to_string()).ok()?.into_owned());
        let key = jar.private(&self.key).get(self.cookie())?;
        Some(key.value().to_owned())
    }

    async fn read(&self, key: &str) -> Result<Option<NewSession>, Error> {
        let record: Option<String> = self.redis.clone().get(key).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        // Each value is JSON in a text.
        let texts: HashMap<String, String> = serde_json::from_str(&record)?;
        let values = texts.into_iter().map(|(name, text)| {
            let value = serde_json::from_str(&text)?;
            Ok((name, value))
        });
        let mut fields = fields(values.collect::<Result<Vec<_>, Error>>()?);
        let user = fields.remove(self.user);
        let user = user.as_ref().map(|user| user.as_str()).transpose()?;
        let new = NewSession::new(fields);
        Ok(Some(match user {
            Some(user) => new.bind(Principal::new(user)?),
            None => new,
        }))
    }

    async fn end(&self, key: &str) -> Result<bool, Error> {
        let ended: u32 = self.redis.clone().del(key).await?;
        Ok(ended == 1)
    }
}

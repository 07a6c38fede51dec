#![doc = include_str!("../../docs/moving/from-express-session.md")]

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use session_store::backends::redis_rs::redis::{AsyncCommands, aio::ConnectionManager};
use session_store::{Lifetime, LogIn, NewSession, Principal, SessionTtl};
use sha2::Sha256;

use crate::take_over::{Error, OldSessions, fields, from_json};

/// Sessions of express-session, as connect-redis keeps them.
pub struct ExpressSessions {
    /// The server of connect-redis.
    pub redis: ConnectionManager,
    /// What express-session signs its cookies with: all values of `secret`.
    pub secrets: Vec<String>,
    /// Who is logged in, as the application has written it into its sessions.
    pub user: fn(&Map<String, Value>) -> Option<String>,
}

impl OldSessions for ExpressSessions {
    fn cookie(&self) -> &str {
        "connect.sid"
    }

    /// `s:ID.SIGNATURE`: the signature is the HMAC-SHA256 of the id, as base64 without padding.
    fn key(&self, value: &str, _: &HeaderMap) -> Option<String> {
        let value = percent_decode_str(value).decode_utf8().ok()?;
        let (id, signature) = value.strip_prefix("s:")?.rsplit_once('.')?;
        let signature = STANDARD_NO_PAD.decode(signature).ok()?;
        let is_genuine = |secret: &String| {
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
            // In a time that does not depend on where they differ.
            mac.is_ok_and(|mac| mac.chain_update(id).verify_slice(&signature).is_ok())
        };
        let key = format!("sess:{id}");
        self.secrets.iter().any(is_genuine).then_some(key)
    }

    async fn read(&self, key: &str) -> Result<Option<NewSession>, Error> {
        let record: Option<String> = self.redis.clone().get(key).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let mut values: Map<String, Value> = from_json(&record)?;
        let cookie = values.remove("cookie");
        let max_age = cookie.and_then(|cookie| cookie.get("originalMaxAge")?.as_u64());
        let user = (self.user)(&values);
        let new = NewSession::new(fields(values));
        let Some(user) = user else {
            return Ok(Some(new));
        };
        let mut log_in = LogIn::new(Principal::new(user)?);
        // The cookie has a `maxAge`: a user who is to be remembered.
        if let Some(milliseconds) = max_age {
            let seconds = milliseconds.div_ceil(1000);
            log_in = log_in
                .persistent(true)
                .ttl(SessionTtl::from_secs(seconds)?)
                .lifetime(Lifetime::from_secs(seconds)?);
        }
        Ok(Some(new.bind(log_in)))
    }

    async fn end(&self, key: &str) -> Result<bool, Error> {
        let ended: u32 = self.redis.clone().del(key).await?;
        Ok(ended == 1)
    }
}

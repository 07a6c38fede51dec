#![doc = include_str!("../../docs/moving/from-axum-session.md")]

use std::collections::HashMap;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cookie::Key;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use session_store::backends::redis_rs::redis::{AsyncCommands, aio::ConnectionManager};
use session_store::{Lifetime, LogIn, NewSession, Principal, SessionTtl};
use sha2::Sha256;

use crate::take_over::{Error, OldSessions, fields, from_json};

/// Sessions of axum_session, in its `SessionRedisPool`.
pub struct AxumSessions {
    /// The server of the `SessionRedisPool`.
    pub redis: ConnectionManager,
    /// The field with the user's id: axum_session_auth's is `user_auth_session_id`.
    pub user: &'static str,
    /// How cookies are signed, if they are.
    pub signed: Option<Signed>,
}

/// `SessionConfig::with_key`.
pub struct Signed {
    /// That key.
    pub key: Key,
    /// What the signature is bound to; by default `IP;;;;USER-AGENT`, where the address is that of
    /// the connection, or nothing if the server gives no `ConnectInfo`. Without
    /// `with_ip_and_user_agent` it is nothing at all.
    pub bound_to: fn(&HeaderMap) -> String,
}

impl Signed {
    /// A value is the HMAC-SHA256 as 44 characters of base64, and the id.
    fn open<'a>(&self, value: &'a str, headers: &HeaderMap) -> Option<&'a str> {
        let (signature, id) = value.split_at_checked(44)?;
        let signature = STANDARD.decode(signature).ok()?;
        let mac = Hmac::<Sha256>::new_from_slice(self.key.signing()).ok()?;
        let mac = mac.chain_update(id).chain_update((self.bound_to)(headers));
        mac.verify_slice(&signature).is_ok().then_some(id)
    }
}

/// `max_lifespan` of the `SessionConfig`: 60 days by default.
const LONG_TERM: u64 = 60 * 86_400;

impl OldSessions for AxumSessions {
    /// axum_session's default name.
    fn cookie(&self) -> &str {
        "session"
    }

    fn key(&self, value: &str, headers: &HeaderMap) -> Option<String> {
        let value = percent_decode_str(value).decode_utf8().ok()?;
        let id = match &self.signed {
            Some(signed) => signed.open(&value, headers)?,
            None => &value,
        };
        let is_uuid = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        (id.len() == 36 && id.bytes().all(is_uuid)).then(|| format!("sessions:{id}"))
    }

    async fn read(&self, key: &str) -> Result<Option<NewSession>, Error> {
        let record: Option<String> = self.redis.clone().get(key).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let stored: Stored = from_json(&record)?;
        // Each value is JSON in a text.
        let values = stored.data.into_iter();
        let values = values.map(|(name, text)| Ok((name, from_json(&text)?)));
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

/// What axum_session stores, as JSON.
#[derive(Deserialize)]
struct Stored {
    data: HashMap<String, String>,
    longterm: bool,
}

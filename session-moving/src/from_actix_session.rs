#![doc = include_str!("../../docs/moving/from-actix-session.md")]

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use cookie::{Cookie, CookieJar, Key};
use session_store::backends::redis_rs::redis::{AsyncCommands, aio::ConnectionManager};
use session_store::{NewSession, Principal};

use crate::take_over::{Error, OldSessions, TakeOver, fields, from_json};

/// Sessions of actix-session, in its `RedisSessionStore`.
pub struct ActixSessions {
    /// The server of the `RedisSessionStore`.
    pub redis: ConnectionManager,
    /// The bytes of the key that the `SessionMiddleware` has.
    pub key: Key,
    /// The field with the user's id: actix-identity's is `actix_identity.user_id`.
    pub user: &'static str,
}

/// The middleware for actix-web, `.wrap(from_fn(move_session))`, around that of session-actix: what
/// is wrapped later stands further outside.
pub async fn move_session<B>(
    take_over: Data<TakeOver<ActixSessions>>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    // actix-web has header maps of its own.
    let mut headers = HeaderMap::new();
    for line in request.headers().get_all("cookie") {
        if let Ok(line) = HeaderValue::from_bytes(line.as_bytes()) {
            headers.append(COOKIE, line);
        }
    }
    let moved = take_over.begin(&mut headers).await.map_err(|error| {
        let text = "an old session cannot be moved";
        tracing::error!(error, "{text}");
        let mut response = HttpResponse::ServiceUnavailable();
        response.insert_header((header::RETRY_AFTER, "1"));
        InternalError::from_response(text, response.finish())
    })?;
    if moved.is_some() {
        request.headers_mut().remove(header::COOKIE);
        for line in headers.get_all(COOKIE) {
            let line = header::HeaderValue::from_bytes(line.as_bytes())?;
            request.headers_mut().append(header::COOKIE, line);
        }
    }
    let mut response = next.call(request).await?;
    if let Some(moved) = moved {
        let mut headers = HeaderMap::new();
        take_over.finish(moved, &mut headers).await;
        for line in headers.get_all(SET_COOKIE) {
            let line = header::HeaderValue::from_bytes(line.as_bytes())?;
            response.headers_mut().append(header::SET_COOKIE, line);
        }
        let no_store = header::HeaderValue::from_static("no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, no_store);
    }
    Ok(response)
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
        let texts: HashMap<String, String> = from_json(&record)?;
        let values = texts.into_iter();
        let values = values.map(|(name, text)| Ok((name, from_json(&text)?)));
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

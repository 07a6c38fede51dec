#![doc = include_str!("../../docs/moving/README.md")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, COOKIE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde_json::Value;
use session_store::backend::steps::{InsertOutcome, InsertRequest};
use session_store::{
    FieldName, Fields, NewSession, SessionBackend, SessionId, SessionPolicy, SessionRecord,
};
use sha2::Sha256;

/// How long the old cookie still finds a session that has been moved: for requests that were sent
/// before the browser had the new cookie.
const GRACE_SECONDS: i64 = 60;

/// How many ids of one request are looked at: as many as the session layer looks at.
pub const MOST_IDS: usize = 3;

/// How long browsers keep a cookie at most.
const LONGEST_KEPT: Duration = Duration::from_secs(400 * 86_400);

/// Why the old store or the new one could not do it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The old library's sessions.
pub trait OldSessions: Send + Sync + 'static {
    /// The name of their cookie.
    fn cookie(&self) -> &str;

    /// What names the session of this cookie; `None` where the value is not genuine.
    fn key(&self, value: &str, headers: &HeaderMap) -> Option<String>;

    /// What the session becomes; `None` where there is none of this key.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<NewSession>, Error>> + Send;

    /// Ends the session in one atomic step; whether this call has ended it.
    fn end(&self, key: &str) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// Moves sessions of the old library into a backend.
pub struct TakeOver<O> {
    /// The old library's sessions.
    pub old: O,
    /// Where they go.
    pub backend: Arc<dyn SessionBackend>,
    /// The name of the new cookie.
    pub cookie: &'static str,
    /// Whether that cookie is `persistent()`. A log-in that says so itself decides for its session.
    pub is_persistent: bool,
    /// 32 random bytes, the same in all processes. With them an old session's key becomes the new
    /// session's id, so that requests side by side move it to one place.
    pub secret: [u8; 32],
}

/// The middleware: `axum::middleware::from_fn_with_state(take_over, move_session::<Old>)`, around
/// the `SessionLayer`.
pub async fn move_session<O: OldSessions>(
    State(take_over): State<Arc<TakeOver<O>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let moved = match take_over.begin(request.headers_mut()).await {
        Ok(moved) => moved,
        Err(error) => {
            tracing::error!(error, "an old session cannot be moved");
            return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response();
        }
    };
    let mut response = next.run(request).await;
    if let Some(moved) = moved {
        take_over.finish(moved, response.headers_mut()).await;
    }
    response
}

/// A request that brought a genuine old cookie: the id of its session in the new store, if the
/// browser is to have it.
pub struct Moved(Option<SessionId>);

impl<O: OldSessions> TakeOver<O> {
    /// Before the request is handled: puts the new cookie in the place of the old one.
    pub async fn begin(&self, headers: &mut HeaderMap) -> Result<Option<Moved>, Error> {
        let mut old = values(headers, self.old.cookie());
        let key = old.find_map(|value| self.old.key(value, headers));
        drop(old);
        let Some(key) = key else {
            return Ok(None);
        };
        let new = values(headers, self.cookie).filter_map(|value| SessionId::parse(value).ok());
        for id in new.take(MOST_IDS).collect::<Vec<_>>() {
            // After a time with the old library again, a browser may have both.
            if self.backend.peek_session(&id).await?.is_some() {
                return Ok(Some(Moved(None)));
            }
        }
        let id = self.id_of(&key)?;
        if !self.take(&key, &id).await? {
            return Ok(Some(Moved(None)));
        }
        let names = [self.old.cookie(), self.cookie];
        let mut pairs: Vec<_> = pairs(headers)
            .filter(|(name, _)| !names.contains(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.push(format!("{}={}", self.cookie, id.expose()));
        headers.insert(COOKIE, HeaderValue::try_from(pairs.join("; "))?);
        Ok(Some(Moved(Some(id))))
    }

    /// Moves the session if it is still there. Whether the old cookie may stand for the new id.
    async fn take(&self, key: &str, id: &SessionId) -> Result<bool, Error> {
        let old = self.old.read(key).await?;
        let was_there = old.is_some();
        if let Some(new) = old {
            let insert = InsertRequest::new(self.backend.policy(), id.clone(), new)?;
            match self.backend.insert(&insert).await? {
                InsertOutcome::Inserted(_) => {
                    let ended = self.old.end(key).await;
                    // The old session was ended since it was read, or may have been: what was
                    // created of it could undo a log-out.
                    if !matches!(ended, Ok(true)) {
                        self.backend.delete_session(id).await?;
                    }
                    ended?;
                }
                // A request beside this one has moved it.
                InsertOutcome::IdTaken => {}
                _ => return Err("the user has as many sessions as allowed".into()),
            }
        }
        let Some(record) = self.backend.peek_session(id).await? else {
            // Ended, or rotated by a log-in: the session layer knows what to do with such an id.
            return Ok(true);
        };
        if is_within_grace(&record, self.backend.policy()) {
            return Ok(true);
        }
        // Whoever moved it may have been killed before it ended the old one.
        Ok(was_there && self.old.end(key).await?)
    }

    /// When the request has been handled: removes the old cookie, and sets the new one if the
    /// session still has this id. After a log-in or log-out the session layer has done that.
    pub async fn finish(&self, moved: Moved, headers: &mut HeaderMap) {
        let mut lines = vec![format!("{}=; Path=/; Max-Age=0", self.old.cookie())];
        if let Moved(Some(id)) = moved {
            match self.backend.peek_session(&id).await {
                Ok(Some(record)) => lines.push(self.line(&id, &record)),
                Ok(None) => {}
                // The next request brings the old cookie again.
                Err(_) => return,
            }
        }
        for line in lines {
            if let Ok(line) = HeaderValue::try_from(line) {
                headers.append(SET_COOKIE, line);
            }
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }

    fn line(&self, id: &SessionId, record: &SessionRecord) -> String {
        let (name, id) = (self.cookie, id.expose());
        let mut line = format!("{name}={id}; Path=/; Secure; HttpOnly; SameSite=Lax");
        if record.persistent().unwrap_or(self.is_persistent) {
            let deadline = record.deadline().map(|deadline| deadline.to_system_time());
            let left = deadline.and_then(|it| it.duration_since(SystemTime::now()).ok());
            let age = left.unwrap_or(LONGEST_KEPT).as_secs();
            line.push_str(&format!("; Max-Age={age}"));
        }
        line
    }

    fn id_of(&self, key: &str) -> Result<SessionId, Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)?;
        mac.update(key.as_bytes());
        Ok(SessionId::from_bytes(&mac.finalize().into_bytes().into()))
    }
}

/// A record's JSON. The error says where it is not as expected, and no word of what is there.
pub fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        let (kind, column) = (error.classify(), error.column());
        format!("an old record is not as expected: {kind:?}, column {column}").into()
    })
}

/// Fields from JSON: text as it is, other values as their JSON, null as no field. A name that the
/// store reserves (`created_at`, say) or that is too long is left out.
pub fn fields(values: impl IntoIterator<Item = (String, Value)>) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in values {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        if let Ok(name) = FieldName::new(name) {
            fields.insert(name, value.into());
        }
    }
    fields
}

fn is_within_grace(record: &SessionRecord, policy: &SessionPolicy) -> bool {
    let now = policy.now().unix_seconds();
    let created = record.created_at().map(|created| created.unix_seconds());
    created.is_some_and(|created| now - created <= GRACE_SECONDS)
}

/// The values of the cookies of this name.
pub fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    pairs(headers)
        .filter(move |(cookie, _)| *cookie == name)
        .map(|(_, value)| value)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

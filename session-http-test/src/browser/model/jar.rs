//! The one cookie that a browser has of the server (RFC 6265, as far as these lines need it).

use std::time::Duration;

use http::HeaderMap;
use http::header::SET_COOKIE;
use session_core::SessionId;

pub const NAME: &str = "__Host-id";

/// What a response says of the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Set(SessionId, Option<Duration>),
    Clear,
}

#[derive(Debug, Default)]
pub struct Jar(Option<(SessionId, Option<Duration>)>);

impl Line {
    /// The line in these headers, if there is one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(SET_COOKIE).iter();
        let line = lines.next()?.to_str().expect("a text");
        assert!(lines.next().is_none(), "one cookie, one line");
        let mut parts = line.split("; ");
        let (name, value) = parts.next()?.split_once('=').expect("a name and a value");
        assert_eq!(name, NAME);
        let max_age = parts.find_map(|part| part.strip_prefix("Max-Age="));
        let max_age = max_age.map(|age| Duration::from_secs(age.parse().expect("seconds")));
        if max_age == Some(Duration::ZERO) {
            return Some(Self::Clear);
        }
        let id = SessionId::parse(value).expect("an id");
        Some(Self::Set(id, max_age))
    }
}

impl Jar {
    /// A response with this line arrives.
    pub fn receive(&mut self, line: Option<&Line>, now: Duration) {
        match line {
            Some(Line::Set(id, max_age)) => {
                self.0 = Some((id.clone(), max_age.map(|age| now + age)));
            }
            Some(Line::Clear) => self.0 = None,
            None => {}
        }
    }

    /// What a request takes along.
    pub fn cookie(&self, now: Duration) -> Option<SessionId> {
        let (id, ends) = self.0.as_ref()?;
        ends.is_none_or(|ends| now < ends).then(|| id.clone())
    }
}

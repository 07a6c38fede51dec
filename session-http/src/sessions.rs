//! Sessions over HTTP: what an adapter of a framework is built with.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use session_core::SessionBackend;

use crate::cookie::{Presented, SessionCookie};
use crate::request::RequestSession;
use crate::session::Session;

/// How long clients are told to wait when the store fails, unless it is set.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Sessions over HTTP, for an adapter of a web framework: what it is built with, and what opens
/// each request's session. A clone shares all of it.
///
/// | setting | default |
/// |---|---|
/// | [`with_cookie`](Self::with_cookie) | `__Host-id`, until the browser ends |
/// | [`with_retry_after`](Self::with_retry_after) | 5 s |
/// | [`with_undecodable`](Self::with_undecodable) | an error |
///
/// The [front page](crate) has an adapter, whole.
#[derive(Debug, Clone)]
pub struct SessionHttp {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) backend: Arc<dyn SessionBackend>,
    pub(crate) cookie: SessionCookie,
    pub(crate) retry_after: Duration,
    pub(crate) undecodable: Undecodable,
}

/// What becomes of a field that is read as a type whose value it is not, because another version of
/// the application or another program has written it.
///
/// A type that no field can be read as, whatever it holds, is an error in each case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Undecodable {
    /// The read fails with [`SessionError::Decode`](crate::SessionError::Decode), and the field
    /// stays.
    #[default]
    Error,
    /// The field is absent, and is removed with the request's changes; a warning in the log names
    /// it. Of a struct it is the one member that is absent. What another request writes to the
    /// field meanwhile is removed, too. A [`ReadSession`](crate::ReadSession) removes nothing.
    Remove,
}

impl SessionHttp {
    /// Sessions of this backend, with the default cookie.
    pub fn new(backend: Arc<dyn SessionBackend>) -> Self {
        let settings = Arc::new(Settings::new(backend));
        Self { settings }
    }

    /// The cookie that the session's id travels in. One that is not `Secure` is warned of in the
    /// log.
    #[must_use]
    pub fn with_cookie(mut self, cookie: SessionCookie) -> Self {
        if !cookie.is_secure() {
            tracing::warn!(
                cookie = cookie.name(),
                "the session cookie is sent over plain HTTP: for development only"
            );
        }
        Arc::make_mut(&mut self.settings).cookie = cookie;
        self
    }

    /// The `Retry-After` of a 503 that has none, rounded up to whole seconds.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        Arc::make_mut(&mut self.settings).retry_after = retry_after;
        self
    }

    /// What becomes of a field that is read as a type whose value it is not.
    #[must_use]
    pub fn with_undecodable(mut self, undecodable: Undecodable) -> Self {
        Arc::make_mut(&mut self.settings).undecodable = undecodable;
        self
    }

    /// Opens the session of a request by its headers. Asks nothing of the backend.
    ///
    /// `outer` is the session that an adapter further outside has opened for the same request, if
    /// one has: what is in the request's extensions.
    pub fn open(&self, headers: &HeaderMap, outer: Option<Session>) -> RequestSession {
        let presented = Presented::in_headers(headers, self.settings.cookie.name());
        let settings = Arc::clone(&self.settings);
        RequestSession::new(Session::new(settings, presented, outer))
    }
}

impl Settings {
    pub(crate) fn new(backend: Arc<dyn SessionBackend>) -> Self {
        Self {
            backend,
            cookie: SessionCookie::default(),
            retry_after: RETRY_AFTER,
            undecodable: Undecodable::default(),
        }
    }

    pub(crate) fn retry_after_seconds(&self) -> u64 {
        let begun = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(begun)
    }
}

//! Sessions over HTTP: what an adapter of a framework is built with.

use std::sync::Arc;
use std::time::Duration;

use session_core::SessionBackend;

use crate::cookie::SessionCookie;
use crate::head::Headers;
use crate::incident::Incident;
use crate::request::RequestSession;
use crate::session::Session;
use crate::session_header::SessionHeader;
use crate::state::State;
use crate::transport::Transport;
use crate::watch::WatchedSessions;

/// How long clients are told to wait when the store fails, unless it is set.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Sessions over HTTP, for an adapter of a web framework: what it is built with, and what opens
/// each request's session. A clone shares all of it.
///
/// | setting | default |
/// |---|---|
/// | [`with_cookie`](Self::with_cookie) | `__Host-id`, until the browser ends |
/// | [`with_header`](Self::with_header) | a cookie instead |
/// | [`with_retry_after`](Self::with_retry_after) | 5 s |
/// | [`with_undecodable`](Self::with_undecodable) | an error |
/// | [`with_watch_interval`](Self::with_watch_interval) | 5 s |
///
/// The [front page](crate) has an adapter, whole.
#[derive(Debug, Clone)]
pub struct SessionHttp {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) backend: Arc<dyn SessionBackend>,
    pub(crate) transport: Transport,
    pub(crate) retry_after: Duration,
    pub(crate) incident: Arc<Incident>,
    pub(crate) undecodable: Undecodable,
    pub(crate) watched: Arc<WatchedSessions>,
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

    /// The cookie that the session's id travels in; no header, then. One that is not `Secure` is
    /// warned of in the log.
    #[must_use]
    pub fn with_cookie(mut self, cookie: SessionCookie) -> Self {
        if !cookie.is_secure() {
            tracing::warn!(
                cookie = cookie.name(),
                "the session cookie is sent over plain HTTP: for development only"
            );
        }
        Arc::make_mut(&mut self.settings).transport = Transport::Cookie(cookie);
        self
    }

    /// The headers that the session's id travels in; no cookie, then. For clients that are
    /// programs.
    #[must_use]
    pub fn with_header(mut self, header: SessionHeader) -> Self {
        Arc::make_mut(&mut self.settings).transport = Transport::Header(header);
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

    /// How often a session is looked at that open connections [watch](crate::Watch), give or take
    /// 15 %; 100 ms at least, an hour at most. That it was ended is known so much later. (That it
    /// expired is known at once.)
    #[must_use]
    pub fn with_watch_interval(mut self, interval: Duration) -> Self {
        Arc::make_mut(&mut self.settings).watched = Arc::new(WatchedSessions::new(interval));
        self
    }

    /// Opens the session of a request by its headers. Asks nothing of the backend.
    ///
    /// The lines that hold the session's cookie or header are marked as sensitive, so that their
    /// `Debug` shows no id.
    ///
    /// `outer` is the session that an adapter further outside has opened for the same request, if
    /// one has: what is in the request's extensions. One whose id comes from the same cookie or
    /// header, and that has the same backend, is the same session, and stays the outer adapter's to
    /// commit.
    pub fn open(&self, headers: &mut impl Headers, outer: Option<Session>) -> RequestSession {
        let transport = &self.settings.transport;
        for around in outer.iter().flat_map(Session::and_outer) {
            let theirs = &around.settings().transport;
            if !theirs.shares_name(transport) {
                continue;
            }
            if theirs.reads_same(transport) && Arc::ptr_eq(around.backend(), &self.settings.backend)
            {
                return RequestSession::of_outer(around.clone());
            }
            self.settings.incident.report_shared_name(transport.name());
        }
        let (presented, former) = transport.read(headers);
        let settings = Arc::clone(&self.settings);
        RequestSession::new(Session::new(settings, State::new(presented, former), outer))
    }
}

impl Settings {
    pub(crate) fn new(backend: Arc<dyn SessionBackend>) -> Self {
        Self {
            backend,
            transport: Transport::Cookie(SessionCookie::default()),
            retry_after: RETRY_AFTER,
            incident: Arc::default(),
            undecodable: Undecodable::default(),
            watched: Arc::new(WatchedSessions::new(WatchedSessions::DEFAULT_INTERVAL)),
        }
    }

    pub(crate) fn retry_after_seconds(&self) -> u64 {
        let begun = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(begun)
    }
}

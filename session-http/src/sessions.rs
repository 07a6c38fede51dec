//! Sessions over HTTP: what an adapter of a framework is built with.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use session_core::SessionBackend;

use crate::cookie::{Presented, SessionCookie, mark_sensitive};
use crate::incident::Incident;
use crate::request::RequestSession;
use crate::session::Session;
use crate::state::{Former, State};

/// How long clients are told to wait when the store fails, unless it is set.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Sessions over HTTP, for an adapter of a web framework: what it is built with, and what opens
/// each request's session. A clone shares all of it.
///
/// | setting | default |
/// |---|---|
/// | [`with_cookie`](Self::with_cookie) | `__Host-id`, until the browser ends |
/// | [`with_former_cookie`](Self::with_former_cookie) | none |
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
    pub(crate) former_cookies: Vec<SessionCookie>,
    pub(crate) retry_after: Duration,
    pub(crate) incident: Arc<Incident>,
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

    /// A cookie that earlier versions of the application used: another name, or the same name with
    /// other attributes. So a cookie can be renamed, and its scope changed, without logging anybody
    /// out.
    ///
    /// A former name is read only where the present one is absent. When the handler uses the
    /// session, its id is rotated in the same request, the new one sent under the present name, and
    /// the former cookie cleared. Where one name has several values, as after a change of its
    /// scope, the session that lives counts.
    #[must_use]
    pub fn with_former_cookie(mut self, cookie: SessionCookie) -> Self {
        Arc::make_mut(&mut self.settings)
            .former_cookies
            .push(cookie);
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
    /// The lines that hold the session's cookie are marked as sensitive, so that their `Debug`
    /// shows no id.
    ///
    /// `outer` is the session that an adapter further outside has opened for the same request, if
    /// one has: what is in the request's extensions. One of the same cookie's name and the same
    /// backend is the same session, and stays the outer adapter's to commit.
    pub fn open(&self, headers: &mut HeaderMap, outer: Option<Session>) -> RequestSession {
        let cookie = &self.settings.cookie;
        let same_name = outer.as_ref().and_then(|outer| outer.called(cookie.name()));
        if let Some(same) = same_name {
            if Arc::ptr_eq(same.backend(), &self.settings.backend) {
                return RequestSession::of_outer(same.clone());
            }
            self.settings.incident.report_shared_cookie(cookie.name());
        }
        mark_sensitive(headers, cookie.name());
        let mut presented = Presented::in_headers(headers, cookie.name());
        let mut former = Former::Nowhere;
        for cookie in &self.settings.former_cookies {
            let found = Presented::in_headers(headers, cookie.name());
            if found == Presented::Nothing {
                continue;
            }
            mark_sensitive(headers, cookie.name());
            former = former.max(Former::Beside);
            if presented == Presented::Nothing {
                (presented, former) = (found, Former::Instead);
            }
        }
        let settings = Arc::clone(&self.settings);
        RequestSession::new(Session::new(settings, State::new(presented, former), outer))
    }
}

impl Settings {
    pub(crate) fn new(backend: Arc<dyn SessionBackend>) -> Self {
        Self {
            backend,
            cookie: SessionCookie::default(),
            former_cookies: Vec::new(),
            retry_after: RETRY_AFTER,
            incident: Arc::default(),
            undecodable: Undecodable::default(),
        }
    }

    pub(crate) fn retry_after_seconds(&self) -> u64 {
        let begun = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(begun)
    }
}

//! The request's handle to its session.

mod changes;
mod compare;
mod counters;
mod devices;
mod reads;
mod saving;
mod testing;
mod watching;

pub(crate) use self::changes::unless_unencodable;
pub use self::counters::Counted;

use std::fmt;
use std::sync::Arc;

use http::Extensions;
use session_core::{PublicId, SessionBackend, SessionId};

use crate::conversation::Conversation;
use crate::error::SessionError;
use crate::operations::Operations;
use crate::sessions::Settings;
use crate::state::{State, View};

/// The session of one request.
///
/// The session layer (the adapter of the framework) puts one into the extensions of each request;
/// with the feature `axum` or `actix` it is an extractor. It is not generic, and a clone is another
/// handle to the same session.
///
/// # Nothing is asked before it is needed
/// A handler that does not touch its session costs nothing, and an anonymous visitor for whom
/// nothing is set has no session. The first read loads the session; further reads are answered
/// from what was loaded.
///
/// # Changes are one step
/// [`insert`](Self::insert), [`remove`](Self::remove), [`set_ttl`](Self::set_ttl),
/// [`log_in`](Self::log_in), [`rotate`](Self::rotate), [`destroy`](Self::destroy) wait until the
/// handler has answered; then all of them are applied in one atomic step, before the
/// response headers are sent, whatever its status. Reads see them at once. [`save`](Self::save)
/// applies them earlier, [`discard`](Self::discard) forgets them. [`increment`](Self::increment) is
/// applied at once, because its answer is another request's business, too.
///
/// When the handler panics or the request is dropped, the changes that wait are dropped. To change
/// the session after that is an error,
/// [`SessionError::Committed`](crate::SessionError::Committed); to read it asks the store again.
/// What goes on after the response headers, as a WebSocket does, [watches](Self::watch) it.
///
/// # Waiting
/// The operations of one request follow each other, and each ends within the backend's
/// [deadline](SessionBackend::deadline). An operation belongs to the request and not to its future:
/// whoever waits drives those before it. So a future may be polled once and kept, dropped, or moved
/// into the response's body: it holds up neither another operation nor the commit, and what has
/// begun is ended by the commit at the latest.
///
/// # What a request costs
/// | the handler | round trips |
/// |---|---|
/// | does not touch the session, or the visitor has none and sets nothing | 0 |
/// | reads | 1 |
/// | changes, logs in, rotates, or destroys | 1 (2 when it begins another session) |
/// | increments | 1 each |
/// | reads and changes | 2 |
///
/// And one more where the browser sends several values of the cookie: they are looked at first.
///
/// # When the session is gone
/// A session can expire or be revoked at any moment, and another request of the same browser can
/// log in or rotate it. If this request had seen it alive, or its id is known as rotated, the
/// changes are dropped: nothing is recreated. [`save`](Self::save) and
/// [`increment`](Self::increment) then fail with [`SessionError::ChangesDropped`]; the commit
/// leaves the response as it is, with [`ChangesDropped`](crate::ChangesDropped) in its extensions.
/// If it never had (it only wrote), what it set goes into a new session under a fresh id. A log-in
/// brings all that it needs: it begins a session in each case. An id that the client made up is
/// never adopted.
///
/// The browser's cookie belongs to the newest response: it is set only by a request that created or
/// rotated a session, and cleared only by one that ended a session (a log-out), or that was given a
/// value that can never be one. A log-out with an id that was rotated a short while ago ends the
/// session that it has become, unless the principal changed with the rotation; the cookie is
/// cleared in each case.
///
/// So requests that overlap a log-in, of whatever kind, leave its cookie alone, but for log-outs
/// and those that set a cookie for a session of their own; then the response that arrives last
/// decides. Such are another log-in, a rotation that was applied before the log-in, and a write of
/// a request that had no session: it was sent without a cookie, or with one of a session that
/// ended.
///
/// A short while is the
/// [tombstone's lifetime](session_core::SessionPolicy::with_tombstone_lifetime), 10 seconds unless
/// set. To a request that is under way for longer the rotated id is one that nobody knows: a write
/// that had not seen the session alive begins a new one, and its cookie takes the newer one's
/// place; a log-out clears the cookie and ends no session.
///
/// # Example
/// ```
/// use session_http::{Session, SessionError};
///
/// async fn visits(session: Session) -> Result<String, SessionError> {
///     let visits = session.increment("visits", 1).await?;
///     let name: Option<String> = session.get("name").await?;
///     let name = name.as_deref().unwrap_or("Guest");
///     Ok(format!("{name}, this is your visit number {visits}."))
/// }
/// ```
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    /// Apart from the handle, so that an operation under way does not keep itself alive.
    conversation: Arc<Conversation>,
    operations: Operations,
    /// The handle of the session layer around this one's layer.
    outer: Option<Session>,
}

/// Whether there is a session, as far as the request can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Presence {
    /// The request brought no usable id.
    Absent,
    /// The request named a session that is no more: expired, ended, revoked, or never there.
    NotFound,
    /// The request named a session that another request has given a new id a short while ago, by a
    /// rotation or a log-in: the client has a newer id, or is about to get it.
    Rotated,
    /// There is a live session.
    Live,
}

impl Session {
    pub(crate) fn new(settings: Arc<Settings>, state: State, outer: Option<Session>) -> Self {
        Self {
            shared: Arc::new(Shared {
                conversation: Arc::new(Conversation::new(settings, state)),
                operations: Operations::default(),
                outer,
            }),
        }
    }

    /// The session of a request, found in the request's extensions: that of the innermost layer.
    ///
    /// ```
    /// use session_http::Session;
    ///
    /// let request = http::Request::new(());
    /// // No session layer has seen this request.
    /// assert!(Session::of(request.extensions()).is_none());
    /// ```
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    /// The session whose cookie or header has this name, where an application has several session
    /// layers; the innermost, if several have.
    pub fn named(extensions: &Extensions, name: &str) -> Option<Self> {
        extensions.get::<Self>()?.named_here(name)
    }

    /// The innermost of this one and those around it whose cookie or header has this name.
    pub(crate) fn named_here(&self, name: &str) -> Option<Self> {
        let mut sessions = self.and_outer();
        sessions
            .find(|session| session.settings().transport.is_called(name))
            .cloned()
    }

    /// This session and those of the layers around this one's, from the inside out.
    pub(crate) fn and_outer(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.outer_sessions())
    }

    /// The sessions of the layers around this one's, from the inside out.
    pub(crate) fn outer_sessions(&self) -> impl Iterator<Item = &Self> {
        let around = self.shared.outer.as_ref();
        std::iter::successors(around, |session| session.shared.outer.as_ref())
    }

    /// The name of the cookie, or of the request's header, that this session's id travels in:
    /// `authorization` for a bearer token.
    pub fn name(&self) -> &str {
        self.settings().transport.name()
    }

    /// The backend: to list and revoke a principal's sessions, for a readiness check, and to
    /// work on a session after the response headers are sent.
    pub fn backend(&self) -> &Arc<dyn SessionBackend> {
        &self.settings().backend
    }

    /// The session's id, if the backend has said in this request that the session lives. It is the
    /// secret itself; show people the [`public_id`](Self::public_id).
    ///
    /// Asks nothing. Before a rotation is applied this is the old id.
    pub fn id(&self) -> Option<SessionId> {
        self.used(|state| state.live_id().cloned())
    }

    /// Names a session that is bound to a principal without opening it: what may be shown and
    /// logged, what lists show, and what [`revoke_session`](SessionBackend::revoke_session) takes.
    ///
    /// Asks nothing: it is known once the session is loaded, and until this request changes the
    /// session. A log-in of this request gives another one.
    pub fn public_id(&self) -> Option<PublicId> {
        self.used(|state| state.public_id())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.conversation.settings
    }

    pub(crate) fn conversation(&self) -> &Arc<Conversation> {
        &self.shared.conversation
    }

    pub(crate) fn operations(&self) -> &Operations {
        &self.shared.operations
    }

    /// Runs an operation that changes the session, after all that were asked for before.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> impl Future<Output = Result<T, SessionError>> {
        let outcome = self.shared.operations.run(operation);
        async {
            let outcome = outcome.await;
            // The handler knows what failed: the commit need not tell.
            self.with(|state| state.unreported = None);
            outcome
        }
    }

    /// Looks at the state or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        self.shared.conversation.with(look)
    }

    /// Looks at the state to change it, on behalf of the handler, unless it is too late.
    pub(crate) fn open<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, SessionError> {
        self.used(|state| match state.is_closed {
            true => Err(SessionError::Committed),
            false => Ok(change(state)),
        })
    }

    /// As [`Session::with`], on behalf of the handler: the response now depends on the id.
    pub(crate) fn used<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        self.with(|state| {
            state.is_used = true;
            look(state)
        })
    }
}

/// A handle that a panic drops takes the request's waiting changes with it, even where a layer
/// inside this one turns the panic into a response.
impl Drop for Session {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.with(|state| state.is_panicked = true);
        }
    }
}

/// Shows no id and no value.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (view, changes, is_committed) = self.with(|state| {
            let view = match state.view {
                View::Absent => "absent",
                View::Unasked(_) | View::Several => "not asked for yet",
                View::Live(_) => "live",
                View::Ended(..) => "ended or rotated",
            };
            let changes = state.changes.waiting.delta.changes().len();
            (view, changes, state.is_closed)
        });
        f.debug_struct("Session")
            .field("name", &self.name())
            .field("view", &view)
            .field("pending_changes", &changes)
            .field("is_committed", &is_committed)
            .finish_non_exhaustive()
    }
}

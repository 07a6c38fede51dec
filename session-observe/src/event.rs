//! What becomes of sessions, for whoever wants to know.

use std::fmt;

use session_core::{Principal, PublicId};

/// Is called when a session is created, bound, rotated or ended through an
/// [`Observed`](crate::Observed) backend: for audit logs, and for counting who is logged in.
///
/// It is called by the operation, before the operation returns: it must not block, and what it
/// wants to write it gives to a task of its own.
///
/// It is called for what the store acknowledged, and, as an event of its own
/// ([`SessionEvent::Unknown`]), for what nobody knows. It is never called for what the store does
/// not say:
///
/// - **expiry**, by the TTL or the deadline: a session that nobody uses any longer ends in the
///   store without a word;
/// - the sessions that end because a principal may have no more of them
///   ([`OnExcess::EvictOldest`](session_core::OnExcess::EvictOldest));
/// - what other processes do, other clients of the store, and operators.
///
/// ```
/// use session_observe::{SessionEvent, SessionObserver};
///
/// #[derive(Debug)]
/// struct Audit;
///
/// impl SessionObserver for Audit {
///     fn session_event(&self, event: &SessionEvent<'_>) {
///         if let SessionEvent::Bound { session, .. } = event {
///             // What an audit log needs; `Debug` shows no principal.
///             let who = session.principal.map(|principal| principal.as_str());
///             println!("{}: {who:?} {:?}", event.as_str(), session.public_id);
///         }
///     }
/// }
/// ```
pub trait SessionObserver: fmt::Debug + Send + Sync + 'static {
    /// Something has become of a session.
    fn session_event(&self, event: &SessionEvent<'_>);
}

/// What has become of a session.
///
/// No event holds a session's id or a value. Principals are there as values, for audit logs, and in
/// no text: `Debug` shows their length. Public ids may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent<'a> {
    /// It was created. If by a log-in, `Bound` follows.
    #[non_exhaustive]
    Created {
        /// The session.
        session: EventSession<'a>,
    },
    /// It was bound to a principal: a log-in.
    #[non_exhaustive]
    Bound {
        /// The session, under its new public id.
        session: EventSession<'a>,
    },
    /// It was unbound: it lives on and is nobody's.
    #[non_exhaustive]
    Unbound {
        /// The session.
        session: EventSession<'a>,
    },
    /// It got another id. If by a log-in, `Bound` follows.
    #[non_exhaustive]
    Rotated {
        /// The session.
        session: EventSession<'a>,
    },
    /// One or several were ended: a log-out, or a revocation.
    #[non_exhaustive]
    Ended {
        /// The session; of several, whose they were.
        session: EventSession<'a>,
        /// How many. A revocation of very many is several events.
        count: u64,
    },
    /// A change was refused by a limit or a full store, and nothing was changed. What an
    /// application has to decide itself (a conflict, a counter that is none) is no such event.
    #[non_exhaustive]
    Refused {
        /// The change.
        change: SessionChange,
        /// Why.
        reason: RefusalReason,
        /// The session.
        session: EventSession<'a>,
    },
    /// Nobody knows whether a change was made: the reply was lost, or the operation was dropped
    /// before its end.
    #[non_exhaustive]
    Unknown {
        /// The change.
        change: SessionChange,
        /// The session.
        session: EventSession<'a>,
    },
}

impl SessionEvent<'_> {
    /// The event's name, as a log field would have it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Bound { .. } => "bound",
            Self::Unbound { .. } => "unbound",
            Self::Rotated { .. } => "rotated",
            Self::Ended { .. } => "ended",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The session that an event is about, as far as the step knew it. `Debug` shows no principal.
///
/// A log-out by the session's id knows neither; one by public id both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EventSession<'a> {
    /// Whose it is, or was.
    pub principal: Option<&'a Principal>,
    /// What lists and operators call it.
    pub public_id: Option<PublicId>,
}

/// A change in the life of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionChange {
    /// A session begins.
    Create,
    /// It is bound to a principal, created or rotated in the same step perhaps.
    Bind,
    /// It is unbound.
    Unbind,
    /// It gets another id.
    Rotate,
    /// Its fields change, or its TTL.
    Update,
    /// It ends.
    End,
}

impl SessionChange {
    /// The change's name, as a log field would have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Bind => "bind",
            Self::Unbind => "unbind",
            Self::Rotate => "rotate",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}

/// Why a change was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The principal has as many sessions as it may.
    TooManySessions,
    /// The session would be larger than the policy allows.
    LimitExceeded,
    /// The store's memory is full.
    StoreFull,
}

impl RefusalReason {
    /// The reason's name, as a log field would have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooManySessions => "too_many_sessions",
            Self::LimitExceeded => "limit_exceeded",
            Self::StoreFull => "store_full",
        }
    }
}

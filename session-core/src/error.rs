//! The one error type.

use std::error::Error as StdError;
use std::fmt;

use crate::field::ReservedFieldName;
use crate::id::{InvalidSessionHandle, InvalidSessionId};
use crate::limits::Limit;
use crate::page::{InvalidPageCursor, InvalidPageSize};
use crate::principal::InvalidPrincipal;
use crate::ttl::InvalidTtl;

/// Why an operation failed: a [`kind`](Error::kind), the [`operation`](Error::operation), what is
/// known of its [`effect`](Error::effect), and the source.
///
/// Absent, expired, invalid and revoked sessions are values (`None`, `false`), never errors.
/// No text of an error holds an id, a value or a password.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    effect: Effect,
    operation: Option<Operation>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller named a reserved field.
    ReservedField,
    /// Not whole seconds from 1 to `u32::MAX`.
    InvalidTtl,
    /// Not a session id.
    InvalidSessionId,
    /// Not a session handle.
    InvalidSessionHandle,
    /// Not a principal.
    InvalidPrincipal,
    /// Not a place where a page of this store begins.
    InvalidCursor,
    /// Not the size of a page.
    InvalidPageSize,
    /// A name, a value or the session would be larger than its limit. Nothing was changed.
    LimitExceeded(Limit),
    /// A counter's field holds something else than an integer. Nothing was changed.
    NotAnInteger,
    /// A counter would leave the range of `i64`. Nothing was changed.
    Overflow,
    /// The principal has as many sessions as it may. Nothing was changed.
    TooManySessions,
    /// The backend is wrongly configured: an unusable URL, a prefix, a server too old.
    Config,
    /// The server cannot be reached, or says that it cannot serve now. Trying again later may help.
    Unavailable,
    /// The answer did not come within the deadline.
    Timeout,
    /// The store's memory is full. Reads, touches, rotations and deletions still work.
    StoreFull,
    /// The server refuses this client: credentials or rights.
    Denied,
    /// The server's answer cannot be understood.
    CorruptReply,
    /// Fresh ids were drawn several times and each was taken: the randomness is broken.
    IdExhausted,
    /// The operating system gives no randomness.
    Randomness,
    /// The backend does not offer this operation.
    Unsupported,
    /// The server answered with an error that fits no other kind.
    Rejected,
}

/// What is known of a failed operation's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing was changed; it is safe to try again.
    NotApplied,
    /// It may or may not have been applied: the answer was lost.
    Unknown,
}

/// The operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the method of the same name")]
pub enum Operation {
    Connect,
    CreateSession,
    GetSession,
    PeekSession,
    UpdateSession,
    IncrementField,
    RemoveFields,
    SetSessionTtl,
    ConfiguredTtl,
    Ttl,
    DeleteSession,
    RotateSession,
    ListSessions,
    RevokeSession,
    RevokeSessions,
    Ping,
    ListPage,
    CountSessions,
    ConvertSessions,
}

impl Operation {
    /// The operation's name, as a metric label or a log field would have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::CreateSession => "create_session",
            Self::GetSession => "get_session",
            Self::PeekSession => "peek_session",
            Self::UpdateSession => "update_session",
            Self::IncrementField => "increment_field",
            Self::RemoveFields => "remove_fields",
            Self::SetSessionTtl => "set_session_ttl",
            Self::ConfiguredTtl => "configured_ttl",
            Self::Ttl => "ttl",
            Self::DeleteSession => "delete_session",
            Self::RotateSession => "rotate_session",
            Self::ListSessions => "list_sessions",
            Self::RevokeSession => "revoke_session",
            Self::RevokeSessions => "revoke_sessions",
            Self::Ping => "ping",
            Self::ListPage => "list_page",
            Self::CountSessions => "count_sessions",
            Self::ConvertSessions => "convert_sessions",
        }
    }
}

impl Error {
    /// An error of this kind and effect.
    pub fn new(kind: ErrorKind, effect: Effect) -> Self {
        Self(Box::new(Inner {
            kind,
            effect,
            operation: None,
            source: None,
        }))
    }

    /// The same error with the error that caused it. A backend must wrap a client's error whose
    /// text may hold keys or values before it gives it here.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, where more is known of the effect: a step before the one that could change
    /// anything failed.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// The same error, said of this operation. The outermost operation is set last and stays.
    #[must_use]
    pub fn during(mut self, operation: Operation) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is known of the failed operation's effect.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// The operation that failed, if it had begun.
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }
}

impl ErrorKind {
    const fn text(self) -> &'static str {
        match self {
            Self::ReservedField => "the field name is reserved for the session itself",
            Self::InvalidTtl => "not a TTL",
            Self::InvalidSessionId => "not a session id",
            Self::InvalidSessionHandle => "not a session handle",
            Self::InvalidPrincipal => "not a principal",
            Self::InvalidCursor => "not the cursor of a page",
            Self::InvalidPageSize => "not the size of a page",
            Self::LimitExceeded(Limit::NameBytes) => "a field name is too long",
            Self::LimitExceeded(Limit::ValueBytes) => "a field value is too long",
            Self::LimitExceeded(Limit::Fields) => "the session has too many fields",
            Self::LimitExceeded(Limit::SessionBytes) => "the session is too large",
            Self::NotAnInteger => "the field does not hold an integer",
            Self::Overflow => "the counter would overflow",
            Self::TooManySessions => "the principal has too many sessions",
            Self::Config => "the session store is wrongly configured",
            Self::Unavailable => "the session store is unavailable",
            Self::Timeout => "the session store did not answer in time",
            Self::StoreFull => "the session store is full",
            Self::Denied => "the session store refuses this client",
            Self::CorruptReply => "the session store's answer cannot be understood",
            Self::IdExhausted => "no free session id was found",
            Self::Randomness => "the operating system gives no randomness",
            Self::Unsupported => "the session store does not offer this operation",
            Self::Rejected => "the session store rejected the request",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.0.operation {
            write!(f, "{}: ", operation.as_str())?;
        }
        f.write_str(self.0.kind.text())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("effect", &self.0.effect)
            .field("operation", &self.0.operation)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

macro_rules! refused_by_type {
    ($($source:ty => $kind:ident),* $(,)?) => {$(
        impl From<$source> for Error {
            fn from(_: $source) -> Self {
                Self::new(ErrorKind::$kind, Effect::NotApplied)
            }
        }
    )*};
}

refused_by_type! {
    ReservedFieldName => ReservedField,
    InvalidTtl => InvalidTtl,
    InvalidSessionId => InvalidSessionId,
    InvalidSessionHandle => InvalidSessionHandle,
    InvalidPrincipal => InvalidPrincipal,
    InvalidPageCursor => InvalidCursor,
    InvalidPageSize => InvalidPageSize,
}

impl From<Limit> for Error {
    fn from(limit: Limit) -> Self {
        Self::new(ErrorKind::LimitExceeded(limit), Effect::NotApplied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_failed_and_keeps_its_source() {
        let error = Error::new(ErrorKind::Unavailable, Effect::Unknown)
            .with_source("connection refused")
            .during(Operation::GetSession);
        assert_eq!(
            error.to_string(),
            "get_session: the session store is unavailable"
        );
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
        assert_eq!(error.effect(), Effect::Unknown);
    }

    #[test]
    fn refusals_by_type_have_their_kind() {
        assert_eq!(
            Error::from(ReservedFieldName).kind(),
            ErrorKind::ReservedField
        );
        assert_eq!(
            Error::from(Limit::Fields).kind(),
            ErrorKind::LimitExceeded(Limit::Fields)
        );
    }
}

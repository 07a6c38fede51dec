//! The one error type.

use std::error::Error as StdError;
use std::fmt;

/// The result of a session operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
    /// Not a lifetime: whole seconds, 1 to `u32::MAX`.
    InvalidLifetime,
    /// Not a session id.
    InvalidSessionId,
    /// Not a public id.
    InvalidPublicId,
    /// Not a principal.
    InvalidPrincipal,
    /// Not a cursor that this store returns.
    InvalidCursor,
    /// Not the size of a page.
    InvalidPageSize,
    /// A field is not as the change expects it: another request changed it first. Nothing was
    /// changed. Reading the session again, and deciding again, may help.
    Conflict,
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
    /// The reply did not come within the deadline.
    Timeout,
    /// The store's memory is full. Reads, touches, rotations and deletions still work.
    StoreFull,
    /// The server refuses this client: credentials or rights.
    Denied,
    /// The server's reply cannot be understood.
    CorruptReply,
    /// Fresh ids were drawn several times and each was taken: the randomness is broken.
    IdExhausted,
    /// The operating system gives no randomness.
    Randomness,
    /// The backend does not offer this operation, or no single step can do what is asked.
    Unsupported,
    /// The server replied with an error that fits no other kind.
    Rejected,
}

/// What is known of a failed operation's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing was changed; it is safe to try again.
    NotApplied,
    /// It may or may not have been applied: the reply was lost.
    Unknown,
}

/// The operation that failed. Those on a session named by its public id are the same as by its id.
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
            Self::InvalidTtl => "not a valid TTL",
            Self::InvalidLifetime => "not a valid lifetime",
            Self::InvalidSessionId => "not a valid session id",
            Self::InvalidPublicId => "not a valid public id",
            Self::InvalidPrincipal => "not a valid principal",
            Self::InvalidCursor => "not a cursor that this store returned",
            Self::InvalidPageSize => "not a valid page size",
            Self::Conflict => "a field was changed meanwhile: read the session again and retry",
            Self::LimitExceeded(Limit::NameBytes) => "a field name is too long",
            Self::LimitExceeded(Limit::ValueBytes) => "a field value is too long",
            Self::LimitExceeded(Limit::Fields) => "the session has too many fields",
            Self::LimitExceeded(Limit::SessionBytes) => "the session is too large",
            Self::NotAnInteger => "the field does not hold an integer",
            Self::Overflow => "the counter would overflow",
            Self::TooManySessions => "the principal has too many sessions",
            Self::Config => "the session store is wrongly configured",
            Self::Unavailable => "the session store is unavailable",
            Self::Timeout => "the session store did not reply in time",
            Self::StoreFull => "the session store is full",
            Self::Denied => "the session store refuses this client",
            Self::CorruptReply => "the session store's reply cannot be understood",
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

/// Which limit of [`Limits`](crate::Limits) was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::with_name_bytes`](crate::Limits::with_name_bytes).
    #[error("the limit is set by Limits::with_name_bytes")]
    NameBytes,
    /// [`Limits::with_value_bytes`](crate::Limits::with_value_bytes).
    #[error("the limit is set by Limits::with_value_bytes")]
    ValueBytes,
    /// [`Limits::with_fields`](crate::Limits::with_fields).
    #[error("the limit is set by Limits::with_fields")]
    Fields,
    /// [`Limits::with_session_bytes`](crate::Limits::with_session_bytes).
    #[error("the limit is set by Limits::with_session_bytes")]
    SessionBytes,
}

impl From<Limit> for Error {
    fn from(limit: Limit) -> Self {
        Self::new(ErrorKind::LimitExceeded(limit), Effect::NotApplied).with_source(limit)
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
    fn every_refusal_of_a_value_is_an_error() {
        use crate::{FieldName, Lifetime, PageSize, Principal, PublicId, SessionTtl};

        fn kind<T: TryFrom<String, Error: Into<Error>>>(text: &str) -> Option<ErrorKind> {
            let refused = T::try_from(text.to_owned()).err()?;
            Some(refused.into().kind())
        }
        let name = crate::reserved::CREATED_AT;
        assert_eq!(kind::<FieldName>(name), Some(ErrorKind::ReservedField));
        assert_eq!(kind::<Principal>(""), Some(ErrorKind::InvalidPrincipal));
        assert_eq!(kind::<PublicId>("x"), Some(ErrorKind::InvalidPublicId));
        assert_eq!(kind::<SessionTtl>("0"), Some(ErrorKind::InvalidTtl));
        assert_eq!(kind::<Lifetime>("0"), Some(ErrorKind::InvalidLifetime));
        assert_eq!(kind::<PageSize>("0"), Some(ErrorKind::InvalidPageSize));
    }

    #[test]
    fn a_limit_names_its_setting() {
        let error = Error::from(Limit::Fields);
        assert_eq!(error.kind(), ErrorKind::LimitExceeded(Limit::Fields));
        assert_eq!(error.effect(), Effect::NotApplied);
        let source = error.source().unwrap().to_string();
        assert!(source.ends_with("Limits::with_fields"), "{source}");
    }
}

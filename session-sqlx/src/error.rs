//! Why a step failed, and what that means for its caller.

use session_core::{Effect, Error, ErrorKind};

use crate::engine::Engine;

/// What went wrong below a step.
#[derive(Debug)]
pub(crate) enum Failure {
    /// As sqlx says it.
    Sql(sqlx::Error),
    /// As the database's error code says it, or a look at the database.
    Known(Meaning),
}

/// What a failure means.
#[derive(Debug)]
pub(crate) struct Meaning {
    kind: ErrorKind,
    /// Whether the same again, right now, may succeed: nothing was applied.
    is_passing: bool,
    because: Option<Because>,
}

/// What a person can do about it.
#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    allow(dead_code, reason = "each database has some of its own")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Because {
    #[error("the database's encoding is not UTF8: create one with ENCODING 'UTF8'")]
    NotUtf8,
    #[error("the database takes no writes: it is a standby, or may only be read")]
    ReadOnly,
    #[error("the database refuses work, or is starting or stopping")]
    Server,
    #[error(
        "the server, or the SQLite library, is too old: SQLite 3.45 or PostgreSQL 12 is needed"
    )]
    OldServer,
    #[error(
        "the sessions' table is not there: let the backend make it, or apply the SQL of `schema_sql`"
    )]
    NoTable,
    #[error(
        "there is a table or index of this name that is none of the sessions': choose another name"
    )]
    ForeignTable,
    #[error(
        "the sessions' table is older than this library needs: let the backend renew it, or apply \
         the rest of `schema_sql`"
    )]
    OlderSchema,
    #[error("the sessions' table is of a newer version of this library: update the application")]
    NewerSchema,
    #[error("the sessions' table was made by other SQL than this library's of that version")]
    OtherSchema,
    #[error("there is no such database, or the file is none of SQLite's")]
    NoDatabase,
    #[error("the file cannot be opened: look at its path, its folder and their rights")]
    CannotOpen,
    #[error("others have locked the database, for as long as the step may take")]
    Locked,
    #[error("other transactions were in the way, for as long as the step may take")]
    InTheWay,
    #[error("connecting failed a moment ago, and is not tried again yet")]
    JustFailed,
    #[error(
        "all connections were in use for as long as the step may take, and no more can be made"
    )]
    AllInUse,
    #[error("all connections of the pool were in use for as long as the step may take")]
    PoolExhausted,
}

/// The database's own error.
#[derive(Debug, thiserror::Error)]
#[error("{because}: {database} says {code}{message}")]
struct Told {
    because: String,
    database: &'static str,
    code: String,
    message: String,
}

impl Failure {
    fn known(kind: ErrorKind, because: Option<Because>) -> Self {
        Self::Known(Meaning {
            kind,
            is_passing: false,
            because,
        })
    }

    pub(crate) fn config(because: Because) -> Self {
        Self::known(ErrorKind::Config, Some(because))
    }

    pub(crate) fn unavailable(because: Because) -> Self {
        Self::known(ErrorKind::Unavailable, Some(because))
    }

    pub(crate) fn full() -> Self {
        Self::known(ErrorKind::StoreFull, None)
    }

    pub(crate) fn denied() -> Self {
        Self::known(ErrorKind::Denied, None)
    }

    pub(crate) fn timeout() -> Self {
        Self::known(ErrorKind::Timeout, None)
    }

    pub(crate) fn rejected() -> Self {
        Self::known(ErrorKind::Rejected, None)
    }

    /// A row that the backend has not written like this.
    pub(crate) fn corrupt() -> Self {
        Self::known(ErrorKind::CorruptReply, None)
    }

    /// Another transaction was in the way, and the database undid this one.
    pub(crate) fn again(because: Because) -> Self {
        Self::Known(Meaning {
            kind: ErrorKind::Timeout,
            is_passing: true,
            because: Some(because),
        })
    }

    /// Whether a later attempt to connect may succeed.
    pub(crate) fn is_unavailable<E: Engine>(&self) -> bool {
        match self {
            Self::Known(meaning) => meaning.kind == ErrorKind::Unavailable,
            Self::Sql(sqlx::Error::Database(error)) => {
                let known = E::failure(&**error);
                matches!(known, Self::Known(meaning) if meaning.kind == ErrorKind::Unavailable)
            }
            Self::Sql(error) => matches!(error, sqlx::Error::Io(_)),
        }
    }

    pub(crate) fn is_of(&self, because: Because) -> bool {
        matches!(self, Self::Known(meaning) if meaning.because == Some(because))
    }

    /// Whether the same again, right now, may succeed, and why it did not.
    pub(crate) fn passing<E: Engine>(&self) -> Option<Because> {
        let of = |failure: &Self| match failure {
            Self::Known(meaning) if meaning.is_passing => meaning.because,
            _ => None,
        };
        match self {
            Self::Sql(sqlx::Error::Database(error)) => of(&E::failure(&**error)),
            failure => of(failure),
        }
    }

    /// Whether the connection is of no use any more.
    pub(crate) fn is_of_connection<E: Engine>(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Database(error) => match E::failure(&**error) {
                Self::Known(meaning) => {
                    meaning.kind == ErrorKind::Unavailable && !meaning.is_passing
                }
                Self::Sql(_) => false,
            },
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_) => false,
            _ => true,
        }
    }

    /// The error of a step. `lost` is what is known of its effect where no reply came.
    pub(crate) fn into_error<E: Engine>(self, lost: Effect) -> Error {
        let error = match self {
            Self::Known(meaning) => {
                // A row that cannot be read may be one that was changed.
                let effect = match meaning.kind {
                    ErrorKind::CorruptReply => lost,
                    _ => Effect::NotApplied,
                };
                let error = Error::new(meaning.kind, effect);
                return match meaning.because {
                    Some(because) => error.with_source(because),
                    None => error,
                };
            }
            Self::Sql(error) => error,
        };
        match error {
            sqlx::Error::Database(error) => {
                let meaning = match E::failure(&*error) {
                    Self::Known(meaning) => meaning,
                    Self::Sql(_) => return Error::new(ErrorKind::Rejected, Effect::NotApplied),
                };
                let code = error.code().unwrap_or_default().into_owned();
                // Errors about data quote the data.
                let quotes = code.len() == 5 && (code.starts_with("22") || code.starts_with("23"));
                let message = match quotes {
                    true => String::new(),
                    false => format!(" ({})", error.message()),
                };
                // Who ends the connection may have committed before.
                let effect = match meaning.because {
                    Some(Because::Server) => lost,
                    _ => Effect::NotApplied,
                };
                let because = match meaning.because {
                    Some(because) => because.to_string(),
                    None => "the statement failed".to_owned(),
                };
                Error::new(meaning.kind, effect).with_source(Told {
                    because,
                    database: E::DATABASE,
                    code,
                    message,
                })
            }
            sqlx::Error::Io(error) => Error::new(ErrorKind::Unavailable, lost).with_source(error),
            sqlx::Error::Tls(error) => Error::new(ErrorKind::Unavailable, lost).with_source(error),
            sqlx::Error::Configuration(error) => {
                Error::new(ErrorKind::Config, Effect::NotApplied).with_source(error)
            }
            sqlx::Error::PoolTimedOut => Error::new(ErrorKind::Timeout, Effect::NotApplied)
                .with_source(Because::PoolExhausted),
            sqlx::Error::PoolClosed => Error::new(ErrorKind::Unavailable, Effect::NotApplied)
                .with_source("the pool was closed"),
            sqlx::Error::WorkerCrashed => Error::new(ErrorKind::Unavailable, lost)
                .with_source("the thread of the connection has ended"),
            // What these say may quote values.
            sqlx::Error::Encode(_) => Error::new(ErrorKind::Rejected, Effect::NotApplied),
            _ => Error::new(ErrorKind::CorruptReply, lost),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

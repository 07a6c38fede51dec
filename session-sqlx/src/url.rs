//! What a URL can say.

use std::borrow::Cow;

use session_core::{Effect, Error, ErrorKind, Operation};

/// Why a URL means no database for sessions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is not of the form that sqlx takes.
    #[error("not a URL of {0}")]
    Malformed(&'static str),
    /// It names no file of SQLite, nor is it `sqlite::memory:`.
    #[error("the URL names no file of SQLite: expected sqlite:path, or sqlite::memory:")]
    NoFile,
    /// It has no such part. What might be a value is not shown.
    #[error("the URL's part `{0}` is not known, or means nothing with this scheme")]
    UnknownPart(Cow<'static, str>),
}

impl From<InvalidUrl> for Error {
    fn from(invalid: InvalidUrl) -> Self {
        Self::new(ErrorKind::Config, Effect::NotApplied)
            .with_source(invalid)
            .during(Operation::Connect)
    }
}

/// Whether the URL says what can be said behind its question mark: sqlx passes over what it does
/// not know of PostgreSQL's, and logs it, with its value.
pub(crate) fn check(url: &str, known: &[&str]) -> Result<(), InvalidUrl> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let name = part.split('=').next().unwrap_or_default();
        let is_option = name.starts_with("options[") && name.ends_with(']');
        if known.contains(&name) || (is_option && known.contains(&"options")) {
            continue;
        }
        let is_name = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
        let is_shown = name.len() <= 24 && name.bytes().all(is_name);
        return Err(InvalidUrl::UnknownPart(match is_shown {
            true => Cow::Owned(name.to_owned()),
            false => Cow::Borrowed("…"),
        }));
    }
    Ok(())
}

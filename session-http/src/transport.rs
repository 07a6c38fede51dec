//! How a session's id travels between the client and the server.

use crate::change::CookieChange;
use crate::cookie::SessionCookie;
use crate::head::{HeaderLine, Headers};
use crate::presented::Presented;
use crate::session_header::SessionHeader;
use crate::state::Former;

/// One of these, so no layer has both.
#[derive(Debug, Clone)]
pub(crate) enum Transport {
    Cookie(SessionCookie),
    Header(SessionHeader),
}

impl Transport {
    /// The name of the cookie, or of the request's header.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cookie(cookie) => cookie.name(),
            Self::Header(header) => header.name(),
        }
    }

    /// Whether the cookie or the request's header has this name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        match self {
            Self::Cookie(cookie) => cookie.name() == name,
            Self::Header(header) => header.name().eq_ignore_ascii_case(name),
        }
    }

    /// Whether both find the same id in a request.
    pub(crate) fn reads_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cookie(one), Self::Cookie(other)) => one.name() == other.name(),
            (Self::Header(one), Self::Header(other)) => one.name() == other.name(),
            _ => false,
        }
    }

    /// Whether a client could not tell the ids of the two from each other.
    pub(crate) fn shares_name(&self, other: &Self) -> bool {
        let returns_same = match (self, other) {
            (Self::Header(one), Self::Header(other)) => {
                one.returned_name() == other.returned_name()
            }
            _ => false,
        };
        returns_same || self.reads_same(other)
    }

    /// Whether nobody but the server can have given the client what it presents under this name.
    pub(crate) fn is_tamper_proof(&self) -> bool {
        matches!(self, Self::Cookie(cookie) if cookie.name().starts_with("__Host-"))
    }

    /// Whether what is sent depends on the session's deadline.
    pub(crate) fn is_persistent(&self) -> bool {
        matches!(self, Self::Cookie(cookie) if cookie.is_persistent())
    }

    /// What a request says of the session. The lines that say it are marked as sensitive.
    pub(crate) fn read(&self, headers: &mut impl Headers) -> (Presented, Former) {
        match self {
            Self::Cookie(cookie) => cookie.read(headers),
            Self::Header(header) => (header.read(headers), Former::Nowhere),
        }
    }

    /// What the response depends on, for `Vary`.
    pub(crate) fn vary(&self) -> HeaderLine {
        match self {
            Self::Cookie(_) => HeaderLine::Static("Cookie"),
            Self::Header(header) => header.vary(),
        }
    }

    /// Tells the client what becomes of its id.
    pub(crate) fn write(&self, headers: &mut impl Headers, change: &CookieChange, former: Former) {
        match self {
            Self::Cookie(cookie) => cookie.write(headers, change, former),
            Self::Header(header) => header.write(headers, change),
        }
    }
}

//! The headers that carry the session's id of a client without cookies.

use http::HeaderName;
use http::header::AUTHORIZATION;
use session_core::SessionId;

use crate::change::CookieChange;
use crate::head::{HeaderLine, Headers};
use crate::presented::Presented;

/// The headers that carry the session's id in place of a cookie: for clients that are programs.
///
/// | | [`bearer`](Self::bearer) | [`named`](Self::named)`("x-session")` |
/// |---|---|---|
/// | the request says | `Authorization: Bearer …` | `x-session: …` |
/// | the response says | `Session-Id: …` | `Session-Id: …` |
/// | a value that is not a session id | belongs to another authentication: no session, and the request passes | no session, and the response takes it back |
///
/// # What the program does
/// It sends the id with each request. A response with a [`Session-Id`](Self::returned_in) has a new
/// one: of a new session, or of one that was rotated. It replaces the id that the program had. When
/// the request ended the session, the header is empty, and the program forgets its id. As with
/// cookies, a session that is not found changes nothing, and `Cache-Control: no-store` comes with
/// each such header.
///
/// Several ids in one request, in several lines or separated by commas, are looked at as several
/// cookies of one name are: up to three, of which one that lives counts, and no one where several
/// live.
///
/// # Not for scripts in a browser
/// A cookie is [`HttpOnly`](crate::SessionCookie), so no script can give the id away. A header can
/// be read by every script that may read the response: any of the application's own pages, and of
/// other origins those that CORS allows. So keep such a layer from what pages call, and name the
/// header (or `*`) in no `Access-Control-Expose-Headers`.
///
/// ```
/// use session_http::SessionHeader;
///
/// let header = SessionHeader::named("X-Session")?.returned_in("X-Session")?;
/// assert_eq!(header.name(), "x-session");
///
/// assert!(SessionHeader::named("Cookie").is_err());
/// # Ok::<(), session_http::InvalidHeader>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHeader {
    /// `Authorization` means bearer tokens.
    request: HeaderName,
    response: HeaderName,
}

/// Why a header cannot carry the session's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is empty, or holds something else than letters, digits and ``!#$%&'*+-.^_`|~``.
    #[error("the header's name is not a token")]
    Name,
    /// The name means something else in HTTP. (For `Authorization` there is
    /// [`SessionHeader::bearer`].)
    #[error("the header's name has another meaning in HTTP")]
    Reserved,
}

/// Headers that clients, servers and proxies act on, this crate among them. Whatever else is a bad
/// choice does no harm.
const RESERVED: [&str; 28] = [
    "accept",
    "accept-encoding",
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
];

impl SessionHeader {
    /// `Authorization: Bearer` and the id. A bearer token that is not a session id is left to
    /// whatever else authenticates the application's clients.
    pub fn bearer() -> Self {
        Self {
            request: AUTHORIZATION,
            response: HeaderName::from_static("session-id"),
        }
    }

    /// A header of the application's own, whose whole value is the id.
    ///
    /// # Errors
    /// [`InvalidHeader`], where this cannot be the name of such a header.
    pub fn named(name: impl AsRef<str>) -> Result<Self, InvalidHeader> {
        let request = own_header(name.as_ref())?;
        Ok(Self {
            request,
            ..Self::bearer()
        })
    }

    /// The response's header for a new id; `Session-Id` unless it is set. It can be the request's.
    /// Where an application has several layers with headers, each needs one of its own.
    ///
    /// # Errors
    /// [`InvalidHeader`], where this cannot be the name of such a header.
    pub fn returned_in(mut self, name: impl AsRef<str>) -> Result<Self, InvalidHeader> {
        self.response = own_header(name.as_ref())?;
        Ok(self)
    }

    /// The request's header, in lower case: `authorization` for a bearer token.
    pub fn name(&self) -> &str {
        self.request.as_str()
    }

    /// The response's header, in lower case.
    pub fn returned_name(&self) -> &str {
        self.response.as_str()
    }

    pub(crate) fn vary(&self) -> HeaderLine {
        if self.is_bearer() {
            HeaderLine::Static("Authorization")
        } else {
            HeaderLine::Owned(self.name().as_bytes().to_vec())
        }
    }

    /// What a request says of the session. The lines that may hold an id are marked as sensitive:
    /// for logs, and for the header compression of what a proxy sends on.
    pub(crate) fn read(&self, headers: &mut impl Headers) -> Presented {
        let mut presented = Presented::Nothing;
        headers.hide(&self.request, |line| {
            let mut may_be_ours = false;
            for value in self.values(line) {
                may_be_ours = true;
                let id = SessionId::parse(value).ok();
                if id.is_some() || !self.is_bearer() {
                    presented.add(id);
                }
            }
            may_be_ours
        });
        presented
    }

    /// Tells the program its new id, or to forget the one it has.
    pub(crate) fn write(&self, headers: &mut impl Headers, change: &CookieChange) {
        let id = match change {
            CookieChange::Set { id, .. } => id.expose(),
            CookieChange::Keep => return,
            CookieChange::Clear => "",
        };
        // An id is letters, digits, `-` and `_`.
        let line = HeaderLine::Sensitive(id.as_bytes().to_vec());
        headers.insert(&self.response, line);
    }

    fn is_bearer(&self) -> bool {
        self.request == AUTHORIZATION
    }

    /// The values in one line, which a proxy may have joined from several.
    fn values<'a>(&self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let is_bearer = self.is_bearer();
        let values = line.split(|&byte| byte == b',');
        values.filter_map(move |value| {
            let value = value.trim_ascii();
            if is_bearer {
                bearer_token(value)
            } else {
                Some(value)
            }
        })
    }
}

fn bearer_token(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = credentials.split_at_checked(b"bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer")
        && token.first().is_some_and(u8::is_ascii_whitespace);
    is_bearer.then(|| token.trim_ascii_start())
}

fn own_header(name: &str) -> Result<HeaderName, InvalidHeader> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidHeader::Name)?;
    if RESERVED.contains(&name.as_str()) {
        return Err(InvalidHeader::Reserved);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_needs_a_name_of_its_own() {
        use InvalidHeader::{Name, Reserved};
        for (name, why) in [
            ("X-Session", None),
            ("", Some(Name)),
            ("a b", Some(Name)),
            ("a:", Some(Name)),
            ("a\r\nb", Some(Name)),
            ("é", Some(Name)),
            ("Cookie", Some(Reserved)),
            ("set-cookie", Some(Reserved)),
            ("Authorization", Some(Reserved)),
            ("VARY", Some(Reserved)),
        ] {
            assert_eq!(SessionHeader::named(name).err(), why, "{name:?}");
            let returned = SessionHeader::bearer().returned_in(name);
            assert_eq!(returned.err(), why, "{name:?}");
        }
    }
}

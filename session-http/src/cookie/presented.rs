//! Finding the session's id among the cookies of a request.
//!
//! Over bytes and by hand: a cookie library reads text, and one stray byte in another
//! application's cookie must not hide ours.

use http::HeaderMap;
use http::header::COOKIE;
use session_core::SessionId;

/// What the cookies of a request say of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presented {
    /// There is no cookie of the session's name.
    Nothing,
    /// There is one, but it names no session: malformed, or several that differ.
    Unusable,
    /// It names a session, which may or may not exist.
    Id(SessionId),
}

impl Presented {
    /// Whether this is the id that was presented.
    pub(crate) fn is(&self, id: &SessionId) -> bool {
        matches!(self, Self::Id(presented) if presented == id)
    }

    /// Reads the cookies of this name from all `Cookie` lines of a request. (HTTP/2 clients may
    /// send one line per cookie.)
    ///
    /// Of several cookies of one name a server cannot know which is the right one (RFC 6265,
    /// 4.2.2): unless they are equal, none of them counts. Only the exact name matches, so that a
    /// cookie without the `__Host-` prefix, which a neighbouring subdomain could plant, is not
    /// ours.
    pub(crate) fn in_headers(headers: &HeaderMap, name: &str) -> Self {
        let lines = headers.get_all(COOKIE).into_iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
        let mut values = pairs.filter_map(|pair| value_of(pair, name.as_bytes()));
        let Some(first) = values.next() else {
            return Self::Nothing;
        };
        if values.any(|other| other != first) {
            return Self::Unusable;
        }
        SessionId::parse(first).map_or(Self::Unusable, Self::Id)
    }
}

/// The value of a `name=value` pair, if the name is this one.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = pair.trim_ascii_start().strip_prefix(name)?;
    let value = value.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
}

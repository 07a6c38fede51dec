//! Finding the session's id among the cookies of a request.
//!
//! Over bytes and by hand: a cookie library reads text, and one stray byte in another
//! application's cookie must not hide ours.

use http::HeaderMap;
use http::header::COOKIE;
use session_core::SessionId;

/// How many different ids of one request are looked at.
const MOST: usize = 3;

/// What the cookies of a request say of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presented {
    /// There is no cookie of the session's name.
    Nothing,
    /// There is one, but it is malformed: it can never name a session.
    Unusable,
    /// It names a session, which may or may not exist.
    Id(SessionId),
    /// There are several well-formed ones that differ, as after a change of the cookie's scope.
    Several(Vec<SessionId>),
}

impl Presented {
    /// The ids that were presented, each once.
    pub(crate) fn ids(&self) -> &[SessionId] {
        match self {
            Self::Nothing | Self::Unusable => &[],
            Self::Id(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }

    /// Reads the cookies of this name from all `Cookie` lines of a request. (HTTP/2 clients may
    /// send one line per cookie.)
    ///
    /// Of several cookies of one name a server cannot know by themselves which is the right one
    /// (RFC 6265, 4.2.2). Only the exact name matches, so that a cookie without the `__Host-`
    /// prefix, which a neighbouring subdomain could plant, is not ours.
    pub(crate) fn in_headers(headers: &HeaderMap, name: &str) -> Self {
        let lines = headers.get_all(COOKIE).into_iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
        let values = pairs.filter_map(|pair| value_of(pair, name.as_bytes()));
        values.fold(Self::Nothing, |before, value| {
            match SessionId::parse(value) {
                Ok(id) => before.and(id),
                Err(_) if before == Self::Nothing => Self::Unusable,
                Err(_) => before,
            }
        })
    }

    fn and(self, id: SessionId) -> Self {
        let mut ids = match self {
            Self::Nothing | Self::Unusable => return Self::Id(id),
            Self::Id(first) => vec![first],
            Self::Several(ids) => ids,
        };
        if ids.len() < MOST && !ids.contains(&id) {
            ids.push(id);
        }
        match <[SessionId; 1]>::try_from(ids) {
            Ok([only]) => Self::Id(only),
            Err(ids) => Self::Several(ids),
        }
    }
}

/// Hides the values of the cookies of this name from logs, and from the header compression of what
/// a proxy sends on.
pub(crate) fn mark_sensitive(headers: &mut HeaderMap, name: &str) {
    if let http::header::Entry::Occupied(mut lines) = headers.entry(COOKIE) {
        for line in lines.iter_mut() {
            let mut pairs = line.as_bytes().split(|&byte| byte == b';');
            if pairs.any(|pair| value_of(pair, name.as_bytes()).is_some()) {
                line.set_sensitive(true);
            }
        }
    }
}

/// The value of a `name=value` pair, if the name is this one.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = pair.trim_ascii_start().strip_prefix(name)?;
    let value = value.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
}

//! Finding the session's id among the cookies of a request.
//!
//! Over bytes and by hand: a cookie library reads text, and one stray byte in another
//! application's cookie must not hide ours.

use http::HeaderMap;
use http::header::COOKIE;
use session_core::SessionId;

use super::SessionCookie;
use crate::presented::Presented;
use crate::state::Former;

impl SessionCookie {
    /// What a request's cookies say of the session. A former name counts where the present one is
    /// absent. The lines that hold the session's cookie are marked as sensitive.
    pub(crate) fn read(&self, headers: &mut HeaderMap) -> (Presented, Former) {
        mark_sensitive(headers, &self.name);
        let mut presented = presented(headers, &self.name);
        let mut former = Former::Nowhere;
        for cookie in &self.former {
            let found = self::presented(headers, &cookie.name);
            if found == Presented::Nothing {
                continue;
            }
            mark_sensitive(headers, &cookie.name);
            former = former.max(Former::Beside);
            if presented == Presented::Nothing {
                (presented, former) = (found, Former::Instead);
            }
        }
        (presented, former)
    }
}

/// Reads the cookies of this name from all `Cookie` lines of a request. (HTTP/2 clients may send
/// one line per cookie.)
///
/// Of several cookies of one name a server cannot know by themselves which is the right one
/// (RFC 6265, 4.2.2). Only the exact name matches, so that a cookie without the `__Host-` prefix,
/// which a neighbouring subdomain could plant, is not ours.
fn presented(headers: &HeaderMap, name: &str) -> Presented {
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
    let values = pairs.filter_map(|pair| value_of(pair, name.as_bytes()));
    Presented::of(values.map(|value| SessionId::parse(value).ok()))
}

/// Hides the values of the cookies of this name from logs, and from the header compression of what
/// a proxy sends on.
fn mark_sensitive(headers: &mut HeaderMap, name: &str) {
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

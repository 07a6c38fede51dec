//! Finding the session's id among the cookies of a request.
//!
//! Over bytes and by hand: a cookie library reads text, and one stray byte in another
//! application's cookie must not hide ours.

use http::header::COOKIE;
use session_core::SessionId;

use super::SessionCookie;
use crate::head::Headers;
use crate::presented::Presented;
use crate::state::Former;

impl SessionCookie {
    /// What a request's cookies say of the session. A former name counts where the present one is
    /// absent. The lines that hold the session's cookie are marked as sensitive: for logs, and for
    /// the header compression of what a proxy sends on.
    pub(crate) fn read(&self, headers: &mut impl Headers) -> (Presented, Former) {
        let mut presented = presented(headers, &self.name);
        let mut former = Former::Nowhere;
        for cookie in &self.former {
            let found = self::presented(headers, &cookie.name);
            if found == Presented::Nothing {
                continue;
            }
            former = former.max(Former::Beside);
            if presented == Presented::Nothing {
                (presented, former) = (found, Former::Instead);
            }
        }
        (presented, former)
    }
}

/// Reads the cookies of this name from all `Cookie` lines of a request, and marks the lines that
/// hold one. (HTTP/2 clients may send one line per cookie.)
///
/// Of several cookies of one name a server cannot know by themselves which is the right one
/// (RFC 6265, 4.2.2). Only the exact name matches, so that a cookie without the `__Host-` prefix,
/// which a neighbouring subdomain could plant, is not ours.
fn presented(headers: &mut impl Headers, name: &str) -> Presented {
    let mut presented = Presented::Nothing;
    headers.hide(&COOKIE, |line| {
        let mut is_ours = false;
        for value in pairs(line).filter_map(|pair| value_of(pair, name.as_bytes())) {
            presented.add(SessionId::parse(value).ok());
            is_ours = true;
        }
        is_ours
    });
    presented
}

/// The pairs of a `Cookie` line. Other cookies may be long, so no look at every byte.
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b';', line).chain([line.len()]);
    let mut start = 0;
    ends.filter_map(move |end| line.get(std::mem::replace(&mut start, end + 1)..end))
}

/// The value of a `name=value` pair, if the name is this one.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = pair.trim_ascii_start().strip_prefix(name)?;
    let value = value.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn presented(lines: &[&[u8]]) -> Presented {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        Presented::in_headers(&headers, "__Host-id")
    }

    fn id() -> Presented {
        Presented::Id(SessionId::parse(ID).unwrap())
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        let alone = format!("__Host-id={ID}");
        let among = format!("a=b;  __Host-id = {ID} ;c=\"d;e\"");
        assert_eq!(presented(&[alone.as_bytes()]), id());
        assert_eq!(presented(&[among.as_bytes()]), id());
        assert_eq!(presented(&[b"a=b", alone.as_bytes(), b"c=\xff\xfe"]), id());
        assert_eq!(presented(&[b"a=\xff; =x; y", alone.as_bytes()]), id());
    }

    #[test]
    fn equal_duplicates_count_once_and_different_ones_not_at_all() {
        let alone = format!("__Host-id={ID}");
        let twice = format!("{alone}; {alone}");
        let other = format!("{alone}; __Host-id=AAAA");
        assert_eq!(presented(&[twice.as_bytes(), alone.as_bytes()]), id());
        assert_eq!(presented(&[other.as_bytes()]), Presented::Unusable);
        assert_eq!(
            presented(&[b"__Host-id=", alone.as_bytes()]),
            Presented::Unusable
        );
    }

    #[test]
    fn other_names_are_not_ours() {
        for line in ["id", "__host-id", "__Host-id2", "x__Host-id", "__Host-i d"] {
            let line = format!("{line}={ID}");
            assert_eq!(presented(&[line.as_bytes()]), Presented::Nothing, "{line}");
        }
        assert_eq!(presented(&[]), Presented::Nothing);
        assert_eq!(presented(&[b"__Host-id"]), Presented::Nothing);
    }
}

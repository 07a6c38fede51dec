//! What became of the session, as header lines of the response.

use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::change::CookieChange;
use crate::sessions::Settings;
use crate::state::State;

/// What a response says of the session that its handler looked at.
pub(crate) fn set_headers(
    headers: &mut HeaderMap,
    settings: &Settings,
    change: &CookieChange,
    state: &State,
) {
    let transport = &settings.transport;
    transport.write(headers, change, state.former);
    if *change != CookieChange::Keep {
        forbid_storing(headers);
    } else if state.was_live && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    vary_by(headers, transport.vary());
}

/// Adds `no-store` to what the handler said about caching, and takes nothing of it away.
fn forbid_storing(headers: &mut HeaderMap) {
    if names(headers, CACHE_CONTROL, b"no-store") {
        return;
    }
    let said = headers.get_all(CACHE_CONTROL).into_iter();
    let mut merged = said.fold(Vec::new(), |mut merged, value| {
        merged.extend_from_slice(value.as_bytes());
        merged.extend_from_slice(b", ");
        merged
    });
    merged.extend_from_slice(b"no-store");
    // Made of header values, so it is one; the fallback forbids more, not less.
    let merged = HeaderValue::from_bytes(&merged);
    let merged = merged.unwrap_or(HeaderValue::from_static("no-store"));
    headers.insert(CACHE_CONTROL, merged);
}

fn vary_by(headers: &mut HeaderMap, name: HeaderValue) {
    if !names(headers, VARY, name.as_bytes()) && !names(headers, VARY, b"*") {
        headers.append(VARY, name);
    }
}

/// Whether a comma-separated header has this member.
fn names(headers: &HeaderMap, header: HeaderName, member: &[u8]) -> bool {
    let lines = headers.get_all(header).into_iter();
    let mut members = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    members.any(|found| found.trim_ascii().eq_ignore_ascii_case(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn no_store_is_added_to_what_the_handler_said() {
        for (said, merged) in [
            (&[][..], "no-store"),
            (
                &[("cache-control", "private, max-age=60")],
                "private, max-age=60, no-store",
            ),
            (&[("cache-control", "No-Store")], "No-Store"),
            (
                &[
                    ("cache-control", "private"),
                    ("cache-control", "no-transform"),
                ],
                "private, no-transform, no-store",
            ),
        ] {
            let mut headers = headers(said);
            forbid_storing(&mut headers);
            let values: Vec<_> = headers.get_all(CACHE_CONTROL).into_iter().collect();
            assert_eq!(values, [merged]);
        }
    }

    #[test]
    fn vary_gets_cookie_once() {
        for (said, lines) in [
            (&[][..], 1),
            (&[("vary", "Accept")], 2),
            (&[("vary", "accept, COOKIE")], 1),
            (&[("vary", "*")], 1),
        ] {
            let mut headers = headers(said);
            vary_by(&mut headers, HeaderValue::from_static("Cookie"));
            assert_eq!(headers.get_all(VARY).into_iter().count(), lines, "{said:?}");
        }
    }
}

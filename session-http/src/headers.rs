//! What became of the session, as header lines of the response.

use http::header::{CACHE_CONTROL, Entry, VARY};
use http::{HeaderMap, HeaderValue};

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
    } else if state.was_live {
        let private = HeaderValue::from_static("private");
        headers.entry(CACHE_CONTROL).or_insert(private);
    }
    vary_by(headers, transport.vary());
}

/// Adds `no-store` to what the handler said about caching, and takes nothing of it away.
fn forbid_storing(headers: &mut HeaderMap) {
    if names(headers.get_all(CACHE_CONTROL), &[b"no-store"]) {
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
    match headers.entry(VARY) {
        Entry::Vacant(vary) => {
            vary.insert(name);
        }
        Entry::Occupied(mut vary) => {
            if !names(vary.iter(), &[name.as_bytes(), b"*"]) {
                vary.append(name);
            }
        }
    }
}

/// Whether the lines of a comma-separated header have one of these members.
fn names<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>, members: &[&[u8]]) -> bool {
    let lines = lines.into_iter();
    let mut found = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    found.any(|found| {
        let mut members = members.iter();
        members.any(|member| found.trim_ascii().eq_ignore_ascii_case(member))
    })
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

//! What became of the session, as header lines of the response.

use http::header::{CACHE_CONTROL, VARY};

use crate::change::CookieChange;
use crate::head::{HeaderLine, Headers};
use crate::sessions::Settings;
use crate::state::State;

/// What a response says of the session that its handler looked at.
pub(crate) fn set_headers(
    headers: &mut impl Headers,
    settings: &Settings,
    change: &CookieChange,
    state: &State,
) {
    let transport = &settings.transport;
    transport.write(headers, change, state.former);
    if *change != CookieChange::Keep {
        forbid_storing(headers);
    } else if state.was_live && headers.lines(&CACHE_CONTROL).next().is_none() {
        headers.insert(&CACHE_CONTROL, HeaderLine::Static("private"));
    }
    vary_by(headers, transport.vary());
}

/// Adds `no-store` to what the handler said about caching, and takes nothing of it away.
fn forbid_storing(headers: &mut impl Headers) {
    if names(headers.lines(&CACHE_CONTROL), &[b"no-store"]) {
        return;
    }
    let said: Vec<_> = headers.lines(&CACHE_CONTROL).collect();
    let line = if said.is_empty() {
        HeaderLine::Static("no-store")
    } else {
        HeaderLine::Owned([&said.join(&b", "[..]), &b", no-store"[..]].concat())
    };
    headers.insert(&CACHE_CONTROL, line);
}

fn vary_by(headers: &mut impl Headers, name: HeaderLine) {
    if !names(headers.lines(&VARY), &[name.as_bytes(), b"*"]) {
        headers.append(&VARY, name);
    }
}

/// Whether the lines of a comma-separated header have one of these members.
fn names<'a>(lines: impl Iterator<Item = &'a [u8]>, members: &[&[u8]]) -> bool {
    let mut found = lines.flat_map(|line| line.split(|&byte| byte == b','));
    found.any(|found| {
        let mut members = members.iter();
        members.any(|member| found.trim_ascii().eq_ignore_ascii_case(member))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

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
            vary_by(&mut headers, HeaderLine::Static("Cookie"));
            assert_eq!(headers.get_all(VARY).into_iter().count(), lines, "{said:?}");
        }
    }
}

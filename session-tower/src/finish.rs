//! From what became of the session to the head of the response.

use http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::change::CookieChange;
use crate::cookie::SessionCookie;
use crate::error::SessionError;
use crate::failure::{FailureResponse, GaveUp};
use crate::session::Session;

/// What is left to do when the handler has answered.
#[derive(Debug)]
pub(crate) enum Closing {
    /// The session was not touched: neither is the response.
    Untouched,
    /// Nothing waits for a commit.
    Settled(CookieChange),
    /// Changes wait, or operations are under way.
    Waiting,
}

/// Closes the session's handles: what is changed from now on would be lost.
pub(crate) fn close<B>(session: &Session, response: &Response<B>) -> Closing {
    let gave_up = response.extensions().get::<GaveUp>();
    let is_store_failing = gave_up.is_some_and(|gave_up| is_ours(session, gave_up));
    let is_idle = session.turn_lock().try_lock().is_ok();
    session.with(|state| {
        state.is_closed = true;
        if !state.is_used && gave_up.is_none_or(|gave_up| gave_up.is_rendered) {
            return Closing::Untouched;
        }
        if state.is_panicked && response.status().is_server_error() {
            if !state.pending.is_empty() {
                tracing::warn!("the handler panicked: its changes to the session are dropped");
            }
            return Closing::Settled(state.cookie_change_after_failure());
        }
        // The client is told that the store failed; a commit now would say something else.
        if is_store_failing {
            return Closing::Settled(state.cookie_change_after_failure());
        }
        if is_idle && state.sent.is_none() && state.pending.is_empty() {
            return Closing::Settled(state.cookie_change());
        }
        Closing::Waiting
    })
}

/// Whether it was this session's store that failed the handler. A failure that no session of the
/// request knows of came from asking a backend directly, and counts for each.
fn is_ours(session: &Session, gave_up: &GaveUp) -> bool {
    if gave_up.error.status() != StatusCode::SERVICE_UNAVAILABLE {
        return false;
    }
    let has_failed = |session: &Session| session.with(|state| state.has_store_failed);
    if has_failed(session) {
        return true;
    }
    if gave_up.is_rendered || session.outer_sessions().any(has_failed) {
        return false;
    }
    for outer in session.outer_sessions() {
        outer.with(|state| state.has_store_failed = true);
    }
    true
}

/// Writes what became of the session into the response, or replaces it.
pub(crate) fn finish<B, H: FailureResponse<B>>(
    session: &Session,
    mut response: Response<B>,
    outcome: Result<CookieChange, SessionError>,
    hook: &H,
) -> Response<B> {
    let settings = session.settings();
    let change = match outcome {
        Ok(change) => {
            let gave_up = response.extensions().get::<GaveUp>();
            let error = gave_up.filter(|gave_up| !gave_up.is_rendered);
            if let Some(error) = error.map(|gave_up| gave_up.error.clone()) {
                response = failure(&error, hook);
            }
            change
        }
        Err(error) => {
            response = failure(&error, hook);
            session.with(|state| state.cookie_change_after_failure())
        }
    };
    if response.status() == StatusCode::SERVICE_UNAVAILABLE
        && response.extensions().get::<GaveUp>().is_some()
    {
        let seconds = HeaderValue::from(settings.retry_after_seconds());
        response.headers_mut().entry(RETRY_AFTER).or_insert(seconds);
    }
    set_headers(response.headers_mut(), &settings.cookie, &change);
    response
}

fn failure<B, H: FailureResponse<B>>(error: &SessionError, hook: &H) -> Response<B> {
    tracing::error!(
        error = error as &dyn std::error::Error,
        status = error.status().as_u16(),
        "the session failed, and the response with it"
    );
    let mut response = hook.response(error);
    let rendered = GaveUp {
        error: error.clone(),
        is_rendered: true,
    };
    response.extensions_mut().insert(rendered);
    response
}

fn set_headers(headers: &mut HeaderMap, cookie: &SessionCookie, change: &CookieChange) {
    let line = match change {
        CookieChange::Set { id, ttl } => cookie.set(id, *ttl),
        CookieChange::Extend { id, ttl } if cookie.is_persistent() => cookie.set(id, *ttl),
        CookieChange::Extend { .. } | CookieChange::Keep => None,
        CookieChange::Clear => cookie.clear(),
    };
    if let Some(line) = line {
        headers.append(SET_COOKIE, line);
        forbid_storing(headers);
    }
    vary_by_cookie(headers);
}

/// Adds `no-store` to what the handler said about caching, and takes nothing of it away.
fn forbid_storing(headers: &mut HeaderMap) {
    if names(headers, CACHE_CONTROL, "no-store") {
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

fn vary_by_cookie(headers: &mut HeaderMap) {
    if !names(headers, VARY, "cookie") && !names(headers, VARY, "*") {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
}

/// Whether a comma-separated header has this member.
fn names(headers: &HeaderMap, header: http::HeaderName, member: &str) -> bool {
    let lines = headers.get_all(header).into_iter();
    let mut members = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    members.any(|found| found.trim_ascii().eq_ignore_ascii_case(member.as_bytes()))
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
            vary_by_cookie(&mut headers);
            assert_eq!(headers.get_all(VARY).into_iter().count(), lines, "{said:?}");
        }
    }
}

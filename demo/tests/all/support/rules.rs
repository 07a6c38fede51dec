//! What holds for every answer of the demo, whatever was asked.

use super::Answer;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ATTRIBUTES: &str = "; Path=/; HttpOnly; SameSite=Lax";

/// # Panics
/// When a rule does not hold. `cookie` is what the request brought.
pub(crate) fn hold(answer: &Answer, cookie: Option<&str>) {
    security_headers(answer);
    caching(answer);
    no_id_in_the_body(answer, cookie);
    cookie_attributes(answer);
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(
            answer.set_cookie(),
            None,
            "a store that fails ends no session: {answer:?}"
        );
    }
    if answer.status == 401 && answer.error().1 == "Session expired" {
        assert!(is_cleared(answer), "a dead cookie is cleared: {answer:?}");
    }
    if answer.status >= 400 {
        let text = answer.error().1;
        assert!(!text.is_empty(), "an error says what is wrong: {answer:?}");
    }
}

/// Whether the answer takes the cookie from the browser.
pub(crate) fn is_cleared(answer: &Answer) -> bool {
    answer.set_cookie() == Some(&format!("sid={ATTRIBUTES}; Max-Age=0"))
}

fn security_headers(answer: &Answer) {
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
}

fn caching(answer: &Answer) {
    let is_json = answer.header("content-type") == Some("application/json");
    if is_json || answer.set_cookie().is_some() {
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{answer:?}"
        );
    }
}

fn no_id_in_the_body(answer: &Answer, cookie: Option<&str>) {
    let given = answer
        .set_cookie()
        .and_then(|line| line.strip_prefix("sid="));
    let given = given.and_then(|line| line.split(';').next());
    for id in cookie.into_iter().chain(given).filter(|id| id.len() == 43) {
        assert!(
            !answer.body.contains(id),
            "a script could read the id: {answer:?}"
        );
    }
}

fn cookie_attributes(answer: &Answer) {
    let Some(line) = answer.set_cookie() else {
        return;
    };
    if is_cleared(answer) {
        return;
    }
    let id = line
        .strip_prefix("sid=")
        .and_then(|line| line.strip_suffix(ATTRIBUTES));
    assert_eq!(id.map(str::len), Some(43), "{answer:?}");
}

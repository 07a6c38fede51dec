//! What holds for every answer of the demo, whatever was asked.

use super::Answer;

const ALWAYS: [(&str, &str); 3] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

const ATTRIBUTES: &str = "; Path=/; HttpOnly; SameSite=Lax";

/// # Panics
/// When a rule does not hold. `cookie` is what the request brought.
pub(crate) fn hold(answer: &Answer, cookie: Option<&str>) {
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    let is_json = answer.header("content-type") == Some("application/json");
    if is_json || answer.set_cookie().is_some() {
        let cached = answer.header("cache-control");
        assert_eq!(cached, Some("no-store"), "{answer:?}");
    }
    let given = answer.new_cookie();
    for id in cookie.into_iter().chain(given).filter(|id| id.len() == 43) {
        let is_shown = answer.body.contains(id);
        assert!(!is_shown, "a script could read the id: {answer:?}");
    }
    if let Some(id) = given.filter(|_| !is_cleared(answer)) {
        assert_eq!(id.len(), 43, "{answer:?}");
        let line = answer.set_cookie().unwrap_or_default();
        // A remembered one says an age besides.
        let line = line.split("; Max-Age=").next();
        let expected = format!("sid={id}{ATTRIBUTES}");
        assert_eq!(line, Some(&*expected), "{answer:?}");
    }
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        let cookie = answer.set_cookie();
        assert_eq!(cookie, None, "a store that fails ends no session");
    }
    if answer.status >= 400 {
        let json = answer.json();
        let text = json["error"].as_str().unwrap_or_default();
        assert_ne!(text, "", "an error says what is wrong: {answer:?}");
        // Another answer may have given the browser a newer one.
        let gives = text == "Session expired" && given.is_some();
        assert!(!gives || is_cleared(answer), "a cookie: {answer:?}");
    }
}

/// Whether the answer takes the cookie from the browser.
pub(crate) fn is_cleared(answer: &Answer) -> bool {
    answer.set_cookie() == Some(&format!("sid={ATTRIBUTES}; Max-Age=0"))
}

//! What a browser is called in the list of a user's sessions.

use axum::http::{HeaderMap, header};

/// Known by a word in the header; the first that is there counts, since browsers name their
/// ancestors too.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];
/// Of other programs the beginning of what they say is shown.
const LONGEST: usize = 40;

/// A few words for a person, from the request's `User-Agent`.
pub(crate) fn label(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?.trim();
    let named = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(word, _)| agent.contains(word));
        found.map(|(_, name)| *name)
    };
    let label = match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => agent.chars().take(LONGEST).collect(),
    };
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_in_a_few_words() {
        const MOZILLA: &str = "Mozilla/5.0 (";
        for (agent, expected) in [
            (
                "X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Linux; Android 15) Chrome/140.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
                "Safari on iOS",
            ),
            (
                "Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15",
                "Safari on macOS",
            ),
        ] {
            assert_eq!(of(&format!("{MOZILLA}{agent}")).as_deref(), Some(expected));
        }
        assert_eq!(of("curl/8.9").as_deref(), Some("curl"));
        assert_eq!(of(&"x".repeat(4000)), Some("x".repeat(LONGEST)));
        assert!(of(" ").is_none() && of("é").is_none());
        assert!(label(&HeaderMap::new()).is_none());
    }

    fn of(agent: &str) -> Option<String> {
        let header = (header::USER_AGENT, agent.parse().unwrap());
        label(&HeaderMap::from_iter([header]))
    }
}

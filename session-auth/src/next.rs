//! Where a browser goes after it has logged in.

/// The longest way back that is taken along to the log-in page, in bytes.
const LONGEST: usize = 2048;

/// A way back after the log-in, if it stays on this site: what
/// [`RequireLogin::redirect_to`](crate::RequireLogin::redirect_to) put into `next`, as the
/// query or form extractor has decoded it. It is not decoded again.
///
/// Anybody can write a link to the log-in page, so `next` is anybody's text: a redirect to it that
/// is not checked leads a person from your log-in page to a copy of it.
///
/// # Returns
/// The text, if it is a path of one `/` and no second one, with a query and a fragment if it has
/// them, of at most 2048 visible ASCII characters (as a URL is, once it is encoded) and without a
/// backslash. A path with `//` anywhere in it is refused, too: something on the way may shorten
/// `/..//` in front of it. `None` for everything else; go to a page of your own then.
///
/// # Example
/// ```
/// use session_auth::safe_next;
///
/// assert_eq!(safe_next("/cart?step=2"), Some("/cart?step=2"));
/// for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"] {
///     assert_eq!(safe_next(elsewhere), None);
/// }
/// let next: Option<String> = None; // from the query
/// assert_eq!(next.as_deref().and_then(safe_next).unwrap_or("/"), "/");
/// ```
pub fn safe_next(text: &str) -> Option<&str> {
    (text.len() <= LONGEST && is_own_path(text)).then_some(text)
}

/// Whether a browser that is sent to this text stays on the site.
pub(crate) fn is_own_path(text: &str) -> bool {
    let (path, _) = split_path(text);
    path.starts_with('/')
        && !path.contains("//")
        && (text.bytes()).all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// The path of a URL, and its query and fragment.
pub(crate) fn split_path(url: &str) -> (&str, &str) {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    url.split_at(end)
}

/// Whatever is not part of a word as `%XX`: for the value in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    encoded(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    })
}

/// Each byte as it is or as `%XX`.
pub(crate) fn encoded(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn only_paths_of_this_site_are_safe() {
        let longest = format!("/{}", "a".repeat(LONGEST - 1));
        for safe in [
            "/",
            "/a/b?c=d#e",
            "/%2f%2fevil.example",
            "/%5cevil.example",
            "/https:evil.example",
            "/@evil.example",
            "/../a",
            "/a?to=https://evil.example//",
            "/a#//evil.example",
            &longest,
        ] {
            assert_eq!(safe_next(safe), Some(safe));
        }
        let too_long = format!("{longest}a");
        for unsafe_text in [
            "",
            "a",
            "?a",
            "#a",
            "//",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/a\\b",
            "https:evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "%2f%2fevil.example",
            " //evil.example",
            "/ /evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "/\n/evil.example",
            "/\r\nset-cookie: a=b",
            "/\0",
            "/\u{7f}",
            "/\u{85}",
            "/..//evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/\u{ff0f}evil.example",
            "\u{ff0f}/evil.example",
            "/\u{2215}evil.example",
            "/\u{2044}evil.example",
            "/\u{3002}",
            "/\u{202e}",
            &too_long,
        ] {
            assert_eq!(safe_next(unsafe_text), None, "{unsafe_text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_browser_that_follows_stays(
            text in "(/|//|\\\\|\t|\n| |\\.|\\.\\.|%2f|%5C|%09|:|@|\\?|#|https|evil|／|‥|[[:ascii:]]){0,12}",
        ) {
            let site = Url::parse("https://site.example/login?a=b").unwrap();
            if let Some(next) = safe_next(&text) {
                let there = site.join(next).unwrap();
                prop_assert_eq!(there.origin(), site.origin());
                // What stands between shows the browser nothing else.
                prop_assert_eq!(site.join(there.path()).unwrap().origin(), site.origin());
                prop_assert!(http::HeaderValue::from_str(next).is_ok());
            }
        }

        #[test]
        fn a_query_decodes_to_what_was_encoded(text in ".{0,40}") {
            let url = format!("https://site.example/?next={}", percent_encoded(&text));
            let url = Url::parse(&url).unwrap();
            let pairs: Vec<_> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
            prop_assert_eq!(pairs, [text]);
        }
    }
}

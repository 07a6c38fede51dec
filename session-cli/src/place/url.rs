//! The parts of a URL that are taken out of it, or shown.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::failure::Failure;
use crate::text::escaped;

/// The URL without user and password, and these as they are in it.
pub(super) fn without_user(url: &str) -> (String, Option<&str>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{scheme}://{host}{tail}"), Some(user)),
        None => (url.to_owned(), None),
    }
}

/// Whether it holds a password: the account's, or the one on the sentinels.
pub(super) fn has_password(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_password =
        |pair: &str| pair.starts_with("sentinel_password=") || pair.starts_with("password=");
    let (_, user) = without_user(url);
    user.is_some_and(|user| user.contains(':')) || query.split('&').any(is_password)
}

/// The name in `user:password` of a URL.
pub(super) fn user_name(user: &str) -> Result<String, Failure> {
    let name = user.split(':').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8();
    let name = name.map_err(|_| Failure::usage("the URL's user is not UTF-8"))?;
    Ok(match &*name {
        "" => "default".to_owned(),
        name => name.to_owned(),
    })
}

/// The URL with one part more. Of parts of one name the last counts.
pub(super) fn with_part(url: &str, name: &str, value: &str) -> String {
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{name}={value}")
}

/// The server or the file, for people. A query may hold a password.
pub(super) fn address(bare: &str) -> String {
    let (_, address) = bare
        .split_once("://")
        .or_else(|| bare.split_once(':'))
        .unwrap_or_default();
    let address = address.split(['?', '#']).next().unwrap_or_default();
    escaped(address.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_taken_out_of_urls() {
        for (url, bare, user) in [
            ("redis://h:1/2?a=b@c", "redis://h:1/2?a=b@c", None),
            ("redis://u@h", "redis://h", Some("u")),
            ("redis://u:p@q@h/1", "redis://h/1", Some("u:p@q")),
            ("redis+unix://u:p@/a/s", "redis+unix:///a/s", Some("u:p")),
            ("memory:", "memory:", None),
        ] {
            assert_eq!(without_user(url), (bare.to_owned(), user));
        }
        let names = ["u", "u:p", ":p", "", "a%40b:p"].map(|it| user_name(it).unwrap());
        assert_eq!(names, ["u", "u", "default", "default", "a@b"]);
    }
}

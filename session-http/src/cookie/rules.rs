//! What browsers refuse.

use session_core::SessionId;

use super::builder::{SameSite, SessionCookieBuilder};
use super::invalid::InvalidCookie;

/// The longest name plus value that browsers keep (RFC 6265bis, 5.7).
const MAX_NAME_AND_VALUE: usize = 4096;
/// The longest attribute value that browsers keep.
const MAX_ATTRIBUTE: usize = 1024;

impl SessionCookieBuilder {
    pub(super) fn check_texts(&self) -> Result<(), InvalidCookie> {
        let is_bare = ["", "__Host-", "__Secure-"].contains(&self.name.as_str());
        if is_bare || !self.name.bytes().all(is_token) {
            return Err(InvalidCookie::Name);
        }
        let printable = |byte: u8| matches!(byte, b' '..=b'~') && byte != b';';
        if !self.path.starts_with('/') || !self.path.bytes().all(printable) {
            return Err(InvalidCookie::Path);
        }
        let domain = self.domain.as_deref();
        if domain.is_some_and(|domain| !is_host_name(domain)) {
            return Err(InvalidCookie::Domain);
        }
        let longest_attribute = self.path.len().max(domain.map_or(0, str::len));
        if self.name.len() + SessionId::LEN > MAX_NAME_AND_VALUE
            || longest_attribute > MAX_ATTRIBUTE
        {
            return Err(InvalidCookie::TooLong);
        }
        Ok(())
    }

    pub(super) fn check_combinations(&self) -> Result<(), InvalidCookie> {
        // Browsers compare the prefixes without regard to case.
        let has_prefix = |prefix: &str| {
            let start = self.name.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let is_host = has_prefix("__Host-");
        let refusals = [
            (
                (is_host || has_prefix("__Secure-")) && !self.is_secure,
                InvalidCookie::PrefixNeedsSecure,
            ),
            (
                is_host && self.domain.is_some(),
                InvalidCookie::HostPrefixWithDomain,
            ),
            (
                is_host && self.path != "/",
                InvalidCookie::HostPrefixWithPath,
            ),
            (
                self.same_site == SameSite::None && !self.is_secure,
                InvalidCookie::SameSiteNoneNeedsSecure,
            ),
            (
                self.is_partitioned && !self.is_secure,
                InvalidCookie::PartitionedNeedsSecure,
            ),
        ];
        let refusal = refusals.into_iter().find(|(is_refused, _)| *is_refused);
        refusal.map_or(Ok(()), |(_, why)| Err(why))
    }
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionCookie;

    #[test]
    fn impossible_combinations_are_refused() {
        use InvalidCookie::{
            HostPrefixWithDomain, HostPrefixWithPath, PartitionedNeedsSecure,
            SameSiteNoneNeedsSecure,
        };
        let host = || SessionCookie::host("id");
        let plain = SessionCookie::insecure_for_development;
        for (builder, why) in [
            (host().domain("example.com"), HostPrefixWithDomain),
            (host().path("/app"), HostPrefixWithPath),
            (
                plain("sid").same_site(SameSite::None),
                SameSiteNoneNeedsSecure,
            ),
            (plain("sid").partitioned(), PartitionedNeedsSecure),
        ] {
            assert_eq!(builder.build().unwrap_err(), why);
        }
        for name in ["__Host-id", "__host-id", "__Secure-id", "__SECURE-id"] {
            let refused = plain(name).build().unwrap_err();
            assert_eq!(refused, InvalidCookie::PrefixNeedsSecure, "{name}");
        }
    }

    #[test]
    fn possible_combinations_are_not() {
        let secure = SessionCookie::secure("id");
        for builder in [
            SessionCookie::host("id").partitioned(),
            secure.domain("a.example.com").path("/x y"),
            SessionCookie::named("sid").same_site(SameSite::None),
            SessionCookie::named("__Hos"),
        ] {
            assert!(builder.build().is_ok());
        }
    }

    #[test]
    fn names_paths_and_domains_cannot_break_the_header() {
        let named = SessionCookie::named;
        for name in [
            "", "__Host-", "a b", "a=b", "a;b", "a,b", "a\r\nb", "a\0", "é", "\"a\"",
        ] {
            let refused = named(name).build().unwrap_err();
            assert_eq!(refused, InvalidCookie::Name, "{name:?}");
        }
        for path in ["", "app", "/a;b", "/a\r\nSet-Cookie: x=y", "/é", "/\0"] {
            let refused = named("a").path(path).build().unwrap_err();
            assert_eq!(refused, InvalidCookie::Path, "{path:?}");
        }
        for domain in ["", ".", ".example.com", "a..b", "a;b", "a b", "a\r\nb", "é"] {
            let refused = named("a").domain(domain).build().unwrap_err();
            assert_eq!(refused, InvalidCookie::Domain, "{domain:?}");
        }
    }

    #[test]
    fn what_browsers_would_cut_is_refused() {
        let longest = "n".repeat(MAX_NAME_AND_VALUE - SessionId::LEN);
        let path = format!("/{}", "p".repeat(MAX_ATTRIBUTE));
        assert!(SessionCookie::named(longest.clone()).build().is_ok());
        for builder in [
            SessionCookie::named(longest + "n"),
            SessionCookie::named("a").path(path),
        ] {
            assert_eq!(builder.build().unwrap_err(), InvalidCookie::TooLong);
        }
    }
}

//! What a server's URL may ask for.

use session_core::{Effect, Error, ErrorKind, Operation};

/// The URL asks for TLS, which the backends do not offer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL asks for TLS, which this backend does not offer")]
pub struct TlsNotOffered;

/// Refuses a URL that asks for TLS (`rediss://`, `valkeys://`, with or without more behind the first
/// word). A client that has TLS not compiled in may connect without it, and send the password in the clear.
///
/// # Errors
/// [`ErrorKind::Config`], with [`TlsNotOffered`] as its source.
pub fn refuse_tls(url: &str) -> Result<(), Error> {
    let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
    let word = scheme.split(['-', '+']).next().unwrap_or_default();
    if word.eq_ignore_ascii_case("rediss") || word.eq_ignore_ascii_case("valkeys") {
        return Err(Error::new(ErrorKind::Config, Effect::NotApplied)
            .with_source(TlsNotOffered)
            .during(Operation::Connect));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_ask_for_tls_are_refused_and_others_pass() {
        for url in [
            "rediss://h",
            "REDISS://h",
            "rediss-cluster://h",
            "rediss+unix:///s",
            "valkeys://h",
            "rediss",
        ] {
            assert_eq!(
                refuse_tls(url).unwrap_err().kind(),
                ErrorKind::Config,
                "{url}"
            );
        }
        for url in [
            "redis://rediss:x@h",
            "redis-cluster://h",
            "valkey://h",
            "",
            "memory:",
        ] {
            assert!(refuse_tls(url).is_ok(), "{url}");
        }
    }
}

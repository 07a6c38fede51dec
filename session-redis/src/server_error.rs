//! What the server's error replies mean: told by their code word, alike for every client.

use session_core::{Effect, Error, ErrorKind};

use crate::endpoint::Endpoint;

/// The kind and the effect of an error reply: its first word, and the rest of its text.
///
/// The server refuses a script before it starts, or a running script fails; the text of the latter
/// ends with the script's name. What was refused before it started changed nothing.
pub(crate) fn classify(code: &str, detail: &str) -> (ErrorKind, Effect) {
    let started = detail.contains(" script: ");
    let (kind, refused) = match code {
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "READONLY" | "BUSY" | "MISCONF"
        | "NOREPLICAS" | "MOVED" | "ASK" => (ErrorKind::Unavailable, true),
        "OOM" => (ErrorKind::StoreFull, true),
        "NOAUTH" | "WRONGPASS" | "NOPERM" => (ErrorKind::Denied, true),
        "NOSCRIPT" | "CROSSSLOT" | "WRONGTYPE" => (ErrorKind::Rejected, true),
        // A right that a script's command lacks is reported without a code word of its own; in the
        // first of these words up to Redis 7.0, in the second since.
        "ERR"
            if detail.contains("user executing the script")
                || detail.contains("ACL failure in script") =>
        {
            (ErrorKind::Denied, false)
        }
        "ERR" if detail.contains("max number of clients") => (ErrorKind::Unavailable, true),
        "ERR" if detail.contains("cluster support disabled") => (ErrorKind::Config, true),
        _ => (ErrorKind::Rejected, false),
    };
    let effect = if refused && !started {
        Effect::NotApplied
    } else {
        Effect::Unknown
    };
    (kind, effect)
}

/// An error of the server, as it may be shown: the code word without the rest, which can name keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server answered {code}")]
pub struct ServerError {
    code: String,
    redirect: Option<Endpoint>,
    is_not_allowed: bool,
    is_cluster_down: bool,
}

impl ServerError {
    /// The error for an error reply, with this as its source.
    pub fn into_error(code: &str, detail: &str) -> Error {
        let (kind, effect) = classify(code, detail);
        Error::new(kind, effect).with_source(Self {
            code: code_word(code).to_owned(),
            redirect: redirect(code, detail),
            is_not_allowed: code == "NOPERM" || detail.starts_with("unknown command"),
            is_cluster_down: code == "CLUSTERDOWN" && !detail.starts_with("Hash slot not served"),
        })
    }

    /// The server's error that is an error's source, if one is.
    pub(crate) fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// Whether a connection failed for what the server replied to its handshake, and not to a
    /// password: a proxy, or an account, that knows no `HELLO`. The older protocol says as much.
    pub fn refuses_protocol(error: &Error) -> bool {
        Self::of(error).is_some_and(|it| !matches!(it.code(), "NOAUTH" | "WRONGPASS"))
    }

    /// The code word.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether the server would not run the command for this account, or knows no such command.
    pub(crate) fn is_not_allowed(&self) -> bool {
        self.is_not_allowed
    }

    /// Whether a cluster serves no slot, and not only the one that was asked for.
    pub(crate) fn is_cluster_down(&self) -> bool {
        self.is_cluster_down
    }

    /// Whether the server takes no writes: it may have been demoted behind its name.
    pub(crate) fn refuses_writes(&self) -> bool {
        matches!(self.code(), "READONLY" | "MASTERDOWN")
    }

    /// The node of a cluster that the answer points to.
    pub fn redirect(&self) -> Option<&Endpoint> {
        self.redirect.as_ref()
    }
}

/// Whether a node says that a slot is at another, or migrating.
pub(crate) fn is_redirected(error: &Error) -> bool {
    ServerError::of(error).is_some_and(|it| matches!(it.code(), "MOVED" | "ASK" | "TRYAGAIN"))
}

/// Of two failures the one that leaves more in doubt.
pub(crate) fn worse(one: Option<Error>, other: Error) -> Error {
    match one {
        Some(one) if one.effect() == Effect::Unknown => one,
        _ => other,
    }
}

/// An error's first word, if it is a code. Another may be anything, a value too, and is not shown.
fn code_word(word: &str) -> &str {
    let is_of_code = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    match (1..=24).contains(&word.len()) && word.bytes().all(is_of_code) {
        true => word,
        false => "…",
    }
}

/// The node in `MOVED slot host:port` and `ASK slot host:port`.
fn redirect(code: &str, detail: &str) -> Option<Endpoint> {
    if !matches!(code, "MOVED" | "ASK") {
        return None;
    }
    detail.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_changes_nothing_unless_a_script_has_started() {
        use Effect::{NotApplied, Unknown};
        use ErrorKind::{Denied, Rejected, StoreFull, Unavailable};
        for (code, detail, expected) in [
            ("OOM", "any text", (StoreFull, NotApplied)),
            ("LOADING", "any text", (Unavailable, NotApplied)),
            ("READONLY", "any text", (Unavailable, NotApplied)),
            ("NOPERM", "any text", (Denied, NotApplied)),
            ("NOSCRIPT", "any text", (Rejected, NotApplied)),
            (
                "OOM",
                "command not allowed when used memory > 'maxmemory'. script: 9f, on @user_script:3.",
                (StoreFull, Unknown),
            ),
            (
                "ERR",
                "The user executing the script can't run this command or subcommand script: 9f",
                (Denied, Unknown),
            ),
            (
                "ERR",
                "ACL failure in script: User app has no permissions to run the 'scan' command script: 9f",
                (Denied, Unknown),
            ),
        ] {
            assert_eq!(classify(code, detail), expected, "{code} {detail}");
        }
    }

    #[test]
    fn a_redirection_names_its_node() {
        let node = |host| Some(Endpoint::tcp(host, 6381));
        for (code, detail, expected) in [
            ("MOVED", "3999 127.0.0.1:6381", node("127.0.0.1")),
            ("ASK", "3999 [::1]:6381", node("::1")),
            ("MOVED", "3999", None),
            ("ERR", "3999 127.0.0.1:6381", None),
        ] {
            assert_eq!(redirect(code, detail), expected, "{code} {detail}");
        }
    }

    #[test]
    fn the_text_shows_a_code_word_only() {
        for (code, detail, shown) in [
            ("WRONGTYPE", "key session:secret", "WRONGTYPE"),
            ("secret", "is no code word", "…"),
            ("", "secret", "…"),
        ] {
            let error = ServerError::into_error(code, detail);
            let server = ServerError::of(&error).unwrap();
            assert_eq!(server.to_string(), format!("the server answered {shown}"));
            assert!(!format!("{error:?} {error}").contains("secret"));
        }
    }

    #[test]
    fn doubt_outlasts_certainty_in_either_order() {
        use Effect::{NotApplied, Unknown};
        for effects in [
            [NotApplied, Unknown, NotApplied],
            [Unknown, NotApplied, NotApplied],
        ] {
            let errors = effects.map(|effect| Error::new(ErrorKind::Unavailable, effect));
            let failure = errors
                .into_iter()
                .fold(None, |one, other| Some(worse(one, other)));
            assert_eq!(failure.unwrap().effect(), Unknown);
        }
    }
}

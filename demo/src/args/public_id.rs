//! Public ids on the command line.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use session_store::{PublicId, SessionId};

const IS_SECRET: &str = "that is a session's id, a secret that opens it: \
    name the session by its public id, which `demo sessions list` shows";

/// Takes public ids, and shows nothing of a word that is not one: it may be a cookie's value, which
/// opens a session. clap's own refusals show the word.
#[derive(Clone)]
pub(super) struct PublicIdParser;

impl TypedValueParser for PublicIdParser {
    type Value = PublicId;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        word: &OsStr,
    ) -> Result<PublicId, clap::Error> {
        // Blanks come with pasting, and from `with_public_ids_kept`.
        let text = word.to_str().unwrap_or_default().trim();
        PublicId::parse(text).map_err(|error| {
            let why = match SessionId::parse(text) {
                Ok(_) => IS_SECRET.to_owned(),
                Err(_) => error.to_string(),
            };
            let mut command = command.clone();
            command.error(ErrorKind::ValueValidation, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_public_id_is_not_shown() {
        let parse = |word: &str| {
            let parsed = PublicIdParser.parse_ref(&Command::new("demo"), None, word.as_ref());
            parsed.map(|public_id| public_id.to_string())
        };
        let public_id = "4nWUyWTEw-6RWZJ0oVgwLg";
        for word in [public_id, &format!(" {public_id}\n")] {
            assert_eq!(parse(word).unwrap(), public_id);
        }
        for (word, said) in [
            ("SECRET", "expected 22 characters"),
            ("SECRETSECRETSECRET-----", "expected 22 characters"),
            ("SECRETSECRETSECRETSECRET/", "expected 22 characters"),
            // Not canonical: bits are left over.
            ("SECRETSECRETSECRETSECB", "expected 22 characters"),
            // An id.
            (
                "SECRETSECRETSECRETSECRETSECRETSECRETSECRETA",
                "sessions list",
            ),
        ] {
            let refused = parse(word).unwrap_err();
            assert_eq!(refused.exit_code(), 2);
            let text = refused.to_string();
            assert!(text.contains(said) && !text.contains("SECRET"), "{text}");
        }
    }
}

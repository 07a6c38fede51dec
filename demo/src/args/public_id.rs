//! Handles on the command line.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use session_store::{SessionHandle, SessionId};

/// Takes handles, and shows nothing of what is none: it may be a cookie's value, which opens a
/// session. clap's own refusals show the word.
#[derive(Clone)]
pub(super) struct HandleParser;

impl TypedValueParser for HandleParser {
    type Value = SessionHandle;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        word: &OsStr,
    ) -> Result<SessionHandle, clap::Error> {
        // Blanks come with pasting, and from `with_handles_kept`.
        let text = word.to_str().unwrap_or_default().trim();
        SessionHandle::parse(text).map_err(|error| {
            let why = match SessionId::parse(text) {
                Ok(id) => format!(
                    "that is a session's id, a secret that opens it; its handle is {}",
                    id.handle()
                ),
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

    fn parse(word: &str) -> Result<String, String> {
        let parsed = HandleParser.parse_ref(&Command::new("demo"), None, word.as_ref());
        parsed
            .map(|handle| handle.as_str().to_owned())
            .map_err(|error| {
                assert_eq!(error.exit_code(), 2);
                error.to_string()
            })
    }

    #[test]
    fn what_is_no_handle_is_not_shown() {
        let handle = "4nWUyWTEw-6RWZJ0oVgwLg";
        assert_eq!(parse(handle), Ok(handle.to_owned()));
        assert_eq!(parse(&format!(" {handle}\n")), Ok(handle.to_owned()));
        for word in [
            "SECRET",
            "SECRETSECRETSECRET-----",
            "SECRETSECRETSECRETSECRET/",
        ] {
            let said = parse(word).unwrap_err();
            assert!(said.contains("expected 22 characters"), "{said}");
            assert!(!said.contains("SECRET"), "{said}");
        }
    }

    #[test]
    fn who_names_an_id_is_told_the_handle() {
        let id = SessionId::from_bytes(&[7; 32]);
        let said = parse(id.expose()).unwrap_err();
        assert!(said.contains(id.handle().as_str()), "{said}");
        assert!(!said.contains(id.expose()), "{said}");
    }
}

//! Public ids on the command line.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use session_store::{PublicId, SessionId};

const IS_SECRET: &str = "that is a session's id, a secret that opens it: \
    name the session by its public id, which `sessions list` shows";

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

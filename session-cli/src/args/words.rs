//! The words of the command line, before they are parsed.

use std::ffi::{OsStr, OsString};

use session_store::{PublicId, SessionId};

/// One public id in 64 begins with a hyphen, and would be taken for a flag. So public ids after
/// `revoke` and `show` get a blank before them, which their parser ignores. No flag looks like a
/// public id: none is 16 characters long. (Ids get one too, for somebody may paste one: a flag that
/// is refused would be shown.)
///
/// (clap's `allow_hyphen_values` would take the flags after a public id for public ids.)
pub(super) fn with_public_ids_kept(
    words: impl IntoIterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut takes_public_ids = false;
    words.into_iter().map(move |word| {
        if takes_public_ids && is_hyphened_name(&word) {
            let mut kept = OsString::from(" ");
            kept.push(word);
            return kept;
        }
        takes_public_ids |= word == "revoke" || word == "show";
        word
    })
}

fn is_hyphened_name(word: &OsStr) -> bool {
    let text = word.to_str().unwrap_or_default();
    let is_name = PublicId::parse(text).is_ok() || SessionId::parse(text).is_ok();
    text.starts_with('-') && is_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::CommandFactory as _;

    #[test]
    fn no_flag_looks_like_a_public_id() {
        let mut commands = vec![Args::command()];
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments() {
                let flag = format!("--{}", argument.get_long().unwrap_or_default());
                assert!(!is_hyphened_name(OsStr::new(&flag)), "{flag}");
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}

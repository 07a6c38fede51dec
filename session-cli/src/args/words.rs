//! The words of the command line, before they are parsed.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory as _;
use session_store::{PublicId, SessionId};

use super::Args;

/// One public id in 64 begins with a hyphen, and would be taken for a flag. So public ids after
/// `revoke` and `show` get a blank before them, which their parser ignores. No flag looks like a
/// public id: none is 16 characters long. A flag's value stays as it is. (Ids get one too, for
/// somebody may paste one: a flag that is refused would be shown.)
///
/// (clap's `allow_hyphen_values` would take the flags after a public id for public ids.)
pub(super) fn with_public_ids_kept(
    words: impl IntoIterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let flags = flags_with_values();
    let (mut takes_public_ids, mut is_value) = (false, false);
    words.into_iter().map(move |word| {
        let was_value = is_value;
        is_value = flags.iter().any(|flag| word == **flag);
        if takes_public_ids && !was_value && is_hyphened_name(&word) {
            let mut kept = OsString::from(" ");
            kept.push(word);
            return kept;
        }
        takes_public_ids |= word == "revoke" || word == "show";
        word
    })
}

/// The flags whose value may be the next word.
fn flags_with_values() -> Vec<String> {
    let command = Args::command();
    let subcommands = command.get_subcommands();
    let all = subcommands
        .chain([&command])
        .flat_map(clap::Command::get_arguments);
    let with_values = all.filter(|it| it.get_action().takes_values());
    let flags = with_values.filter_map(|it| Some(format!("--{}", it.get_long()?)));
    flags.collect()
}

fn is_hyphened_name(word: &OsStr) -> bool {
    let text = word.to_str().unwrap_or_default();
    let is_name = PublicId::parse(text).is_ok() || SessionId::parse(text).is_ok();
    text.starts_with('-') && is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_flag_stays_as_it_is() {
        let value = "-abcdefghijklmno";
        for (words, is_kept) in [
            (&["revoke", "--principal", value][..], true),
            (&["revoke", "--prefix", value], true),
            (&["--url", "revoke", "revoke", "--yes", value], false),
            (&["revoke", "--principal", "ann", value], false),
        ] {
            let all = with_public_ids_kept(words.iter().map(OsString::from));
            assert_eq!(all.last().unwrap() == value, is_kept, "{words:?}");
        }
    }

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

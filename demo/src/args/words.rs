//! The words of the command line, before they are parsed.

use std::ffi::{OsStr, OsString};

use session_store::{SessionHandle, SessionId};

/// One handle in 64 begins with a hyphen, and would be taken for a flag. So handles after `sessions
/// revoke` get a blank before them, which their parser ignores. No flag looks like a handle: none
/// is 22 characters long. (And so do ids, which somebody may paste: a flag that is refused would be
/// shown.)
///
/// (clap's `allow_hyphen_values` would take the flags after a handle for handles.)
pub(super) fn with_handles_kept(
    words: impl IntoIterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let (mut is_sessions, mut is_revoke) = (false, false);
    words.into_iter().map(move |word| {
        if is_revoke && is_hyphened_name(&word) {
            let mut kept = OsString::from(" ");
            kept.push(word);
            return kept;
        }
        is_revoke |= is_sessions && word == "revoke";
        is_sessions |= word == "sessions";
        word
    })
}

fn is_hyphened_name(word: &OsStr) -> bool {
    let text = word.to_str().unwrap_or_default();
    let is_name = SessionHandle::parse(text).is_ok() || SessionId::parse(text).is_ok();
    text.starts_with('-') && is_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::CommandFactory as _;

    const HANDLE: &str = "-nWUyWTEw-6RWZJ0oVgwLg";

    fn kept(words: &[&str]) -> Vec<String> {
        let kept = with_handles_kept(words.iter().map(OsString::from));
        kept.map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn only_handles_to_revoke_get_a_blank() {
        let blank = format!(" {HANDLE}");
        for words in [
            &["demo", HANDLE][..],
            &["demo", "--prefix", HANDLE, "sessions", "list", HANDLE],
            &["demo", "revoke", HANDLE],
            &["demo", "sessions", "revoke", "--backend", "fred"],
        ] {
            assert_eq!(kept(words), words);
        }
        assert_eq!(
            kept(&["demo", "sessions", "revoke", HANDLE, "-x", HANDLE]),
            ["demo", "sessions", "revoke", &blank, "-x", &blank]
        );
    }

    #[test]
    fn no_flag_looks_like_a_handle() {
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

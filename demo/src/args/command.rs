//! The subcommands.

use clap::Subcommand;
use session_store::admin::PageSize;
use session_store::{Principal, PublicId};

use super::public_id::PublicIdParser;

/// What to do in place of serving.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the sessions of all users and end any of them, while servers are using them
    ///
    /// Needs a store that is not a server's own: --backend redis-rs or --backend fred, and the
    /// server's flags of where the sessions are. The account on Redis needs the right `+scan`,
    /// which the server does without.
    ///
    /// No id is ever shown: sessions are named by handles, which are their public ids. A public id
    /// ends a session and opens none.
    ///
    /// Ends with 0; with 1 if a session to revoke was not there, 2 if the command line cannot be
    /// used, 3 if the store failed.
    #[command(after_help = AFTER_HELP)]
    Sessions {
        #[command(subcommand)]
        command: SessionsCommand,
    },
}

const AFTER_HELP: &str = "\
Examples:
  demo sessions list --backend redis-rs --principal Ann
  demo sessions revoke --backend redis-rs 4nWUyWTEw-6RWZJ0oVgwLg
  demo sessions count --backend redis-rs --id-storage plain";

/// What to do with the sessions.
#[derive(Subcommand)]
pub(crate) enum SessionsCommand {
    /// Show the sessions, one a line
    ///
    /// Scans the whole store, page by page, and touches nothing. A session that begins or ends
    /// meanwhile may be shown or not; in a store of more than 65536 sessions one may be shown
    /// twice.
    ///
    /// Control characters and the like are escaped: a user name is foreign text.
    List(ListArgs),

    /// Print how many sessions there are
    ///
    /// Counts those that a server with the same --id-storage finds. With `plain` these are the
    /// sessions stored under their ids: on the way to `hashed`, the last step is due at 0.
    Count,

    /// End sessions, whoever they belong to
    ///
    /// Prints for each one `revoked HANDLE` or `no such session: HANDLE`. The browser's cookie is
    /// no longer accepted.
    ///
    /// A session that is bound to a user keeps its public id until the next log-in. One that is
    /// bound to nobody has another as soon as its id is rotated.
    Revoke {
        /// The sessions' public ids, as `list` shows them
        #[arg(required = true, value_name = "HANDLE", value_parser = PublicIdParser)]
        public_ids: Vec<PublicId>,
    },
}

/// Which sessions to show, and how.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Only the sessions of this user, by the exact name
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<Principal>,

    /// About how many keys the server looks at in one step, 1 to 256 [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) page_size: Option<PageSize>,

    /// One JSON object per line: handle, principal, created_at, last_accessed_at, ttl_seconds,
    /// remaining_seconds (null: no expiry), deadline
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use std::ffi::OsString;

    fn parse(words: &[&str]) -> Result<SessionsCommand, clap::Error> {
        let words = ["demo", "sessions"].iter().chain(words);
        let args = Args::of(words.map(OsString::from))?;
        let Some(Command::Sessions { command }) = args.command else {
            panic!("no command");
        };
        Ok(command)
    }

    fn refusal(words: &[&str]) -> String {
        parse(words).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_list_may_be_narrowed() {
        let words = ["list", "--principal", "Ann", "--page-size", "7", "--json"];
        let Ok(SessionsCommand::List(list)) = parse(&words) else {
            panic!("no list");
        };
        assert_eq!(list.principal.unwrap().as_str(), "Ann");
        assert_eq!(list.page_size.map(PageSize::get), Some(7));
        assert!(list.json);
        for (words, said) in [
            (&["list", "--page-size", "0"][..], "1 to 256"),
            (&["list", "--page-size", "257"], "1 to 256"),
            (&["list", "--page-size", "x"], "1 to 256"),
            (&["list", "--principal", ""], "1 to 256 bytes"),
        ] {
            assert!(refusal(words).contains(said), "{words:?}");
        }
    }

    #[test]
    fn public_ids_are_checked_and_may_begin_with_a_hyphen() {
        let revoked = |words: &[&str]| match parse(&[&["revoke"], words].concat()) {
            Ok(SessionsCommand::Revoke { public_ids }) => public_ids
                .iter()
                .map(PublicId::to_string)
                .collect::<Vec<_>>(),
            Ok(_) => panic!("another command"),
            Err(error) => panic!("{error}"),
        };
        let (one, other) = ("4nWUyWTEw-6RWZJ0oVgwLg", "--WUyWTEw-6RWZJ0oVgwLg");
        assert_eq!(revoked(&[one]), [one]);
        assert_eq!(revoked(&[other, one]), [other, one]);
        assert_eq!(revoked(&[one, "--backend", "fred", other]), [one, other]);
        assert_eq!(revoked(&["--", other, one]), [other, one]);
        for word in [
            "",
            "x",
            "4nWUyWTEw-6RWZJ0oVgwL",
            "4nWUyWTEw-6RWZJ0oVgwL/",
            // Not canonical: bits are left over.
            "4nWUyWTEw-6RWZJ0oVgwLh",
        ] {
            assert!(
                refusal(&["revoke", word]).contains("not a valid public id"),
                "{word:?}"
            );
        }
        assert!(refusal(&["revoke"]).contains("HANDLE"));
        assert!(refusal(&["revoke", "--nothing"]).contains("--nothing"));
    }
}

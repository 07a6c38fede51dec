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
  demo sessions revoke --backend redis-rs 4nWUyWTEw-6RWZJ0
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

    fn parse(words: &[&str]) -> Result<SessionsCommand, String> {
        let words = ["demo", "sessions"].iter().chain(words).map(OsString::from);
        match Args::of(words).map(|args| args.command) {
            Ok(Some(Command::Sessions { command })) => Ok(command),
            Ok(None) => panic!("no command"),
            Err(error) => Err(error.to_string()),
        }
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
        for (flag, value) in [
            ("--page-size", "0"),
            ("--page-size", "257"),
            ("--page-size", "x"),
            ("--principal", ""),
        ] {
            let refused = parse(&["list", flag, value]).err().unwrap();
            assert!(refused.contains("1 to 256"), "{refused}");
        }
    }

    #[test]
    fn public_ids_may_begin_with_a_hyphen() {
        let (one, other) = ("4nWUyWTEw-6RWZJ0", "--WUyWTEw-6RWZJ0");
        for (words, expected) in [
            (&["revoke", one][..], &[one][..]),
            (&["revoke", other, one], &[other, one]),
            (&["revoke", one, "--backend", "fred", other], &[one, other]),
            (&["revoke", "--", other, one], &[other, one]),
            // Blanks come with pasting.
            (&["revoke", " 4nWUyWTEw-6RWZJ0\n"], &[one]),
        ] {
            let Ok(SessionsCommand::Revoke { public_ids }) = parse(words) else {
                panic!("{words:?}");
            };
            let texts: Vec<_> = public_ids.iter().map(PublicId::as_str).collect();
            assert_eq!(texts, expected);
        }
        // Somebody may have pasted a cookie.
        const SHAPE: &str = "expected 16 characters";
        let id = "SECRETSECRETSECRETSECRETSECRETSECRETSECRETA";
        let hyphened = "--CRETSECRETSECRETSECRETSECRETSECRETSECRETA";
        for (words, said) in [
            (&["revoke"][..], "HANDLE"),
            (&["revoke", "--nothing"], "--nothing"),
            (&["revoke", ""], SHAPE),
            (&["revoke", "SECRET"], SHAPE),
            (&["revoke", "SECRETSECRETSEC="], SHAPE),
            (&["revoke", id], "sessions list"),
            (&["revoke", hyphened], "sessions list"),
            (&["list", other], "unexpected argument"),
        ] {
            let refused = parse(words).err().unwrap();
            assert!(refused.contains(said), "{refused}");
            assert!(!refused.contains("SECRET"), "{refused}");
        }
    }
}

//! The subcommands.

use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use clap_complete::Shell;
use session_store::{PageCursor, Principal, PublicId};

use super::public_id::PublicIdParser;
use super::store::duration;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the sessions, one a line
    ///
    /// Scans the whole store, page by page, and touches nothing. A session that begins or ends
    /// meanwhile may be shown or not; in a store of more than 65536 sessions one may be shown
    /// twice. Control characters and the like are escaped: a user name is foreign text.
    ///
    /// The keys of the JSON: public_id, principal (null: nobody's), created_at, last_accessed_at,
    /// ttl_seconds, expires_in_seconds (null: no expiry), deadline (null: none). Behind them, where
    /// --limit has ended the list, an object with next, which --from takes.
    List(ListArgs),

    /// Print how many sessions there are
    ///
    /// Counts those that a server with the same prefix and --id-storage finds. With `plain` these
    /// are the sessions stored under their ids: on the way to `hashed`, the last step is due at 0.
    ///
    /// The keys of the JSON: sessions, principal.
    Count(CountArgs),

    /// Show one session: its times, and the names and sizes of its fields
    ///
    /// Scans the store for it and touches nothing. Never shows the id, and values only where
    /// --values asks for them.
    ///
    /// The keys of the JSON: those of list, login_at, and fields: objects of name, bytes and, with
    /// --values, value, or value_hex where it is not UTF-8.
    Show(ShowArgs),

    /// End sessions, whoever they belong to
    ///
    /// The cookies of their browsers are no longer accepted. Sessions named by public ids end at
    /// once; else a terminal is asked first, and without one --yes is needed.
    ///
    /// A session that is bound to a principal keeps its public id until the next log-in. One that
    /// is bound to nobody has another as soon as its id is rotated.
    ///
    /// The keys of the JSON: public_id and revoked, an object a line; or revoked (how many),
    /// dry_run, of_unknown_age (how many --older-than left alone for want of a readable time), and
    /// complete (false: the store failed, and at least as many have ended).
    Revoke(RevokeArgs),

    /// Count the sessions again and again, until Ctrl-C
    ///
    /// Each count scans the whole store. On a terminal one line is updated; else there is a line
    /// for each count. The keys of the JSON: time, sessions, bound (to a principal), change.
    Watch(WatchArgs),

    /// Look whether the servers are what sessions need, and say what to do where they are not
    ///
    /// Changes nothing. Each finding is ok, a warning or a problem. Ends with 0; with 1 if there
    /// are warnings and --strict; with 2 if there are problems, such as a store that cannot be
    /// reached.
    ///
    /// The keys of the JSON, an object a line: level (ok, warning, problem), check, server (null:
    /// of the whole store), found, advice (null: none).
    Doctor(DoctorArgs),

    /// Delete the rows of sessions that have expired, on SQLite and PostgreSQL
    ///
    /// In small batches, none of which holds up the applications. Needed where no application does
    /// it by itself. Redis needs no such thing.
    ///
    /// The keys of the JSON: rows, batches, longest_ms.
    Purge,

    /// Print the SQL that makes the table, for those who apply it themselves
    ///
    /// Of the database that the URL names, which is not connected to. The key of the JSON: sql.
    Schema,

    /// Print completions for a shell
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },

    /// Print the manual page, or that of a command
    Man {
        /// The command; without one, the page of `sessions` itself
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

/// Which sessions to show.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Only the sessions of this principal (a user), by the exact name
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<Principal>,

    /// About how many to show: the page on which it is reached is shown whole
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    /// Where to begin: what a list that --limit has ended says at its end
    #[arg(long, value_name = "CURSOR")]
    pub(crate) from: Option<PageCursor>,
}

/// Which sessions to count.
#[derive(clap::Args)]
pub(crate) struct CountArgs {
    /// Only the sessions of this principal (a user), by the exact name
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<Principal>,
}

/// Which session to show.
#[derive(clap::Args)]
pub(crate) struct ShowArgs {
    /// The session's public id, as `list` shows it
    #[arg(value_name = "PUBLIC_ID", value_parser = PublicIdParser)]
    pub(crate) public_id: PublicId,

    /// Show the values of its fields, too
    #[arg(long)]
    pub(crate) values: bool,
}

/// Which sessions to end.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(false))]
pub(crate) struct RevokeArgs {
    /// The sessions' public ids, as `list` shows them
    #[arg(value_name = "PUBLIC_ID", value_parser = PublicIdParser, group = "which")]
    pub(crate) public_ids: Vec<PublicId>,

    /// All sessions of this principal (a user), by the exact name
    #[arg(long, value_name = "NAME", group = "which")]
    pub(crate) principal: Option<Principal>,

    /// All sessions of the store
    #[arg(long, group = "which")]
    pub(crate) all: bool,

    /// All that were created longer ago than this, such as 30d or 12h, used since or not
    ///
    /// The age is subtracted from this machine's clock, and compared with created_at, which the
    /// application has stored by its own clock: where the two differ, so does the age. Log-ins and
    /// rotations keep created_at. A session whose created_at is no RFC 3339 is left alone, and
    /// counted.
    #[arg(long, value_name = "AGE", group = "which", value_parser = duration)]
    pub(crate) older_than: Option<Duration>,

    /// Only say how many, or which, would end
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// How often to count.
#[derive(clap::Args)]
pub(crate) struct WatchArgs {
    /// How long to wait between two counts
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub(crate) every: Duration,

    /// End after so many counts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
}

/// How strict to be.
#[derive(clap::Args)]
pub(crate) struct DoctorArgs {
    /// End with 1 if there are warnings
    #[arg(long)]
    pub(crate) strict: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use std::ffi::OsString;

    fn parse(words: &[&str]) -> Result<Command, String> {
        let words = ["sessions"].iter().chain(words).map(OsString::from);
        match Args::of(words) {
            Ok(args) => Ok(args.command),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn public_ids_may_begin_with_a_hyphen() {
        let (one, other) = ("4nWUyWTEw-6RWZJ0", "--WUyWTEw-6RWZJ0");
        for (words, expected) in [
            (&["revoke", one][..], &[one][..]),
            (&["revoke", other, one], &[other, one]),
            (&["revoke", one, "--prefix", "a:", other], &[one, other]),
            (&["revoke", "--", other, one], &[other, one]),
            (&["show", other], &[other]),
            // Blanks come with pasting.
            (&["revoke", " 4nWUyWTEw-6RWZJ0\n"], &[one]),
        ] {
            let public_ids = match parse(words) {
                Ok(Command::Revoke(args)) => args.public_ids,
                Ok(Command::Show(args)) => vec![args.public_id],
                _ => panic!("{words:?}"),
            };
            let texts: Vec<_> = public_ids.iter().map(PublicId::as_str).collect();
            assert_eq!(texts, expected);
        }
        // Somebody may have pasted a cookie.
        const SHAPE: &str = "expected 16 characters";
        let id = "SECRETSECRETSECRETSECRETSECRETSECRETSECRETA";
        let hyphened = "--CRETSECRETSECRETSECRETSECRETSECRETSECRETA";
        for (words, said) in [
            (&["revoke", "--nothing"][..], "--nothing"),
            (&["revoke", ""], SHAPE),
            (&["revoke", "SECRET"], SHAPE),
            (&["revoke", "SECRETSECRETSEC="], SHAPE),
            (&["revoke", id], "sessions list"),
            (&["show", id], "sessions list"),
            (&["show", hyphened], "sessions list"),
            (&["revoke", hyphened], "sessions list"),
            (&["list", other], "unexpected argument"),
        ] {
            let refused = parse(words).err().unwrap();
            assert!(refused.contains(said), "{refused}");
            assert!(!refused.contains("SECRET"), "{refused}");
        }
    }
}

//! Ending sessions.

mod mass;

use std::collections::HashSet;
use std::io::{self, BufRead as _, IsTerminal as _, Write};

use serde::Serialize;
use session_store::PublicId;
use session_store::admin::{PageSize, SessionAdmin};

use self::mass::{Mass, Tally};
use super::Job;
use crate::args::RevokeArgs;
use crate::elsewhere::{NO_SESSIONS, NONE_OF_PRINCIPAL, say_that_none_are_found};
use crate::failure::Failure;
use crate::run::{Ended, say};
use crate::scan::Scan;
use crate::text::counted;

/// What became of a session that was named.
#[derive(Serialize)]
struct Named<'a> {
    public_id: &'a str,
    revoked: bool,
    dry_run: bool,
}

/// What became of many.
#[derive(Serialize)]
struct Many {
    revoked: u64,
    dry_run: bool,
    of_unknown_age: u64,
    /// Not, where the store has failed meanwhile.
    complete: bool,
}

impl<W: Write> Job<'_, W> {
    /// Ends the sessions that are meant, once that is confirmed. Goes on when nobody reads the
    /// output: they are to end all the same.
    pub(crate) async fn revoke(&mut self, args: &RevokeArgs) -> Result<Ended, Failure> {
        if !args.public_ids.is_empty() {
            return self.revoke_named(args).await;
        }
        let asks = !args.yes && !args.dry_run;
        if asks && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(Failure::usage(
                "there is no terminal to ask on: say --yes, or --dry-run to see how many sessions would end",
            ));
        }
        let (backend, admin) = self.place.open()?;
        let mass = Mass::of(args, &*backend, &*admin);
        let found = match args.dry_run || asks {
            true => Some(mass.count().await?),
            false => None,
        };
        let mut tally = Tally::default();
        let mut ended = Ok(());
        let verb = match found {
            Some(found) if args.dry_run || found.sessions == 0 => {
                tally = found;
                if args.dry_run {
                    "would revoke"
                } else {
                    "revoked"
                }
            }
            found => {
                if let Some(found) = found {
                    let sessions = counted(found.sessions, "session");
                    let (what, place) = (mass.name(), &self.place.name);
                    confirm(&format!("End {sessions} ({what}) on {place}?"))?;
                }
                let found = found.map(|found| found.sessions);
                ended = mass.end(found, &mut tally).await;
                "revoked"
            }
        };
        // What has ended is known to nobody else.
        if ended.is_ok() || tally.sessions > 0 {
            let many = Many {
                revoked: tally.sessions,
                dry_run: args.dry_run,
                of_unknown_age: tally.of_unknown_age,
                complete: ended.is_ok(),
            };
            let sessions = counted(tally.sessions, "session");
            let text = match ended {
                Ok(()) => format!("{verb} {sessions}"),
                Err(_) => format!("{verb} at least {sessions}; then the store failed"),
            };
            self.line(&many, &text)?;
            self.out.flush()?;
        }
        ended?;
        if tally.of_unknown_age > 0 {
            let left = counted(tally.of_unknown_age, "session");
            say(&format!(
                "{left} left alone: their created_at is not a time"
            ));
        }
        if tally.sessions == 0 {
            if args.principal.is_some() {
                say_that_none_are_found(self.place, NONE_OF_PRINCIPAL).await;
            } else if args.all || !has_any(&*admin).await? {
                say_that_none_are_found(self.place, NO_SESSIONS).await;
            }
        }
        Ok(Ended::Done)
    }

    /// In one scan, whatever their number.
    async fn revoke_named(&mut self, args: &RevokeArgs) -> Result<Ended, Failure> {
        let (_, admin) = self.place.open()?;
        let there = match args.dry_run {
            true => find(&*admin, &args.public_ids).await?,
            false => admin.revoke_named(&args.public_ids).await?,
        };
        let (mut told, mut is_complete) = (HashSet::new(), true);
        for public_id in &args.public_ids {
            // Named twice, it is one all the same.
            if !told.insert(public_id) {
                continue;
            }
            let is_there = there.contains(public_id);
            is_complete &= is_there;
            let text = match (is_there, args.dry_run) {
                (true, false) => format!("revoked {public_id}"),
                (true, true) => format!("would revoke {public_id}"),
                (false, _) => format!("no such session: {public_id}"),
            };
            let named = Named {
                public_id: public_id.as_str(),
                revoked: is_there,
                dry_run: args.dry_run,
            };
            self.line(&named, &text)?;
        }
        Ok(match is_complete {
            true => Ended::Done,
            false => Ended::NotFound,
        })
    }
}

/// Whether there are sessions at all.
async fn has_any(admin: &dyn SessionAdmin) -> Result<bool, Failure> {
    let mut scan = Scan::from(admin, None);
    while let Some(page) = scan.page(PageSize::MAX).await? {
        if !page.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which of these there are.
async fn find(
    admin: &dyn SessionAdmin,
    public_ids: &[PublicId],
) -> Result<HashSet<PublicId>, Failure> {
    let (mut scan, mut found) = (Scan::from(admin, None), HashSet::new());
    while let Some(page) = scan.page(PageSize::MAX).await? {
        let shown = page.iter().map(|it| it.session.public_id);
        found.extend(shown.filter(|it| public_ids.contains(it)));
    }
    Ok(found)
}

/// Asks on the terminal. Anything but yes is no, and so is what is no text.
fn confirm(question: &str) -> Result<(), Failure> {
    let mut terminal = io::stderr();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut answer)?;
    match answer.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Ok(()),
        _ => Err(Failure::Declined),
    }
}

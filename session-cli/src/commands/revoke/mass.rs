//! Many sessions at once: which, how many, and their end.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use session_store::admin::{PageSize, Selection, SessionAdmin};
use session_store::{Principal, SessionBackend, Timestamp};

use crate::args::RevokeArgs;
use crate::failure::Failure;
use crate::scan::Scan;
use crate::text::escaped;

/// Which sessions are to end.
#[derive(Debug)]
enum Which<'a> {
    /// Those of a principal, who has a list of them.
    OfPrincipal(&'a Principal),
    Selected(Selection),
}

/// Many sessions at once.
#[derive(Debug)]
pub(super) struct Mass<'a> {
    which: Which<'a>,
    /// For people.
    age: Option<Duration>,
    backend: &'a dyn SessionBackend,
    admin: &'a dyn SessionAdmin,
}

/// How many sessions were counted, or have ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) sessions: u64,
    /// Of how many it is not known when they were created, where that matters.
    pub(super) of_unknown_age: u64,
}

impl<'a> Mass<'a> {
    pub(super) fn of(
        args: &'a RevokeArgs,
        backend: &'a dyn SessionBackend,
        admin: &'a dyn SessionAdmin,
    ) -> Self {
        let which = match (&args.principal, args.older_than) {
            (Some(principal), _) => Which::OfPrincipal(principal),
            (None, Some(age)) => {
                let before = SystemTime::now().checked_sub(age);
                // Before all that a timestamp can say there is nothing.
                let before = before.unwrap_or(SystemTime::UNIX_EPOCH);
                let before = Timestamp::from_system_time(before);
                Which::Selected(Selection::CreatedBefore(before))
            }
            (None, None) => Which::Selected(Selection::All),
        };
        Self {
            which,
            age: args.older_than,
            backend,
            admin,
        }
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        match (&self.which, self.age) {
            (Which::OfPrincipal(principal), _) => {
                format!("all of {}", escaped(principal.as_str()))
            }
            (_, Some(age)) => format!("created over {} ago", humantime::format_duration(age)),
            (_, None) => "all".to_owned(),
        }
    }

    /// How many there are.
    pub(super) async fn count(&self) -> Result<Tally, Failure> {
        let which = match &self.which {
            Which::OfPrincipal(principal) => return self.count_listed(principal).await,
            Which::Selected(which) => which,
        };
        let bar = progress(None, "looking at");
        let (mut scan, mut tally) = (Scan::from(self.admin, None), Tally::default());
        let mut seen = HashSet::new();
        while let Some(page) = scan.page(PageSize::MAX).await? {
            bar.inc(size(page.len()));
            for shown in &page {
                if !seen.insert(shown.session.public_id) {
                    continue;
                }
                match which.includes(shown) {
                    Some(is_meant) => tally.sessions += u64::from(is_meant),
                    None => tally.of_unknown_age += 1,
                }
            }
        }
        bar.finish_and_clear();
        Ok(tally)
    }

    /// Ends them in one pass over the store; those of a principal by its list.
    pub(super) async fn end(&self, expected: Option<u64>) -> Result<Tally, Failure> {
        let which = match &self.which {
            Which::OfPrincipal(principal) => {
                let ended = self.backend.revoke_sessions(principal, None).await?;
                return Ok(Tally {
                    sessions: ended,
                    of_unknown_age: 0,
                });
            }
            Which::Selected(which) => which,
        };
        let bar = progress(expected, "ended");
        let (mut scan, mut tally) = (Scan::from(self.admin, None), Tally::default());
        while let Some(revoked) = scan.revoke(which).await? {
            let ended = size(revoked.ended.len());
            bar.inc(ended);
            tally.sessions += ended;
            tally.of_unknown_age += revoked.undecided;
        }
        bar.finish_and_clear();
        Ok(tally)
    }

    /// Without what a scan of the whole store takes.
    async fn count_listed(&self, principal: &Principal) -> Result<Tally, Failure> {
        let (mut tally, mut cursor) = (Tally::default(), None);
        loop {
            let list = self.backend.list_sessions_page(
                principal,
                Vec::new(),
                cursor.as_ref(),
                PageSize::MAX,
            );
            let page = list.await?;
            tally.sessions += size(page.sessions.len());
            cursor = page.next;
            if cursor.is_none() {
                return Ok(tally);
            }
        }
    }
}

/// Of so many sessions, if that is known. Shown on a terminal only.
fn progress(of: Option<u64>, verb: &'static str) -> ProgressBar {
    let (bar, template) = match of {
        Some(of) => (
            ProgressBar::new(of),
            "{msg} {human_pos} of {human_len} sessions {wide_bar} {eta}",
        ),
        None => (
            ProgressBar::no_length(),
            "{msg} {human_pos} sessions, {per_sec}",
        ),
    };
    // A template that cannot be read would be a mistake here: then the bar looks as bars do.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(verb)
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

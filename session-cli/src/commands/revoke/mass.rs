//! Many sessions at once: which, how many, and their end.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use session_store::admin::{PageSize, Selection, SessionAdmin, SessionOverview};
use session_store::{Effect, Principal, SessionBackend, Timestamp};

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

    /// How many there are, by a scan, which changes nothing.
    pub(super) async fn count(&self) -> Result<Tally, Failure> {
        let bar = progress(None, "looking at");
        let (mut scan, mut tally) = (Scan::from(self.admin, None), Tally::default());
        let mut seen = HashSet::new();
        while let Some(page) = scan.page(PageSize::MAX).await? {
            bar.inc(size(page.len()));
            for shown in &page {
                if !seen.insert(shown.session.public_id) {
                    continue;
                }
                match self.which.includes(shown) {
                    Some(is_meant) => tally.sessions += u64::from(is_meant),
                    None => tally.of_unknown_age += 1,
                }
            }
        }
        bar.finish_and_clear();
        Ok(tally)
    }

    /// Ends them, and counts those that have ended, until it fails, too.
    pub(super) async fn end(
        &self,
        expected: Option<u64>,
        ended: &mut Tally,
    ) -> Result<(), Failure> {
        match &self.which {
            Which::OfPrincipal(principal) => self.end_those_of(principal, ended).await,
            Which::Selected(which) => self.end_selected(which, expected, ended).await,
        }
    }

    /// By the principal's list, then by a scan: a server that evicts may have lost the list.
    async fn end_those_of(&self, principal: &Principal, ended: &mut Tally) -> Result<(), Failure> {
        ended.sessions = self.backend.revoke_sessions(principal, None).await?;
        let (mut scan, mut left) = (Scan::from(self.admin, None), HashSet::new());
        while let Some(page) = scan.page(PageSize::MAX).await? {
            let left_here = page
                .iter()
                .filter(|it| it.principal.as_ref() == Some(principal));
            left.extend(left_here.map(|it| it.session.public_id));
        }
        let left: Vec<_> = left.into_iter().collect();
        ended.sessions += size(self.admin.revoke_named(&left).await?.len());
        Ok(())
    }

    /// In one pass over the store.
    async fn end_selected(
        &self,
        which: &Selection,
        expected: Option<u64>,
        ended: &mut Tally,
    ) -> Result<(), Failure> {
        let bar = progress(expected, "ended");
        let mut scan = Scan::from(self.admin, None);
        let mut are_left = false;
        loop {
            let revoked = scan
                .revoke(which)
                .await
                .map_err(|error| match ended.sessions {
                    0 => error,
                    // The failed page's own effect says nothing of those before it.
                    _ => error.with_effect(Effect::Unknown),
                });
            let Some(revoked) = revoked? else {
                break;
            };
            bar.inc(size(revoked.ended.len()));
            ended.sessions += size(revoked.ended.len());
            are_left |= revoked.undecided > 0;
        }
        bar.finish_and_clear();
        if are_left {
            // The pages do not say which they were, and a session may be on two.
            ended.of_unknown_age = self.count().await?.of_unknown_age;
        }
        Ok(())
    }
}

impl Which<'_> {
    /// Whether this session is meant; `None` where that cannot be known.
    fn includes(&self, shown: &SessionOverview) -> Option<bool> {
        match self {
            Self::OfPrincipal(principal) => Some(shown.principal.as_ref() == Some(*principal)),
            Self::Selected(which) => which.includes(shown),
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

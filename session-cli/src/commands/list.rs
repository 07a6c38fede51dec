//! Showing the sessions.

use std::io::Write;

use serde_json::json;
use session_store::admin::{PageSize, SessionOverview};

use super::Job;
use crate::args::ListArgs;
use crate::elsewhere::{NO_SESSIONS, NONE_OF_PRINCIPAL, say_that_none_are_found};
use crate::failure::Failure;
use crate::row::{HEADING, Row, WIDTHS};
use crate::run::{Ended, say};
use crate::scan::Scan;
use crate::seen::Seen;
use crate::table::table;

impl<W: Write> Job<'_, W> {
    /// Writes a line per session, page by page.
    ///
    /// One principal's sessions are picked out of the scan. `SessionBackend::list_sessions` would
    /// find them faster, but knows neither TTL nor deadline nor what remains of them; and it prunes
    /// the principal's index, where looking should change nothing.
    pub(crate) async fn list(&mut self, args: &ListArgs) -> Result<Ended, Failure> {
        let (_, admin) = self.place.open()?;
        let is_meant = |overview: &&SessionOverview| match &args.principal {
            Some(principal) => overview.principal.as_ref() == Some(principal),
            None => true,
        };
        let mut scan = Scan::from(&*admin, args.from.as_ref());
        let (mut seen, mut shown, mut is_empty) = (Seen::default(), 0_u64, true);
        let left = |shown| args.limit.map(|limit| limit.saturating_sub(shown));
        let mut size = page_size(left(0), args.principal.is_some());
        while let Some(page) = scan.page(size).await? {
            is_empty &= page.is_empty();
            let new = page.iter().filter(is_meant);
            let rows: Vec<_> = new
                .filter(|overview| seen.is_new(overview.session.public_id))
                .map(Row::of)
                .collect();
            self.rows(&rows, shown == 0)?;
            shown += u64::try_from(rows.len()).unwrap_or(u64::MAX);
            let left = left(shown);
            if left == Some(0) || !self.out.is_read() {
                break;
            }
            size = page_size(left, args.principal.is_some());
        }
        if let Some(next) = scan.cursor().filter(|_| self.out.is_read()) {
            match self.is_json {
                true => self
                    .out
                    .line(&json!({ "next": next.as_str() }).to_string())?,
                false => say(&format!("there is more: --from {next}")),
            }
        } else if shown == 0 && args.principal.is_some() && !is_empty {
            say(NONE_OF_PRINCIPAL);
        } else if shown == 0 && args.from.is_none() {
            say_that_none_are_found(self.place, NO_SESSIONS).await;
        }
        Ok(Ended::Done)
    }

    fn rows(&mut self, rows: &[Row<'_>], is_first: bool) -> Result<(), Failure> {
        if self.is_json {
            for row in rows {
                self.out.line(&crate::text::json(row)?)?;
            }
        } else if !rows.is_empty() {
            let heading = is_first.then_some(HEADING);
            let cells = rows.iter().map(Row::cells);
            self.out.line(&table(WIDTHS, heading, cells))?;
        }
        // Before the next page, which may take a while.
        self.out.flush()?;
        Ok(())
    }
}

/// So many keys that a page does not go far beyond what is left to show.
fn page_size(left: Option<u64>, is_filtered: bool) -> PageSize {
    let left = left.filter(|_| !is_filtered);
    let left = left.and_then(|left| u32::try_from(left.max(1)).ok());
    let size = left.and_then(|left| PageSize::new(left).ok());
    size.unwrap_or(PageSize::MAX)
}

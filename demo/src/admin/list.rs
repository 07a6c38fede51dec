//! Showing the sessions.

use std::io::Write;

use session_store::admin::{SessionAdmin, SessionOverview};

use super::failure::Failure;
use super::output::Output;
use super::row::Row;
use super::seen::Seen;
use crate::args::ListArgs;

/// Writes a line per session, page by page; how many.
///
/// One user's sessions are picked out of the scan. `SessionBackend::list_sessions` would find them
/// faster, but knows neither TTL nor deadline nor what remains of them; and it prunes the user's
/// index, where looking should change nothing.
pub(super) async fn list<W: Write>(
    admin: &dyn SessionAdmin,
    args: &ListArgs,
    out: &mut Output<W>,
) -> Result<u64, Failure> {
    let is_meant = |overview: &SessionOverview| match &args.principal {
        Some(principal) => overview.principal.as_ref() == Some(principal),
        None => true,
    };
    let size = args.page_size.unwrap_or_default();
    let (mut seen, mut shown) = (Seen::default(), 0);
    let mut cursor = None;
    loop {
        let page = admin.list_page(cursor.as_ref(), size).await?;
        for overview in page.sessions.iter().filter(|shown| is_meant(shown)) {
            if !seen.is_new(overview.session.public_id) {
                continue;
            }
            if shown == 0 && !args.json {
                out.line(&Row::heading())?;
            }
            shown += 1;
            let row = Row::of(overview);
            out.line(&if args.json { row.json()? } else { row.line() })?;
        }
        out.flush()?;
        // How far it is, for whoever waits for one user among millions.
        tracing::debug!(looked_at = page.sessions.len(), shown, "a page");
        cursor = page.next;
        if cursor.is_none() || !out.is_read() {
            return Ok(shown);
        }
    }
}

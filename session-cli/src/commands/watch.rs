//! Counting again and again.

use std::collections::HashMap;
use std::io::Write;
use std::time::SystemTime;

use serde::Serialize;
use session_store::Timestamp;
use session_store::admin::{PageSize, SessionAdmin};

use super::Job;
use crate::args::WatchArgs;
use crate::failure::Failure;
use crate::run::Ended;
use crate::scan::Scan;
use crate::text::counted;

/// One count.
#[derive(Debug, Serialize)]
struct Count {
    time: String,
    sessions: u64,
    bound: u64,
    change: i64,
}

impl<W: Write> Job<'_, W> {
    /// Writes a count, waits, and so on until Ctrl-C, the last count that was asked for, or nobody
    /// reads.
    pub(crate) async fn watch(&mut self, args: &WatchArgs) -> Result<Ended, Failure> {
        let (_, admin) = self.place.open()?;
        let is_updated = !self.is_json && console::Term::stdout().features().is_attended();
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let (mut last, mut times) = (None, 0);
        let ended = loop {
            let count = tokio::select! {
                count = count(&*admin, last) => count,
                _ = &mut interrupted => break Ok(Ended::Done),
            };
            let count = match count {
                Ok(count) => count,
                Err(error) => break Err(error),
            };
            last = Some(count.sessions);
            times += 1;
            match is_updated {
                // From the beginning of the line, which is emptied first.
                true => self.out.part(&format!("\r\u{1b}[2K{}", count.text()))?,
                false => self.line(&count, &count.text())?,
            }
            self.out.flush()?;
            if args.times.is_some_and(|most| times >= most) || !self.out.is_read() {
                break Ok(Ended::Done);
            }
            tokio::select! {
                () = tokio::time::sleep(args.every) => {}
                _ = &mut interrupted => break Ok(Ended::Done),
            }
        };
        if is_updated {
            self.out.line("")?;
        }
        ended
    }
}

impl Count {
    fn text(&self) -> String {
        let (sessions, bound) = (counted(self.sessions, "session"), self.bound);
        format!(
            "{}  {sessions}, {bound} bound, {:+}",
            self.time, self.change
        )
    }
}

async fn count(admin: &dyn SessionAdmin, last: Option<u64>) -> Result<Count, Failure> {
    let (mut scan, mut seen) = (Scan::from(admin, None), HashMap::new());
    while let Some(page) = scan.page(PageSize::MAX).await? {
        let shown = page.into_iter();
        seen.extend(shown.map(|it| (it.session.public_id, it.principal.is_some())));
    }
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let sessions = number(seen.len());
    let change = sessions.wrapping_sub(last.unwrap_or(sessions));
    Ok(Count {
        time: Timestamp::from_system_time(SystemTime::now()).to_string(),
        sessions,
        bound: number(seen.values().filter(|is_bound| **is_bound).count()),
        change: change.cast_signed(),
    })
}

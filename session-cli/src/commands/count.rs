//! How many sessions there are.

use std::collections::HashSet;
use std::io::Write;

use serde::Serialize;
use session_store::Principal;
use session_store::admin::{PageSize, SessionAdmin};

use super::Job;
use crate::args::CountArgs;
use crate::elsewhere::{NO_SESSIONS, say_that_none_are_found};
use crate::failure::Failure;
use crate::run::Ended;
use crate::scan::Scan;

#[derive(Serialize)]
struct Count<'a> {
    sessions: u64,
    principal: Option<&'a str>,
}

impl<W: Write> Job<'_, W> {
    /// Writes the number.
    pub(crate) async fn count(&mut self, args: &CountArgs) -> Result<Ended, Failure> {
        let (_, admin) = self.place.open()?;
        let sessions = match &args.principal {
            Some(principal) => of_principal(&*admin, principal).await?,
            None => admin.count_sessions().await?,
        };
        let principal = args.principal.as_ref().map(|name| name.as_str());
        let count = Count {
            sessions,
            principal,
        };
        self.line(&count, &sessions.to_string())?;
        if sessions == 0 && args.principal.is_none() {
            self.out.flush()?;
            say_that_none_are_found(self.place, NO_SESSIONS).await;
        }
        Ok(Ended::Done)
    }
}

/// By a scan, as `list` shows them.
async fn of_principal(admin: &dyn SessionAdmin, principal: &Principal) -> Result<u64, Failure> {
    let (mut scan, mut seen) = (Scan::from(admin, None), HashSet::new());
    while let Some(page) = scan.page(PageSize::MAX).await? {
        let of_principal = page
            .iter()
            .filter(|it| it.principal.as_ref() == Some(principal));
        seen.extend(of_principal.map(|it| it.session.public_id));
    }
    Ok(u64::try_from(seen.len()).unwrap_or(u64::MAX))
}

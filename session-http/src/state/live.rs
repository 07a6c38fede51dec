//! A session that lives, and how long its cookie is kept.

use std::time::Duration;

use session_core::{Remaining, SessionId, SessionRecord, UnixMillis};

use super::loaded::Loaded;
use crate::sessions::Settings;

#[derive(Debug)]
pub(crate) struct Live {
    pub(super) id: SessionId,
    /// What remained of its life by the backend's last answer.
    pub(super) ttl: Remaining,
    /// What decides how long its cookie is kept; nothing, as long as no answer told.
    pub(super) term: Option<Term>,
    /// Nothing, once an operation may have changed what was loaded.
    pub(super) loaded: Option<Loaded>,
    /// The store itself said in this request what is loaded: it is no copy that a backend kept.
    pub(super) is_fresh: bool,
}

/// What decides how long a session's cookie is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) deadline: Option<UnixMillis>,
    /// What its log-in said, if it said something.
    pub(super) persistent: Option<bool>,
}

impl Term {
    pub(super) fn of(record: &SessionRecord) -> Self {
        Self {
            deadline: record.deadline(),
            persistent: record.persistent(),
        }
    }
}

/// The longest that browsers keep a cookie (RFC 6265bis).
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

impl Live {
    /// How long a browser keeps a persistent cookie: until the session's deadline, and for one
    /// without as long as it may. That the session slides then needs no word to the browser.
    /// Nothing, if the cookie is to end with the browser.
    pub(super) fn max_age(&self, settings: &Settings) -> Option<Duration> {
        let persistent = self.term.and_then(|term| term.persistent);
        if !persistent.unwrap_or(settings.transport.is_persistent()) {
            return None;
        }
        let Some(deadline) = self.term.and_then(|term| term.deadline) else {
            return Some(LONGEST);
        };
        let now = u64::try_from(settings.backend.policy().now().unix_seconds()).unwrap_or_default();
        let left = deadline.since(UnixMillis::new(now.saturating_mul(1000)));
        // By the application's clock: should it be fast, the session lives all the same.
        let at_least = match self.ttl {
            Remaining::In(ttl) => ttl,
            _ => Duration::ZERO,
        };
        Some(left.max(at_least).min(LONGEST))
    }
}

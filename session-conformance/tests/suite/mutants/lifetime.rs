//! Flaws in absolute lifetimes.

use session_core::rules::State;
use session_core::steps::{InsertOutcome, InsertRequest, RenameOutcome, RenameRequest};
use session_core::{Result, UnixMillis};

use super::mutants;
use crate::reference::{Key, Store};

const DEADLINE: &[u8] = b"session_deadline";

fn stored_number(key: &Key, name: &[u8]) -> Option<u64> {
    let text = key.fields.as_ref()?.get(name)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn set_deadline(key: &mut Key, deadline: u64) {
    let fields = key.fields.as_mut().unwrap();
    fields.insert(DEADLINE.to_vec(), deadline.to_string().into_bytes());
}

mutants! {
    /// Lifetimes are for bound sessions.
    "LIF-1" IgnoresLifetimesOfTheUnbound {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            if request.session.principal().is_none() {
                request.lifetime = None;
            }
            Ok(store.insert(&request))
        }
    }

    /// The deadline is counted from the creation time's text, to the second.
    "LIF-1" CountsFromTheTimestamp {
        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            if let (None, Some(deadline)) = (before, stored_number(after, DEADLINE)) {
                let text = after.fields.as_ref().unwrap()[b"created_at".as_slice()].clone();
                let stamp = session_core::Timestamp::parse(std::str::from_utf8(&text).unwrap());
                let created = stamp.unwrap().unix_seconds().unsigned_abs() * 1000;
                set_deadline(after, created + deadline - now.get());
            }
        }
    }

    /// Every session lives for ten years at most.
    "LIF-1" LimitsEverySession {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            let ten_years = session_core::SessionTtl::from_secs(315_360_000).unwrap();
            request.lifetime.get_or_insert(ten_years);
            Ok(store.insert(&request))
        }
    }

    /// EXPIRE does not look at the deadline.
    "LIF-2" SlidesBeyondTheDeadline {
        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            let is_slid = before.is_none_or(|before| before.expires_at != after.expires_at);
            if let (true, Some(seconds)) = (is_slid, stored_number(after, b"session_ttl")) {
                after.expires_at = Some(now.plus_millis(seconds * 1000));
            }
        }
    }

    /// A binding without a touch leaves the expiry where it was.
    "LIF-2" DoesNotCapQuietBindings {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let Some(before) = before else { return };
            let is_bound_now = stored_number(before, DEADLINE).is_none()
                && stored_number(after, DEADLINE).is_some();
            let name = b"last_accessed_at".as_slice();
            let stamp = |key: &Key| key.fields.as_ref().unwrap().get(name).cloned();
            if is_bound_now && stamp(before) == stamp(after) {
                after.expires_at = before.expires_at;
            }
        }
    }

    /// Every use moves it on.
    "LIF-3" RenewsTheDeadline {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            if let (Some(_), Some(deadline)) = (before, stored_number(after, DEADLINE)) {
                set_deadline(after, deadline + 10_000);
            }
        }
    }

    /// A rotated session has none.
    "LIF-3" DropsTheDeadlineOnRotation {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if request.write.delta.principal().is_none() {
                store.edit(&request.to, |fields| {
                    fields.remove(DEADLINE);
                });
            }
            Ok(outcome)
        }
    }

    /// The deadline is stored, and nothing else.
    "LIF-4" NeverEnds {
        fn load(&self, key: &Key, _: UnixMillis) -> Option<State> {
            key.session()
        }

        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            let is_slid = before.is_none_or(|before| before.expires_at != after.expires_at);
            if let (true, Some(seconds)) = (is_slid, stored_number(after, b"session_ttl")) {
                after.expires_at = Some(now.plus_millis(seconds * 1000));
            }
        }
    }

    /// `<=` for `<`.
    "LIF-4" LivesThroughItsDeadline {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let state = key.session()?;
            let is_over = state
                .session
                .deadline()
                .is_some_and(|deadline| deadline < now);
            (!is_over).then_some(state)
        }
    }
}

//! What is logged of sessions that end for a principal's limit.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::principal::Principal;

/// How long a principal that was warned of is not warned of again.
const PAUSE: Duration = Duration::from_secs(60 * 60);
/// How many principals are warned of in that time.
const MOST: usize = 1_000;

/// Bytes of a principal's hash.
const HASH: usize = 6;

/// The warnings that sessions of a principal end because it has as many as its
/// [limit](crate::PrincipalLimit) allows: one per principal and hour, of at most 1,000 principals
/// an hour.
///
/// A backend has one, and calls it where it has ended sessions to make room for another. The
/// warning names the principal by the beginning of its SHA-256 only (what
/// `printf %s NAME | sha256sum | cut -c1-12` shows), so that a log names nobody, and whoever knows
/// a name can look for it.
#[derive(Debug, Default)]
pub struct QuotaWarnings(Mutex<Warned>);

/// The principals that were warned of within the last hour.
#[derive(Debug, Default)]
struct Warned {
    principals: HashSet<PrincipalHash>,
    /// The same, the one that was warned of first first.
    in_order: VecDeque<(Instant, PrincipalHash)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PrincipalHash([u8; HASH]);

impl QuotaWarnings {
    /// Sessions of this principal have ended for its limit. Logs a warning, unless it did so within
    /// the last hour before `now`. Calls the subscriber, so call it without a lock.
    pub fn sessions_ended(&self, principal: &Principal, now: Instant) {
        let hash = PrincipalHash::of(principal);
        if self.is_due(hash, now) {
            tracing::warn!(
                principal = %hash,
                "sessions of a principal ended: it has as many as its limit allows"
            );
        }
    }

    fn is_due(&self, hash: PrincipalHash, now: Instant) -> bool {
        let warned = self.0.lock();
        let Warned {
            principals,
            in_order,
        } = &mut *warned.unwrap_or_else(PoisonError::into_inner);
        while let Some((at, first)) = in_order.front()
            && now.saturating_duration_since(*at) >= PAUSE
        {
            principals.remove(first);
            in_order.pop_front();
        }
        let is_due = principals.len() < MOST && principals.insert(hash);
        if is_due {
            in_order.push_back((now, hash));
        }
        is_due
    }
}

impl PrincipalHash {
    fn of(principal: &Principal) -> Self {
        let digest = Sha256::digest(principal.as_str());
        let mut hash = [0; HASH];
        for (byte, of_digest) in hash.iter_mut().zip(digest) {
            *byte = of_digest;
        }
        Self(hash)
    }
}

impl fmt::Display for PrincipalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.iter();
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(name: &str) -> PrincipalHash {
        PrincipalHash::of(&Principal::new(name).unwrap())
    }

    #[test]
    fn a_principal_is_warned_of_once_an_hour_by_a_hash() {
        let (warnings, start) = (QuotaWarnings::default(), Instant::now());
        let is_due =
            |name: &str, secs| warnings.is_due(hash(name), start + Duration::from_secs(secs));
        assert!(is_due("ann", 0) && is_due("bob", 1));
        assert!(!is_due("ann", 3599) && !is_due("bob", 3600));
        assert!(is_due("ann", 3600) && !is_due("ann", 3601));
        assert!(is_due("bob", 3601));
        // Of `printf %s ann | sha256sum`.
        assert_eq!(hash("ann").to_string(), "49915e0d7d4b");
    }

    #[test]
    fn no_more_are_remembered_than_the_most() {
        let (warnings, start) = (QuotaWarnings::default(), Instant::now());
        let due = (0..2 * MOST).filter(|n| warnings.is_due(hash(&n.to_string()), start));
        assert_eq!(due.count(), MOST);
        assert!(warnings.is_due(hash("ann"), start + PAUSE));
        let warned = warnings.0.lock().unwrap();
        assert_eq!((warned.principals.len(), warned.in_order.len()), (1, 1));
    }
}

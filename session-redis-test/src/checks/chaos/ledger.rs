//! The sessions there are, those that have ended, and whose they are.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use session_core::{SessionId, SessionRecord};

use super::losses::{Losses, Violations, Wrong};
use super::session::Session;

/// How many of those that have ended are remembered whole.
const ENDED: usize = 1000;
const PRINCIPALS: u64 = 8;

pub(super) type Shared = Arc<Mutex<Session>>;

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What has become of operations.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: AtomicU64,
    pub(super) unknown: AtomicU64,
    pub(super) not_applied: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// Somebody whose sessions are all revoked now and then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) number: u64,
    /// How many revocations have begun, and how many of them have returned.
    begun: u64,
    returned: u64,
}

impl Owner {
    /// Whether a revocation was under way when this owner was picked.
    pub(super) fn is_revoked(&self) -> bool {
        self.returned < self.begun
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) tally: Tally,
    pub(super) losses: Losses,
    pub(super) violations: Violations,
    numbers: AtomicU64,
    live: Mutex<Vec<Shared>>,
    ended: Mutex<VecDeque<Shared>>,
    /// All that have ended, by number.
    ends: Mutex<HashMap<u64, Instant>>,
    owners: Mutex<Vec<Owner>>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        let ledger = Self::default();
        let owners = (0..PRINCIPALS).map(|_| ledger.owner());
        let owners = owners.collect();
        *locked(&ledger.owners) = owners;
        ledger
    }

    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed)
    }

    fn owner(&self) -> Owner {
        Owner {
            number: self.number(),
            begun: 0,
            returned: 0,
        }
    }

    pub(super) fn note(&self, checked: Result<(), Wrong>) {
        if let Err(wrong) = checked {
            self.violations.add(wrong);
        }
    }

    /// Adds a session of the owner's that was picked when its creation began.
    pub(super) fn add(&self, mut session: Session, owner: Option<Owner>) {
        // Whose revocation begins from here on meets the session.
        let mut live = locked(&self.live);
        session.dooms += u32::from(owner.is_some_and(|it| self.may_have_revoked(it)));
        live.push(Arc::new(Mutex::new(session)));
    }

    /// Whether there are so many sessions.
    pub(super) fn has(&self, sessions: usize) -> bool {
        locked(&self.live).len() >= sessions
    }

    pub(super) fn live(&self) -> Vec<Shared> {
        locked(&self.live).clone()
    }

    pub(super) fn pick(&self, dice: &mut StdRng) -> Option<Shared> {
        locked(&self.live).choose(dice).cloned()
    }

    pub(super) fn ended(&self) -> Vec<Shared> {
        locked(&self.ended).iter().cloned().collect()
    }

    pub(super) fn pick_ended(&self, dice: &mut StdRng) -> Option<Shared> {
        locked(&self.ended).make_contiguous().choose(dice).cloned()
    }

    /// When a session ended, by its number.
    pub(super) fn end_of(&self, number: u64) -> Option<Instant> {
        locked(&self.ends).get(&number).copied()
    }

    /// Nobody uses it any more: whether it lives is not known.
    pub(super) fn abandon(&self, session: &Shared) {
        locked(&self.live).retain(|it| !Arc::ptr_eq(it, session));
    }

    /// It has ended, for good.
    pub(super) fn end(&self, session: &Shared) {
        let mut state = locked(session);
        if state.ended.is_some() {
            return;
        }
        let now = Instant::now();
        state.ended = Some(now);
        locked(&self.ends).insert(state.number, now);
        drop(state);
        self.abandon(session);
        let mut ended = locked(&self.ended);
        ended.push_back(Arc::clone(session));
        if ended.len() > ENDED {
            ended.pop_front();
        }
    }

    /// What an operation by this id saw, which began then.
    pub(super) fn found(
        &self,
        session: &Shared,
        id: &SessionId,
        began: Instant,
        record: Option<&SessionRecord>,
    ) {
        let found = locked(session).found(id, began, record, &self.losses);
        self.note(found);
    }

    /// It saw no session.
    pub(super) fn missed(&self, session: &Shared, id: &SessionId, began: Instant) {
        let missed = locked(session).missed(id, began, &self.losses);
        match missed {
            Ok(true) => self.abandon(session),
            Ok(false) => {}
            Err(wrong) => {
                self.violations.add(wrong);
                self.abandon(session);
            }
        }
    }

    pub(super) fn pick_owner(&self, dice: &mut StdRng) -> Owner {
        let owners = locked(&self.owners);
        *owners.choose(dice).expect("there are some")
    }

    /// Whether a session that was created for this owner may have been revoked meanwhile.
    fn may_have_revoked(&self, owner: Owner) -> bool {
        let owners = locked(&self.owners);
        let now = owners.iter().find(|it| it.number == owner.number);
        owner.is_revoked() || now.is_none_or(|now| now.begun > owner.begun)
    }

    /// A revocation begins: those that it may end.
    pub(super) fn begin_revocation(&self, owner: Owner) -> Vec<Shared> {
        for it in locked(&self.owners).iter_mut() {
            it.begun += u64::from(it.number == owner.number);
        }
        let is_theirs = |it: &Session| it.principal.is_some_and(|it| it.0 == owner.number);
        let mut theirs = self.live();
        theirs.retain(|it| {
            let mut it = locked(it);
            it.dooms += u32::from(is_theirs(&it));
            is_theirs(&it)
        });
        theirs
    }

    /// It has returned; or nobody knows, and it may end whatever is theirs later.
    pub(super) fn end_revocation(&self, owner: Owner, is_known: bool) {
        let successor = self.owner();
        for it in locked(&self.owners).iter_mut() {
            match it.number == owner.number {
                true if is_known => it.returned += 1,
                true => *it = successor,
                false => {}
            }
        }
    }
}

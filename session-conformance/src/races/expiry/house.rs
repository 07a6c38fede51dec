//! A principal, and what is known of its sessions.

use std::collections::HashSet;
use std::sync::Mutex;

use session_core::{Principal, PublicId};

use super::life::{Life, List, Span, Verdict};
use crate::kit::fresh_principal;

pub(super) struct House {
    pub(super) principal: Principal,
    lives: Mutex<Vec<Life>>,
    /// All that was ever listed.
    seen: Mutex<HashSet<PublicId>>,
}

impl House {
    pub(super) fn new() -> Self {
        Self {
            principal: fresh_principal("ann"),
            lives: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// What is known by now of the sessions whose binding was acknowledged.
    pub(super) fn known(&self) -> Vec<Life> {
        self.lives.lock().expect("not poisoned").clone()
    }

    /// The number of a session that is known from now on.
    pub(super) fn enter(&self, life: Life) -> usize {
        let mut lives = self.lives.lock().expect("not poisoned");
        lives.push(life);
        lives.len() - 1
    }

    /// Changes what is known of a session.
    pub(super) fn change<T>(&self, number: usize, change: impl FnOnce(&mut Life) -> T) -> T {
        change(&mut self.lives.lock().expect("not poisoned")[number])
    }

    pub(super) fn has_ended_by(&self, now: u64) -> bool {
        let lives = self.lives.lock().expect("not poisoned");
        lives.iter().all(|life| life.has_ended_by(now))
    }

    /// Checks a list against each session that was known `before` it was asked for; against how
    /// many live ones and how many ended ones it could be checked.
    pub(super) fn check(&self, before: &[Life], asked: Span, list: List) -> (u64, u64) {
        let mut lives = self.lives.lock().expect("not poisoned");
        let known = lives.iter_mut().zip(before);
        let verdicts: Vec<_> = known
            .map(|(life, before)| life.check(before, asked, &list))
            .collect();
        drop(lives);
        let (mut alive, mut ended) = (0, 0);
        for verdict in verdicts {
            match verdict {
                Verdict::ListsTheLiving => alive += 1,
                Verdict::OmitsTheEnded => ended += 1,
                Verdict::Open => {}
                Verdict::Wrong(why) => panic!("{why}"),
            }
        }
        let mut seen = self.seen.lock().expect("not poisoned");
        seen.extend(list.iter().cloned());
        (alive, ended)
    }

    /// Asserts that nothing was listed but what somebody bound.
    pub(super) fn assert_listed_are_known(&self) {
        let known = self.known();
        let known: HashSet<_> = known.iter().map(Life::public_id).collect();
        for public_id in &*self.seen.lock().expect("not poisoned") {
            assert!(known.contains(public_id), "a stranger is listed");
        }
    }
}

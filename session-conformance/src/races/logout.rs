//! Logging out while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{Delta, Principal, SessionId, Touch};

use super::Summary;
use super::crew::{Crew, Member, assert_distinct_and_gapless, both};
use crate::harness::Harness;
use crate::kit::{fresh_principal, name, set, ttl};

/// The writers of a session that is deleted.
const WRITERS: usize = 32;

/// Deletes a session that 32 tasks increment without pause. After the acknowledged delete, and when
/// the last writer has been told, nothing exists under the id; acknowledged values are distinct and
/// gapless.
pub async fn logout_against_increments(h: &dyn Harness, rounds: usize) -> Summary {
    logout(h, rounds, "logout against increments", |_| 0).await
}

/// Deletes a session that 32 tasks use without pause, each in its way: they read, touch, change the
/// TTL, bind. None of it brings the session back, and none of it is listed.
pub async fn logout_against_uses(h: &dyn Harness, rounds: usize) -> Summary {
    logout(h, rounds, "logout against uses", |writer| 1 + writer % 8).await
}

/// Deletes a session by its first id while another task rotates it again and again. One of two
/// deletions is acknowledged; after that no id of it lives, and no rotation succeeds.
pub async fn logout_against_rotations(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let (first, ann) = if round % 2 == 0 {
            (crew.session().await, fresh_principal("nobody"))
        } else {
            let (id, ann, _) = crew.bound_session().await;
            (id, ann)
        };
        let progress = Arc::new(Progress::default());
        let deletions = crew.all(2, |n, member| {
            let (first, progress) = (first.clone(), Arc::clone(&progress));
            async move {
                // Among the first rotations, or between two of a longer chain.
                while progress.outcomes.load(Ordering::SeqCst) < (round + 3 * n) % 8
                    && !progress.is_deleted.load(Ordering::SeqCst)
                {
                    tokio::task::yield_now().await;
                }
                let deleted = member.did(member.backend.delete_session(&first).await);
                progress.is_deleted.store(true, Ordering::SeqCst);
                deleted
            }
        });
        let (member, mut ids) = (crew.member(round), vec![first.clone()]);
        let rotations = async {
            while let Some(last) = ids.last() {
                let was_deleted = progress.is_deleted.load(Ordering::SeqCst);
                let rotated = member.backend.rotate_session(last, Delta::new()).await;
                let Some(rotated) = member.did(rotated) else {
                    break;
                };
                assert!(!was_deleted, "round {round}: a rotation after the deletion");
                ids.push(rotated.id);
                progress.outcomes.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        };
        let deleted = both(deletions, rotations).await;
        let acknowledged = deleted.iter().filter(|deleted| **deleted).count();
        assert_eq!(acknowledged, 1, "round {round}: deletions");
        for id in &ids {
            let found = crew.peek(id).await;
            assert_eq!(found, None, "round {round}: after the acknowledged delete");
        }
        assert_eq!(crew.listed(&ann).await, [], "round {round}");
    }
    crew.summary("logout against rotations", rounds)
}

/// Uses a session in one of the ways that there are; nothing if there was none, else what a counter
/// was, if it is one.
async fn use_session(
    member: &Member,
    id: &SessionId,
    ann: &Principal,
    way: usize,
) -> Option<Option<i64>> {
    let backend = &member.backend;
    let update = async |delta| {
        member
            .did(backend.update_session(id, delta).await)
            .is_some()
    };
    let found = match way {
        0 => {
            let counted = backend.increment_field(id, name("n"), 1).await;
            return member.did(counted).map(Some);
        }
        1 => member.did(backend.get_session(id).await).is_some(),
        2 => {
            let throttled = Touch::IfOlderThan(Duration::ZERO);
            let record = backend.get_session_with(id, throttled).await;
            member.did(record).is_some()
        }
        3 => update(Delta::new()).await,
        4 => update(set("a", "b").touch(Touch::Never)).await,
        5 => member.did(backend.set_session_ttl(id, ttl(900)).await),
        6 => member.did(backend.remove_fields(id, vec![name("a")]).await),
        7 => update(Delta::new().bind(ann.clone()).returning_record()).await,
        _ => member.did(backend.ttl(id).await).is_some(),
    };
    found.then_some(None)
}

async fn logout(
    h: &dyn Harness,
    rounds: usize,
    race: &'static str,
    way: fn(usize) -> usize,
) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        let ann = fresh_principal("ann");
        let progress = Arc::new(Progress::default());
        let users = crew.all(WRITERS, |n, member| {
            let (id, ann, progress) = (id.clone(), ann.clone(), Arc::clone(&progress));
            async move {
                let mut values = Vec::new();
                loop {
                    let is_deleted = progress.is_deleted.load(Ordering::SeqCst);
                    let found = use_session(&member, &id, &ann, way(n)).await;
                    progress.outcomes.fetch_add(1, Ordering::SeqCst);
                    let Some(value) = found else {
                        progress.ended.fetch_add(1, Ordering::SeqCst);
                        return values;
                    };
                    assert!(!is_deleted, "a use after the acknowledged delete");
                    values.extend(value);
                    // A backend that never waits must let the others run, too.
                    tokio::task::yield_now().await;
                }
            }
        });
        let logout = async {
            progress.wait_for(round % (2 * WRITERS)).await;
            let member = crew.member(1);
            let deleted = member.did(member.backend.delete_session(&id).await);
            assert!(deleted, "round {round}: there was a session");
            progress.is_deleted.store(true, Ordering::SeqCst);
            let left = h.dump(&id).await;
            assert_eq!(left, None, "round {round}: after the acknowledged delete");
        };
        let values = both(users, logout).await;
        let left = h.dump(&id).await;
        assert_eq!(left, None, "round {round}: after the last use");
        assert_eq!(crew.listed(&ann).await, [], "round {round}");
        assert_distinct_and_gapless(values.into_iter().flatten().collect());
    }
    crew.summary(race, rounds)
}

/// What the tasks of a round know of each other.
#[derive(Default)]
struct Progress {
    outcomes: AtomicUsize,
    ended: AtomicUsize,
    is_deleted: AtomicBool,
}

impl Progress {
    /// Waits until so many outcomes are there, or none will come any more. Another number in each
    /// round lets the delete meet the others in other moments.
    async fn wait_for(&self, outcomes: usize) {
        while self.outcomes.load(Ordering::SeqCst) < outcomes
            && self.ended.load(Ordering::SeqCst) < WRITERS
        {
            tokio::task::yield_now().await;
        }
    }
}

//! An operator, while the session's own user does something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_core::Delta;

use super::Summary;
use super::crew::{Crew, both, wait};
use crate::harness::Harness;
use crate::kit::{add, assert_tombstone, name};

/// Operators, each after a few turns of the others.
const OPERATORS: usize = 4;

/// Four operators, two log-outs and a revocation of the principal's end one session. One of them is
/// acknowledged, and then nothing exists.
pub async fn endings(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    let admin = h.admin().await;
    for round in 0..rounds {
        let (id, ann, public_id) = crew.bound_session().await;
        let outcomes = crew
            .all(OPERATORS + 3, |n, member| {
                let (admin, id, ann) = (Arc::clone(&admin), id.clone(), ann.clone());
                async move {
                    wait((n * 5 + round) % 7).await;
                    match n {
                        0 | 1 => member.did(member.backend.delete_session(&id).await),
                        2 => member.did(member.backend.revoke_session(&ann, &public_id).await),
                        _ => member.did(admin.revoke_session(&public_id).await),
                    }
                }
            })
            .await;
        let acknowledged = outcomes.iter().filter(|ended| **ended).count();
        assert_eq!(acknowledged, 1, "round {round}: {outcomes:?}");
        assert_eq!(h.dump(&id).await, None, "round {round}");
        assert_eq!(crew.listed(&ann).await, [], "round {round}");
    }
    crew.summary("endings", rounds)
}

/// Two operators end a session while its user rotates it, which keeps its public id. The session
/// lives on under its new id when no operator is told that it ended; else there is nothing of it.
pub async fn rotations_against_operator(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    let admin = h.admin().await;
    for round in 0..rounds {
        let (id, ann, public_id) = crew.bound_session().await;
        let operators = crew.all(2, |n, member| {
            let admin = Arc::clone(&admin);
            async move {
                wait((n + round) % 4).await;
                member.did(admin.revoke_session(&public_id).await)
            }
        });
        let (member, mut rotated) = (crew.member(round), None);
        let rotation = async {
            wait(round % 5).await;
            rotated = member.did(member.backend.rotate_session(&id, Delta::new()).await);
        };
        let ended = both(operators, rotation).await;
        let acknowledged = ended.iter().filter(|ended| **ended).count();
        if rotated.is_some() {
            assert_tombstone(h, &id, "the old id").await;
        } else {
            assert_eq!(h.dump(&id).await, None, "round {round}: the old id");
        }
        let listed = crew.listed(&ann).await;
        assert!(acknowledged <= 1, "round {round}: it ended twice");
        let rotated = rotated.map(|rotated| rotated.id);
        let is_alive = !crew.alive(rotated.as_slice()).await.is_empty();
        assert_eq!(is_alive, acknowledged == 0, "round {round}: {rotated:?}");
        assert_eq!(listed.len(), usize::from(is_alive), "round {round}");
    }
    crew.summary("rotations against operator", rounds)
}

/// Eight tasks count, read and write, by its id and by its public id, while an operator ends the
/// session. Once that is acknowledged nothing exists, and no use that begins later succeeds.
pub async fn operator_against_uses(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    let admin = h.admin().await;
    for round in 0..rounds {
        let (id, ann, public_id) = crew.bound_session().await;
        let is_over = Arc::new(AtomicBool::new(false));
        let uses = crew.all(8, |n, member| {
            let (id, ann, is_over) = (id.clone(), ann.clone(), Arc::clone(&is_over));
            async move {
                loop {
                    let was_over = is_over.load(Ordering::SeqCst);
                    let backend = &member.backend;
                    let found = match n % 4 {
                        0 => member.did(backend.get_session(&id).await).is_some(),
                        1 => {
                            let change = add("by public id", 1);
                            let written = backend.update_session_of(&ann, &public_id, change);
                            member.did(written.await).is_some()
                        }
                        2 => {
                            let written = backend.update_session(&id, add("m", 1));
                            member.did(written.await).is_some()
                        }
                        _ => {
                            let counted = backend.increment_field(&id, name("n"), 1);
                            member.did(counted.await).is_some()
                        }
                    };
                    assert!(!(was_over && found), "round {round}: it came back");
                    if !found {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        let ending = async {
            wait(round % 16).await;
            let member = crew.member(round);
            let ended = member.did(admin.revoke_session(&public_id).await);
            is_over.store(true, Ordering::SeqCst);
            assert!(ended, "round {round}: nobody else ends it");
            assert_eq!(h.dump(&id).await, None, "round {round}");
        };
        both(uses, ending).await;
        assert_eq!(h.dump(&id).await, None, "round {round}");
        assert_eq!(crew.listed(&ann).await, [], "round {round}");
    }
    crew.summary("operator against uses", rounds)
}

//! Logging out everywhere, while others log in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use session_core::{Delta, NewSession, SessionId};

use super::Summary;
use super::crew::{Crew, both, wait};
use crate::harness::Harness;
use crate::kit::{assert_tombstone, fresh_principal};

/// The tasks that log in.
const LOGINS: usize = 24;
/// The sessions that rotate while they are revoked.
const SESSIONS: usize = 16;

/// Twenty-four tasks log in, by creation, by a write and by a rotation, while another revokes all
/// of the principal. Every session whose login was acknowledged before that is ended after it;
/// those that live are listed.
pub async fn logins_against_revocation(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let ann = fresh_principal("ann");
        let acknowledged = Arc::new(Mutex::new(Vec::<SessionId>::new()));
        let logins = crew.all(LOGINS, |n, member| {
            let (ann, acknowledged) = (ann.clone(), Arc::clone(&acknowledged));
            async move {
                let backend = &member.backend;
                let bind = Delta::new().bind(ann.clone());
                let id = if n % 3 == 0 {
                    let new = NewSession::default().bind(ann);
                    member.did(backend.create_session(new).await).id
                } else {
                    let created = backend.create_session(NewSession::default()).await;
                    let id = member.did(created).id;
                    if n % 3 == 1 {
                        let written = member.did(backend.update_session(&id, bind).await);
                        written.expect("not bound yet, so not revoked");
                        id
                    } else {
                        let rotated = member.did(backend.rotate_session(&id, bind).await);
                        rotated.expect("not bound yet, so not revoked").id
                    }
                };
                acknowledged.lock().expect("not poisoned").push(id.clone());
                id
            }
        });
        let snapshot = || acknowledged.lock().expect("not poisoned").clone();
        let mut before = Vec::new();
        let mut ended = 0;
        let revocation = async {
            while snapshot().len() < round % LOGINS {
                tokio::task::yield_now().await;
            }
            before = snapshot();
            let member = crew.member(1);
            ended = member.did(member.backend.revoke_sessions(&ann, None).await);
        };
        let ids = both(logins, revocation).await;
        let alive = crew.alive(&ids).await;
        let listed = crew.listed(&ann).await;
        assert_eq!(listed, alive, "round {round}: the survivors are listed");
        let survivors = crew.alive(&before).await;
        assert_eq!(survivors, [], "round {round}: a session survived");
        let not_found = u64::try_from(ids.len() - alive.len()).expect("a small number");
        assert_eq!(ended, not_found, "round {round}: the ended sessions");
    }
    crew.summary("logins against revocation", rounds)
}

/// Sixteen sessions of a principal rotate while all of the principal are revoked. None survives,
/// under the old id or the new one.
pub async fn rotations_against_revocation(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let ann = fresh_principal("ann");
        let ids = crew
            .all(SESSIONS, |_, member| {
                let new = NewSession::default().bind(ann.clone());
                async move { member.did(member.backend.create_session(new).await).id }
            })
            .await;
        let ids = Arc::new(ids);
        let is_over = Arc::new(AtomicBool::new(false));
        let rotations = crew.all(SESSIONS, |n, member| {
            let (ids, is_over) = (Arc::clone(&ids), Arc::clone(&is_over));
            async move {
                wait(n).await;
                let mut id = ids[n].clone();
                let mut trail = vec![id.clone()];
                loop {
                    let was_over = is_over.load(Ordering::SeqCst);
                    let outcome = member.backend.rotate_session(&id, Delta::new()).await;
                    let Some(rotated) = member.did(outcome) else {
                        return trail;
                    };
                    assert!(!was_over, "a session escaped");
                    id = rotated.id;
                    trail.push(id.clone());
                    tokio::task::yield_now().await;
                }
            }
        });
        let revocation = async {
            wait(round % 16).await;
            let member = crew.member(1);
            member.did(member.backend.revoke_sessions(&ann, None).await);
            is_over.store(true, Ordering::SeqCst);
        };
        let trails = both(rotations, revocation).await;
        for trail in &trails {
            let (last, old) = trail.split_last().expect("an id");
            assert_eq!(h.dump(last).await, None, "round {round}: a session escaped");
            for id in old {
                assert_tombstone(h, id, "an old id").await;
            }
        }
        assert_eq!(crew.listed(&ann).await, [], "round {round}");
    }
    crew.summary("rotations against revocation", rounds)
}

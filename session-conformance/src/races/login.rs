//! Logging in at the same time.

use std::sync::Arc;

use session_core::{Delta, ErrorKind, NewSession, OnExcess, SessionPolicy};

use super::Summary;
use super::crew::Crew;
use crate::harness::Harness;
use crate::kit::{fresh_principal, lasting, limit};

/// The tasks that log in.
const LOGINS: usize = 16;
/// How many of them may succeed.
const MOST: u32 = 4;

/// Sixteen tasks bind one session, by turns to two principals: at the end it is in the list of the
/// one it is bound to, and in no other.
pub async fn bindings(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        let both = [fresh_principal("ann"), fresh_principal("bob")];
        crew.all(LOGINS, |n, member| {
            let (id, principal) = (id.clone(), both[n % 2].clone());
            async move {
                let delta = Delta::new().bind(principal);
                let written = member.did(member.backend.update_session(&id, delta).await);
                assert!(written.is_some(), "the session lives");
            }
        })
        .await;
        let record = crew.peek(&id).await.expect("it lives");
        let bound_to = record.principal();
        for principal in &both {
            let list = crew.listed(principal).await;
            let expected = usize::from(bound_to.as_ref() == Some(principal));
            assert_eq!(list.len(), expected, "round {round}");
        }
    }
    crew.summary("bindings", rounds)
}

/// Sixteen tasks log in, by creation, by a write and by a rotation, where the principal may have
/// four sessions. No more than four live at the end, all of them are listed, and where the limit
/// refuses, nobody was told of success whose session does not live.
pub async fn logins_against_limit(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    let limited = async |on_excess| {
        let limit = limit(MOST, on_excess);
        let policy = SessionPolicy::new().with_principal_limit(limit);
        (on_excess, h.backend_with(policy).await)
    };
    let kinds = [
        limited(OnExcess::Refuse).await,
        limited(OnExcess::EvictOldest).await,
    ];
    for round in 0..rounds {
        let (on_excess, limited) = &kinds[round % 2];
        let ann = fresh_principal("ann");
        let ids = crew
            .all(LOGINS, |n, member| {
                let (ann, backend) = (ann.clone(), Arc::clone(limited));
                async move {
                    // No two deadlines are the same.
                    let lifetime = lasting(10_000 + u64::try_from(n).expect("a small number"));
                    let new = NewSession::default().max_lifetime(lifetime);
                    let bind = Delta::new().bind(ann.clone());
                    let outcome = if n % 3 == 0 {
                        let created = backend.create_session(new.bind(ann)).await;
                        created.map(|created| created.id)
                    } else {
                        let id = member.did(backend.create_session(new).await).id;
                        if n % 3 == 1 {
                            let written = backend.update_session(&id, bind).await;
                            written.map(|written| written.map(|_| id).expect("it lives"))
                        } else {
                            let rotated = backend.rotate_session(&id, bind).await;
                            rotated.map(|rotated| rotated.expect("it lives").id)
                        }
                    };
                    match outcome {
                        Err(error) if error.kind() == ErrorKind::TooManySessions => None,
                        outcome => Some(member.did(outcome)),
                    }
                }
            })
            .await;
        let ids: Vec<_> = ids.into_iter().flatten().collect();
        let alive = crew.alive(&ids).await;
        let most = usize::try_from(MOST).expect("a small number");
        assert!(alive.len() <= most, "round {round}: {} live", alive.len());
        if *on_excess == OnExcess::Refuse {
            let (alive, ids) = (alive.len(), ids.len());
            assert_eq!(alive, ids, "round {round}: a login was not kept");
        }
        let listed = crew.listed(&ann).await;
        assert_eq!(listed, alive, "round {round}");
    }
    crew.summary("logins against the limit", rounds)
}

//! Rotations of one session.

use std::sync::{Arc, Mutex};

use session_core::Delta;
use session_core::steps::RenameOutcome;

use super::Summary;
use super::crew::{Crew, assert_distinct_and_gapless, both, wait};
use crate::harness::Harness;
use crate::kit::{assert_tombstone, name, rename_request};

/// The tasks that rotate one session.
const ROTATIONS: usize = 64;
/// The tasks that increment a session while it rotates.
const WRITERS: usize = 16;
/// The increments of each, on top of those that find no session.
const INCREMENTS: usize = 6;
/// The rotations meanwhile.
const MOVES: usize = 3;

/// Sixty-four tasks rotate one session: one wins, the session is under its id, and nothing but a
/// tombstone is under the old one, of which the others are told.
pub async fn rotations(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        let outcomes = crew
            .all(ROTATIONS, |_, member| {
                let id = id.clone();
                async move {
                    let delta = Delta::new().increment(name("turns"), 1);
                    let to = member.backend.successor_id(&id).expect("an id");
                    let request = rename_request(member.backend.policy(), &id, &to, delta);
                    match member.did(member.backend.rename(&request).await) {
                        RenameOutcome::Renamed(_) => Some(to),
                        RenameOutcome::Rotated => None,
                        other => panic!("round {round}: {other:?}"),
                    }
                }
            })
            .await;
        let winners: Vec<_> = outcomes.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}: {} winners", winners.len());
        assert_tombstone(h, &id, "the old id").await;
        let fields = crew.fields(&winners[0]).await;
        assert_eq!(fields.get_str("turns"), Some("1"), "round {round}");
        assert_eq!(fields.get_str("username"), Some("andrew"), "round {round}");
    }
    crew.summary("concurrent rotations", rounds)
}

/// Sixteen tasks increment a session that rotates meanwhile; a task that finds no session goes on
/// under the next id. Acknowledged values are distinct and gapless across the rotations, and the
/// last of them is stored.
pub async fn increments_against_rotation(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let first = crew.session().await;
        // The session's present id, and how often it has moved.
        let current = Arc::new(Mutex::new((first, 0)));
        let present = || current.lock().expect("not poisoned").clone();
        let writers = crew.all(WRITERS, |_, member| {
            let current = Arc::clone(&current);
            async move {
                let mut values = Vec::new();
                while values.len() < INCREMENTS {
                    let (id, moves) = current.lock().expect("not poisoned").clone();
                    let outcome = member.backend.increment_field(&id, name("n"), 1).await;
                    if let Some(value) = member.did(outcome) {
                        values.push(value);
                    } else {
                        assert!(moves < MOVES, "the session is lost");
                    }
                    // It may have moved, and its new id is not told yet.
                    tokio::task::yield_now().await;
                }
                values
            }
        });
        let mut old = Vec::new();
        let rotator = async {
            let member = crew.member(1);
            for moves in 1..=MOVES {
                wait(1 + round % 8).await;
                let (id, _) = present();
                let delta = Delta::new().increment(name("turns"), 1);
                let rotated = member.did(member.backend.rotate_session(&id, delta).await);
                let rotated = rotated.expect("the only rotator wins");
                *current.lock().expect("not poisoned") = (rotated.id, moves);
                old.push(id);
            }
        };
        let values: Vec<_> = both(writers, rotator).await.into_iter().flatten().collect();
        assert_eq!(values.len(), WRITERS * INCREMENTS);
        assert_distinct_and_gapless(values);
        for id in old {
            assert_tombstone(h, &id, "an old id").await;
        }
        let fields = crew.fields(&present().0).await;
        let total = (WRITERS * INCREMENTS).to_string();
        assert_eq!(fields.get_str("n"), Some(&*total), "round {round}");
        let turns = MOVES.to_string();
        assert_eq!(fields.get_str("turns"), Some(&*turns), "round {round}");
    }
    crew.summary("increments against rotation", rounds)
}

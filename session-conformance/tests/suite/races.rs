//! The races, on the reference backend.

use session_conformance::races;

use crate::reference::ReferenceHarness;

/// A few rounds: the reference runs each step under one lock.
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_reference_wins_every_race() {
    let h = &ReferenceHarness::flawless();
    for summary in [
        races::logout_against_increments(h, ROUNDS).await,
        races::logout_against_uses(h, ROUNDS).await,
        races::updates_of_different_fields(h, ROUNDS).await,
        races::reads_against_updates(h, ROUNDS).await,
        races::increments(h, ROUNDS).await,
        races::rotations(h, ROUNDS).await,
        races::increments_against_rotation(h, ROUNDS).await,
        races::bindings(h, ROUNDS).await,
        races::logins_against_limit(h, ROUNDS).await,
        races::logins_against_revocation(h, ROUNDS).await,
        races::rotations_against_revocation(h, ROUNDS).await,
    ] {
        assert_eq!(summary.rounds, ROUNDS);
        assert!(summary.operations > 0);
        println!("{summary}");
    }
}

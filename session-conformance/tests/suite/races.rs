//! The races, on the reference backend, and on flawed ones.

mod flaws;

use std::sync::Arc;

use session_conformance::races;

use crate::mutants;
use crate::reference::{Flaw, ReferenceHarness};

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
        races::expirations_against_listing(h, ROUNDS).await,
        races::endings(h, ROUNDS).await,
        races::rotations_against_operator(h, ROUNDS).await,
        races::operator_against_uses(h, ROUNDS).await,
    ] {
        assert_eq!(summary.rounds, ROUNDS);
        assert!(summary.operations > 0);
        println!("{summary}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_expire_where_each_look_takes_time() {
    let h = ReferenceHarness::ticking();
    println!("{}", races::expirations_against_listing(&h, ROUNDS).await);
}

/// Flaws that the cases find, and some that only show while sessions expire or move.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flawed_lists_lose_against_expirations() {
    let of_cases = [
        "ListsTheEnded",
        "NeverPrunes",
        "DoesNotListCreations",
        "ListsAnotherPublicId",
        "TouchesWhatItLists",
    ];
    let of_cases = of_cases.map(mutants::flaw).into_iter();
    let flaws: [Arc<dyn Flaw>; 4] = [
        Arc::new(flaws::ListsFromACache::default()),
        Arc::new(flaws::ForgetsTheDying),
        Arc::new(flaws::ListsInTwoSteps),
        Arc::new(flaws::MovesInTwoSteps),
    ];
    for flaw in of_cases.chain(flaws) {
        let name = format!("{flaw:?}");
        let race = tokio::spawn(async move {
            let h = ReferenceHarness::with(flaw);
            races::expirations_against_listing(&h, 4 * ROUNDS).await
        });
        let lost = race.await.is_err_and(|error| error.is_panic());
        assert!(lost, "{name} survives");
    }
}

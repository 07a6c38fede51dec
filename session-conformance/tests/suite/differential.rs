//! The differential test, on two reference backends and on flawed ones.

use session_conformance::differential::{Config, run};

use crate::mutants;
use crate::reference::ReferenceHarness;

/// Flaws that no single operation shows, of each part of the semantics.
const FLAWS: [&str; 28] = [
    "TrustsTheExpiry",
    "LeavesKeysImmortal",
    "SlidesForNewTtlsOnly",
    "DoesNotClampTheAge",
    "DoesNotThrottleWrites",
    "SlidesForQuietTtls",
    "CountsUpToTheRefusal",
    "LosesHiddenFields",
    "GrantsTheOldIdGrace",
    "RenewsTheDeadline",
    "DoesNotCapQuietBindings",
    "ListsAnotherPublicId",
    "EvictsTheFarthest",
    "OverlooksHiddenFields",
    "ShowsMalformedDeadlines",
    "EndsTheBoundOnly",
    "KeepsEverything",
    "KeepsWhatItHides",
    "RemovesAtEveryBinding",
    "KeepsTheFormerDeadline",
    "KeepsTheBeginning",
    "ExpectsNothing",
    "ChecksTheFirstOnly",
    "KeepsTheFirstDeadline",
    "DrawsOnce",
    "DrawsForRotations",
    "UnbindsTheDeadlineToo",
    "ReadsAnybodys",
];

fn config() -> Config {
    Config {
        has_administration: true,
        ..Config::from_env()
    }
}

#[tokio::test]
async fn two_references_never_diverge() {
    let (subject, model) = (ReferenceHarness::flawless(), ReferenceHarness::flawless());
    match run(&subject, &model, &config()).await {
        Ok(summary) => {
            println!("{summary}");
            assert!(summary.advances * 10 >= summary.steps);
        }
        Err(divergence) => panic!("{divergence}"),
    }
}

#[tokio::test]
async fn a_store_in_real_time_does_not_diverge_from_one_that_stands_still() {
    let (subject, model) = (ReferenceHarness::ticking(), ReferenceHarness::flawless());
    match run(&subject, &model, &config()).await {
        Ok(summary) => println!("{summary}"),
        Err(divergence) => panic!("{divergence}"),
    }
}

#[tokio::test]
async fn a_seed_gives_the_same_run_again() {
    let config = Config {
        steps: 500,
        seed: 7,
        ..config()
    };
    let run = async || {
        let (subject, model) = (ReferenceHarness::flawless(), ReferenceHarness::flawless());
        run(&subject, &model, &config).await.unwrap()
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn flaws_are_found_and_shrunk() {
    for name in FLAWS {
        let subject = ReferenceHarness::with(mutants::flaw(name));
        let model = ReferenceHarness::flawless();
        let config = Config {
            steps: 20_000,
            seed: 1,
            ..config()
        };
        let divergence = run(&subject, &model, &config).await.expect_err(name);
        println!("{name}: {divergence}\n");
        assert!(divergence.steps() <= 12, "{name} was not shrunk");
    }
}

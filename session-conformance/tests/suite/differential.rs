//! The differential test, on the backend in memory and on flawed ones.

use session_conformance::MemoryHarness;
use session_conformance::differential::{Config, run};

use crate::flawed::FlawedHarness;
use crate::mutants;

/// Flaws that no single operation shows, of each part of the semantics.
const FLAWS: [&str; 10] = [
    "WritesBeforeItRefuses",
    "LosesHiddenFields",
    "GrantsTheOldIdGrace",
    "FollowsALogIn",
    "RenewsTheDeadline",
    "RemovesAtEveryLogIn",
    "DrawsOnce",
    "RemembersWhatIsNotSaid",
    "EvictsForARefusedWrite",
    "EndsTheBoundOnly",
];

fn config() -> Config {
    Config {
        has_admin: true,
        ..Config::from_env()
    }
}

#[tokio::test]
async fn two_backends_in_memory_never_diverge() {
    match run(&MemoryHarness::new(), &MemoryHarness::new(), &config()).await {
        Ok(summary) => {
            println!("{summary}");
            assert!(summary.advances * 10 >= summary.steps);
        }
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
        let (subject, model) = (MemoryHarness::new(), MemoryHarness::new());
        run(&subject, &model, &config).await.unwrap()
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn flaws_are_found_and_shrunk() {
    for name in FLAWS {
        let subject = FlawedHarness::new(mutants::flaw(name));
        let config = Config {
            steps: 240_000,
            seed: 1,
            ..config()
        };
        let divergence = run(&subject, &MemoryHarness::new(), &config).await;
        let divergence = divergence.expect_err(name);
        println!("{name}: {divergence}\n");
        assert!(divergence.steps() <= 12, "{name} was not shrunk");
    }
}

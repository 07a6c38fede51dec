//! Random operations, applied in lockstep to a backend under test and to one that is trusted.
//!
//! After each step the returns are compared, and what is stored under every id the sequence has
//! known. The two differ in nothing but the ids they draw and the real time that passes. A sequence
//! on which they diverge is shrunk to the shortest that still does.
//!
//! ```no_run
//! # use session_conformance::Harness;
//! # async fn example(redis: &dyn Harness, memory: &dyn Harness) {
//! use session_conformance::differential::{Config, run};
//!
//! match run(redis, memory, &Config::from_env()).await {
//!     Ok(summary) => println!("{summary}"),
//!     Err(divergence) => panic!("{divergence}"),
//! }
//! # }
//! ```

mod build;
mod lockstep;
mod operation;
mod outcome;
mod side;
mod strategy;

use std::fmt;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config as RunnerConfig, RngAlgorithm, TestRng, TestRunner};

use self::lockstep::Disagreement;
use self::operation::Sequence;
use crate::harness::Harness;
use crate::kit::seed;

/// How many simpler sequences are tried after a divergence.
const SHRINKS: usize = 2000;

/// How far to run, and from which seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many steps to run at least.
    pub steps: usize,
    /// Where the randomness starts: the same seed gives the same sequences.
    pub seed: u64,
    /// Whether the sizes of principal indexes are compared, each time a list has pruned them. Off
    /// for a store that keeps young entries of ended sessions.
    pub compare_index: bool,
    /// Whether both sides have an admin API, and theirs are compared as well.
    pub has_admin: bool,
}

impl Config {
    /// As many steps as the environment variable `SESSION_DIFFERENTIAL_STEPS` says, or 20 000; from
    /// the seed that `SESSION_SEED` says, or a random one.
    ///
    /// # Panics
    /// When a variable is set to something else than a number.
    pub fn from_env() -> Self {
        let steps = std::env::var("SESSION_DIFFERENTIAL_STEPS").map_or(20_000, |text| {
            text.parse()
                .expect("SESSION_DIFFERENTIAL_STEPS is a number")
        });
        Self {
            steps,
            seed: seed(),
            compare_index: true,
            has_admin: false,
        }
    }
}

/// What a run without divergence did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The seed it began with.
    pub seed: u64,
    /// The sequences.
    pub sequences: usize,
    /// The steps of all.
    pub steps: usize,
    /// The steps that advanced the time.
    pub advances: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            sequences,
            steps,
            advances,
        } = self;
        write!(
            f,
            "{steps} steps, {advances} of them advances, in {sequences} sequences, seed {seed}"
        )
    }
}

/// The shortest sequence that was found on which the two disagree. `Display` shows it, and how to
/// repeat the run.
#[derive(Debug)]
pub struct Divergence {
    seed: u64,
    sequence: Sequence,
    disagreement: Disagreement,
}

impl Divergence {
    /// How many steps the sequence has.
    pub fn steps(&self) -> usize {
        self.sequence.steps.len()
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.disagreement)?;
        writeln!(f, "after, under {:?}:", self.sequence.policy)?;
        for (n, step) in self.sequence.steps.iter().enumerate() {
            writeln!(f, "  {n}. {step:?}")?;
        }
        write!(f, "to repeat: SESSION_SEED={}", self.seed)
    }
}

impl std::error::Error for Divergence {}

/// Runs random sequences on both, until so many steps are done or the two disagree.
///
/// Both harnesses are left with no key of this run, as far as their backends and the passing of
/// time can remove them.
///
/// # Errors
/// The [`Divergence`], shrunk.
pub async fn run(
    subject: &dyn Harness,
    model: &dyn Harness,
    config: &Config,
) -> Result<Summary, Divergence> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&config.seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(RunnerConfig::default(), rng);
    let strategy = strategy::sequence();
    let mut summary = Summary {
        seed: config.seed,
        sequences: 0,
        steps: 0,
        advances: 0,
    };
    println!("differential: SESSION_SEED={}", config.seed);
    while summary.steps < config.steps {
        let tree = strategy.new_tree(&mut runner);
        let mut tree = tree.expect("no value is rejected");
        let sequence = tree.current();
        summary.sequences += 1;
        summary.steps += sequence.steps.len();
        summary.advances += sequence.advances();
        if let Err(disagreement) = lockstep::run(subject, model, &sequence, config).await {
            return Err(shrink(subject, model, config, &mut tree, disagreement).await);
        }
    }
    Ok(summary)
}

/// Looks for a simpler sequence on which the two disagree, as proptest's runner does.
async fn shrink(
    subject: &dyn Harness,
    model: &dyn Harness,
    config: &Config,
    tree: &mut impl proptest::strategy::ValueTree<Value = Sequence>,
    disagreement: Disagreement,
) -> Divergence {
    let mut found = Divergence {
        seed: config.seed,
        sequence: tree.current(),
        disagreement,
    };
    let mut goes_on = tree.simplify();
    for _ in 0..SHRINKS {
        if !goes_on {
            break;
        }
        let sequence = tree.current();
        goes_on = match lockstep::run(subject, model, &sequence, config).await {
            Ok(()) => tree.complicate(),
            Err(disagreement) => {
                found.sequence = sequence;
                found.disagreement = disagreement;
                tree.simplify()
            }
        };
    }
    found
}

//! One sequence on both sides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::Principal;

use super::Config;
use super::operation::{MOST_REAL_TIME, PRINCIPALS, Sequence, Step};
use super::outcome::Facts;
use super::side::Side;
use crate::harness::Harness;
use crate::kit::{AppClock, fresh_principal};

/// Where the two disagree.
#[derive(Debug)]
pub(super) struct Disagreement {
    step: usize,
    operation: Step,
    about: &'static str,
    subject: Facts,
    model: Facts,
    apart: Duration,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            operation,
            about,
            subject,
            model,
            apart,
        } = self;
        writeln!(
            f,
            "the two disagree about {about} of step {step}, {operation:?}"
        )?;
        writeln!(f, "  subject: {subject:?}")?;
        writeln!(f, "  model:   {model:?}")?;
        write!(f, "  (times may be {apart:?} apart)")
    }
}

/// Runs a sequence on both sides, and cleans up after it.
pub(super) async fn run(
    subject: &dyn Harness,
    model: &dyn Harness,
    sequence: &Sequence,
    config: &Config,
) -> Result<(), Disagreement> {
    let clock = AppClock::new();
    let policy = || sequence.policy.build().with_clock(Arc::new(clock.clone()));
    let principals: [Principal; PRINCIPALS] = std::array::from_fn(|_| fresh_principal("someone"));
    let mut subject = Side::new(subject, policy(), &principals, config).await;
    let mut model = Side::new(model, policy(), &principals, config).await;
    let result = steps(&mut subject, &mut model, &clock, sequence).await;
    subject.clean().await;
    model.clean().await;
    result
}

async fn steps(
    subject: &mut Side<'_>,
    model: &mut Side<'_>,
    clock: &AppClock,
    sequence: &Sequence,
) -> Result<(), Disagreement> {
    for (n, step) in sequence.steps.iter().enumerate() {
        // Each step writes timestamps of its own.
        clock.forward(Duration::from_secs(1));
        let outcomes = (subject.step(step).await, model.step(step).await);
        let dumps = (subject.dumps().await, model.dumps().await);
        let apart = subject.real_time().await + model.real_time().await;
        assert!(
            apart < MOST_REAL_TIME,
            "a sequence took {apart:?}: too slow to compare times"
        );
        let disagreement = |about, subject, model| Disagreement {
            step: n,
            operation: step.clone(),
            about,
            subject,
            model,
            apart,
        };
        if !outcomes.0.agree(&outcomes.1, apart) {
            return Err(disagreement("the outcome", outcomes.0, outcomes.1));
        }
        for (a, b) in dumps.0.into_iter().zip(dumps.1) {
            if !a.agree(&b, apart) {
                return Err(disagreement("what is stored after it", a, b));
            }
        }
    }
    Ok(())
}

//! What is known of a session's values.

use std::time::Instant;

use super::losses::{Losses, Wrong};

/// Each write of a register has a number of its own, in the order in which they began.
#[derive(Debug)]
pub(super) struct Register(Vec<Write>);

#[derive(Debug)]
struct Write {
    began: Instant,
    acknowledged: Option<Instant>,
    is_refused: bool,
}

impl Register {
    /// It has the value 0.
    pub(super) fn new(began: Instant, acknowledged: Instant) -> Self {
        Self(vec![Write {
            began,
            acknowledged: Some(acknowledged),
            is_refused: false,
        }])
    }

    /// A write begins; its number is what it writes.
    pub(super) fn begin(&mut self) -> usize {
        self.0.push(Write {
            began: Instant::now(),
            acknowledged: None,
            is_refused: false,
        });
        self.0.len() - 1
    }

    pub(super) fn acknowledge(&mut self, number: usize) {
        if let Some(write) = self.0.get_mut(number) {
            write.acknowledged = Some(Instant::now());
        }
    }

    /// It is known that it was not applied.
    pub(super) fn refuse(&mut self, number: usize) {
        if let Some(write) = self.0.get_mut(number) {
            write.is_refused = true;
        }
    }

    /// Whether a look that began then may see this value: not one that was never written, nor one
    /// that another was written over before the look, and after it. What may have been applied may
    /// be applied late.
    pub(super) fn allows(&self, value: usize, began: Instant, losses: &Losses) -> bool {
        let Some(write) = self.0.get(value).filter(|it| !it.is_refused) else {
            return false;
        };
        let Some(done) = write.acknowledged.filter(|at| losses.is_sure(*at)) else {
            return true;
        };
        let is_over = |it: &Write| {
            let before = it.acknowledged.is_some_and(|at| at < began);
            before && it.began > done && it.acknowledged.is_some_and(|at| losses.is_sure(at))
        };
        !self.0.iter().skip(value).any(is_over)
    }
}

/// A counter from 0, that is counted up by 1.
#[derive(Debug, Default)]
pub(super) struct Counter {
    acknowledged: Vec<(Instant, i64)>,
    /// Those under way, and those of which nothing is known.
    unknown: usize,
}

impl Counter {
    pub(super) fn begin(&mut self) {
        self.unknown += 1;
    }

    pub(super) fn refuse(&mut self) {
        self.unknown -= 1;
    }

    /// Two that are acknowledged, and stay, have not the same value.
    pub(super) fn acknowledge(&mut self, value: i64, losses: &Losses) -> Result<(), Wrong> {
        self.unknown -= 1;
        let mut same = self.acknowledged.iter().filter(|it| it.1 == value);
        let is_double = same.any(|it| losses.is_sure(it.0));
        self.acknowledged.push((Instant::now(), value));
        match is_double {
            true => Err(Wrong("doubled increment", format!("{value} twice"))),
            false => Ok(()),
        }
    }

    /// Checks what a look saw that began then.
    pub(super) fn check(&self, value: i64, began: Instant, losses: &Losses) -> Result<(), Wrong> {
        let before = self.acknowledged.iter().filter(|it| it.0 < began);
        let (mut count, mut greatest) = (0, 0);
        for (_, value) in before.filter(|it| losses.is_sure(it.0)) {
            count += 1;
            greatest = greatest.max(*value);
        }
        let most = self.acknowledged.len() + self.unknown;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        match value {
            _ if value < count.max(greatest) => Err(Wrong(
                "lost increment",
                format!("{value}, after {count} up to {greatest}"),
            )),
            _ if value > most => Err(Wrong(
                "doubled increment",
                format!("{value}, of at most {most}"),
            )),
            _ => Ok(()),
        }
    }
}

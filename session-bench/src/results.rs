//! What a run has found: what is written as JSON, and what all tables and charts are made from.

use serde::{Deserialize, Serialize};

/// Everything that one run has found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) figures: Vec<Figure>,
}

/// Where and how it ran.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) cpus: usize,
    pub(crate) server: String,
    /// The databases of the groups that have some.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) databases: String,
    pub(crate) compiler: String,
    pub(crate) command: String,
}

/// A case, measured in several rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) group: String,
    /// What the figures depend on beside the case, such as `256 in flight`.
    pub(crate) setting: String,
    pub(crate) case: String,
    pub(crate) rounds: Vec<Round>,
}

/// What one round has found. Processor times, commands and bytes are per operation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) ops_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
    pub(crate) client_cpu_us: f64,
    pub(crate) server: Option<Server>,
    pub(crate) errors: u64,
}

impl Round {
    /// The processor time of an operation, of client and server together.
    fn cpu_us(&self) -> f64 {
        self.client_cpu_us + self.server.map_or(0.0, |it| it.cpu_us)
    }
}

/// What one operation costs the server.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) cpu_us: f64,
    pub(crate) commands: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
}

impl Measurement {
    /// The median of all rounds of what `of` finds in each.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }

    pub(crate) fn ops_per_s(&self) -> f64 {
        self.median(|round| round.ops_per_s)
    }

    fn median_round(&self) -> Round {
        let server = |of: fn(&Server) -> f64| self.server(of).unwrap_or(0.0);
        Round {
            ops_per_s: self.ops_per_s(),
            p50_us: self.median(|round| round.p50_us),
            p99_us: self.median(|round| round.p99_us),
            p999_us: self.median(|round| round.p999_us),
            max_us: self.median(|round| round.max_us),
            client_cpu_us: self.median(|round| round.client_cpu_us),
            server: self.server(|it| it.cpu_us).map(|cpu_us| Server {
                cpu_us,
                commands: server(|it| it.commands),
                bytes_in: server(|it| it.bytes_in),
                bytes_out: server(|it| it.bytes_out),
            }),
            errors: self.rounds.iter().map(|round| round.errors).sum(),
        }
    }

    /// The median of what an operation costs the server, if there is one.
    pub(crate) fn server(&self, of: impl Fn(&Server) -> f64) -> Option<f64> {
        let found: Option<Vec<_>> = self
            .rounds
            .iter()
            .map(|round| round.server.as_ref().map(&of))
            .collect();
        found.map(median)
    }
}

/// How one case compares with another: the median of what it was in each round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) group: String,
    pub(crate) setting: String,
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    /// The same of operations per processor time, of client and server together: what others that
    /// use this machine change less.
    pub(crate) by_cpu: Option<f64>,
    pub(crate) target: Option<Target>,
}

/// A figure that is no rate: bytes, instructions, times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) group: String,
    pub(crate) setting: String,
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) target: Option<Target>,
}

/// What a value ought to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(greatest) => value <= greatest,
        }
    }
}

impl Results {
    /// The same with one round for each measurement, which has the medians of all.
    pub(crate) fn medians(&self) -> Self {
        let measurements = self.measurements.iter().map(|it| Measurement {
            rounds: vec![it.median_round()],
            ..it.clone()
        });
        Self {
            machine: self.machine.clone(),
            measurements: measurements.collect(),
            ratios: self.ratios.clone(),
            figures: self.figures.clone(),
        }
    }

    /// What was found in groups of which this is true.
    pub(crate) fn of_groups(&self, is_one: impl Fn(&str) -> bool) -> Self {
        let measurements = self.measurements.iter().filter(|it| is_one(&it.group));
        let ratios = self.ratios.iter().filter(|it| is_one(&it.group));
        let figures = self.figures.iter().filter(|it| is_one(&it.group));
        Self {
            machine: self.machine.clone(),
            measurements: measurements.cloned().collect(),
            ratios: ratios.cloned().collect(),
            figures: figures.cloned().collect(),
        }
    }

    pub(crate) fn find(&self, group: &str, setting: &str, case: &str) -> Option<&Measurement> {
        self.measurements
            .iter()
            .find(|it| it.group == group && it.setting == setting && it.case == case)
    }

    /// Compares the rates of two cases, if both were measured.
    pub(crate) fn compare(
        &mut self,
        (group, setting): (&str, &str),
        (name, ours, other): (&str, &str, &str),
        target: Option<Target>,
    ) {
        let rate = |round: &Round| round.ops_per_s;
        self.compare_by(rate, (group, setting), (name, ours, &[other]), target);
        let cost = |case: &str| Some(self.find(group, setting, case)?.median(Round::cpu_us));
        let by_cpu = cost(other)
            .zip(cost(ours))
            .map(|(other, ours)| other / ours);
        if let Some(ratio) = self.ratios.last_mut().filter(|it| it.name == name) {
            ratio.by_cpu = by_cpu.filter(|it| it.is_finite());
        }
    }

    /// Compares a case with that of several which had the greatest median, as `of` says.
    pub(crate) fn compare_by(
        &mut self,
        of: impl Fn(&Round) -> f64 + Copy,
        (group, setting): (&str, &str),
        (name, ours, others): (&str, &str, &[&str]),
        target: Option<Target>,
    ) {
        let others = others.iter().filter_map(|it| self.find(group, setting, it));
        let best = others.max_by(|a, b| a.median(of).total_cmp(&b.median(of)));
        let (Some(ours), Some(best)) = (self.find(group, setting, ours), best) else {
            return;
        };
        let rounds = ours.rounds.iter().zip(&best.rounds);
        let ratios: Vec<f64> = rounds.map(|(a, b)| of(a) / of(b)).collect();
        let ratio = Ratio {
            group: group.into(),
            setting: setting.into(),
            name: name.into(),
            value: median(ratios.clone()),
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: ratios.iter().copied().fold(0.0, f64::max),
            by_cpu: None,
            target,
        };
        self.ratios.push(ratio);
    }
}

/// The middle of these values, of an even number the mean of the two in the middle; of none 0.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |n: usize| values.get(n).copied().unwrap_or(0.0);
    let half = values.len() / 2;
    match values.len() % 2 {
        1 => at(half),
        _ => (at(half.wrapping_sub(1)) + at(half)) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(case: &str, rates: &[f64]) -> Measurement {
        let rounds = rates.iter().map(|&ops_per_s| Round {
            ops_per_s,
            client_cpu_us: 1.0 / ops_per_s,
            ..Round::default()
        });
        Measurement {
            group: "g".into(),
            setting: "s".into(),
            case: case.into(),
            rounds: rounds.collect(),
        }
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_against_the_best_of_the_others() {
        let mut results = Results {
            measurements: vec![
                measured("ours", &[10.0, 30.0, 8.0]),
                measured("slow", &[1.0, 1.0, 1.0]),
                measured("fast", &[10.0, 10.0, 10.0]),
            ],
            ..Results::default()
        };
        let target = Some(Target::AtLeast(1.0));
        let by_rate = |round: &Round| round.ops_per_s;
        results.compare_by(
            by_rate,
            ("g", "s"),
            ("best", "ours", &["slow", "fast"]),
            target,
        );
        results.compare(("g", "s"), ("none", "ours", "not measured"), None);
        results.compare(("g", "s"), ("slow", "ours", "slow"), None);
        let [ratio, slow] = &results.ratios[..] else {
            panic!("{:?}", results.ratios)
        };
        assert_eq!([slow.value, slow.by_cpu.unwrap()], [10.0, 10.0]);
        let ours = &results.medians().measurements[0];
        assert_eq!((ours.rounds.len(), ours.ops_per_s()), (1, 10.0));
        assert_eq!([ratio.least, ratio.value, ratio.greatest], [0.8, 1.0, 3.0]);
        assert!(ratio.target.unwrap().is_met_by(1.0) && !Target::AtMost(0.9).is_met_by(1.0));
    }
}

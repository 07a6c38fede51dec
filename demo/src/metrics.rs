//! What the process counts, for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use session_store::observe::{CONNECTION_DOWN, DOWN_BUCKETS, DURATION_BUCKETS};
use tokio::time::interval;

/// How often what was recorded is put in order, where nobody reads it.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where the metrics are.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Counts whatever the process counts from now on.
    pub(crate) fn install() -> Result<Self, BuildError> {
        let durations = Matcher::Suffix("_seconds".to_owned());
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(durations, &DURATION_BUCKETS)?
            .set_buckets_for_metric(Matcher::Full(CONNECTION_DOWN.to_owned()), &DOWN_BUCKETS)?
            .install_recorder()?;
        let kept = metrics.clone();
        tokio::spawn(async move {
            let mut pace = interval(UPKEEP);
            loop {
                pace.tick().await;
                kept.run_upkeep();
            }
        });
        Ok(Self(metrics))
    }

    /// Counts nothing.
    pub fn idle() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }

    /// In Prometheus's text format.
    pub(crate) fn text(&self) -> String {
        self.0.render()
    }
}

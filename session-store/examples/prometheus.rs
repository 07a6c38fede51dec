//! Metrics of sessions for Prometheus: how many operations, how long, and what becomes of the
//! connection to the store.
//!
//! They are served at an address of their own, for operators only.
//!
//! ```sh
//! cargo run -p session-store --example prometheus --features axum,observe
//! cargo run -p session-store --example prometheus --features axum,observe,redis-rs -- \
//!     redis://127.0.0.1:6379
//! curl http://127.0.0.1:9090/metrics
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use session_store::observe::{CONNECTION_DOWN, DOWN_BUCKETS, DURATION_BUCKETS, Observe};
use session_store::{Connect, Session, SessionBackend, SessionCookie, SessionError, SessionLayer};
use tokio::net::TcpListener;
use tokio::time::interval;

/// Collects what this process counts from now on, whoever counts it.
pub(crate) fn collect() -> Result<PrometheusHandle, BuildError> {
    let durations = Matcher::Suffix("_seconds".to_owned());
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(durations, &DURATION_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(CONNECTION_DOWN.to_owned()), &DOWN_BUCKETS)?
        .install_recorder()?;
    let kept = metrics.clone();
    tokio::spawn(async move {
        // What nobody fetches must not pile up.
        let mut pace = interval(Duration::from_secs(5));
        loop {
            pace.tick().await;
            kept.run_upkeep();
        }
    });
    Ok(metrics)
}

/// What Prometheus fetches.
pub(crate) fn for_operators(metrics: PrometheusHandle) -> Router {
    let show = async move || {
        let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        (kind, metrics.render())
    };
    Router::new().route("/metrics", get(show))
}

/// The backend at this URL: its steps and its connections are seen.
pub(crate) async fn sessions(url: &str) -> session_store::Result<Arc<dyn SessionBackend>> {
    Connect::to(url).observed(Observe::new()).connect().await
}

/// The application.
pub(crate) fn app(sessions: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Router {
    Router::new()
        .route("/", get(count))
        .layer(SessionLayer::new(sessions).with_cookie(cookie))
}

async fn count(session: Session) -> Result<String, SessionError> {
    let visits = session.increment("visits", 1).await?;
    Ok(format!("Visit {visits}\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1);
    // Before the backend: it counts with what there is when it first counts.
    let metrics = for_operators(collect()?);
    let sessions = sessions(url.as_deref().unwrap_or("memory:")).await?;
    // This is plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("sid").build()?;
    let operators = TcpListener::bind("127.0.0.1:9090").await?;
    let visitors = TcpListener::bind("127.0.0.1:8080").await?;
    tokio::spawn(async move { axum::serve(operators, metrics).await });
    axum::serve(visitors, app(sessions, cookie)).await?;
    Ok(())
}

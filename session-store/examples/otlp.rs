//! Spans of sessions for an OpenTelemetry collector, and an audit log.
//!
//! Each step of the session store is a span of a database's client, below the span of the request
//! that it serves. OTLP goes over HTTP; a collector listens on port 4318.
//!
//! ```sh
//! cargo run -p session-store --example otlp --features observe
//! cargo run -p session-store --example otlp --features observe,redis-rs -- \
//!     redis://127.0.0.1:6379 http://127.0.0.1:4318
//! ```

use std::error::Error;
use std::sync::Arc;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use session_store::observe::{Observe, SessionEvent, SessionObserver};
use session_store::{Connect, Delta, FieldName, NewSession, Principal, SessionBackend, SessionId};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument as _, Subscriber};
use tracing_subscriber::layer::SubscriberExt as _;

/// Sends spans to the collector at this URL, some at a time.
pub(crate) fn exporter(collector: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{collector}/v1/traces"))
        .build()?;
    let resource = Resource::builder().with_service_name("shop").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
    Ok(provider.with_resource(resource).build())
}

/// Makes spans of OpenTelemetry's of the process's own.
pub(crate) fn subscriber(provider: &SdkTracerProvider) -> impl Subscriber + Send + Sync + use<> {
    let tracer = provider.tracer("shop");
    tracing_subscriber::registry()
        // What is below tells of the exporter's own connections, too.
        .with(LevelFilter::INFO)
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
}

/// Who logged in, and whose sessions ended.
#[derive(Debug)]
pub(crate) struct Audit;

impl SessionObserver for Audit {
    fn session_event(&self, event: &SessionEvent<'_>) {
        if let SessionEvent::Bound { session, .. } | SessionEvent::Ended { session, .. } = event {
            // A public id may be shown. Whose it is stays in the audit log proper, if there is one:
            // `session.principal`.
            let public_id = session.public_id.map(|id| id.to_string());
            tracing::info!(target: "audit", event = event.as_str(), public_id);
        }
    }
}

/// The backend at this URL.
pub(crate) async fn sessions(url: &str) -> session_store::Result<Arc<dyn SessionBackend>> {
    let observe = Observe::new().observer(Arc::new(Audit));
    Connect::to(url).observed(observe).connect().await
}

/// What requests do with their sessions: somebody comes, logs in, and logs out.
pub(crate) async fn requests(sessions: &dyn SessionBackend) -> Result<(), Box<dyn Error>> {
    let visit = async {
        let visitor = sessions.create_session(NewSession::default()).await?;
        sessions.get_session(&visitor.id).await?;
        Ok::<_, Box<dyn Error>>(visitor.id)
    };
    let span = tracing::info_span!("request", otel.kind = "server", otel.name = "GET /");
    let id: SessionId = visit.instrument(span).await?;
    let log_in = async {
        let ann = Delta::new().bind(Principal::new("ann@shop.example")?);
        let rotated = sessions.rotate_session(&id, ann).await?;
        let id = rotated.ok_or("the session has ended")?.id;
        sessions
            .increment_field(&id, FieldName::new("logins")?, 1)
            .await?;
        Ok::<_, Box<dyn Error>>(id)
    };
    let span = tracing::info_span!("request", otel.kind = "server", otel.name = "POST /login");
    let id = log_in.instrument(span).await?;
    let span = tracing::info_span!("request", otel.kind = "server", otel.name = "POST /logout");
    sessions.delete_session(&id).instrument(span).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next();
    let collector = args.next();
    let provider = exporter(collector.as_deref().unwrap_or("http://127.0.0.1:4318"))?;
    tracing::subscriber::set_global_default(subscriber(&provider))?;
    let sessions = sessions(url.as_deref().unwrap_or("memory:")).await?;
    requests(&*sessions).await?;
    // What is left is sent before the process ends.
    provider.shutdown()?;
    Ok(())
}

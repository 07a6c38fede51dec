//! Everything that subscribers and recorders of this thread receive.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

pub(crate) type Fields = BTreeMap<&'static str, String>;

/// Spans and log events, each as its fields; `name` and `target` besides.
#[derive(Clone, Default)]
pub(crate) struct Traces {
    next: Arc<AtomicU64>,
    spans: Arc<Mutex<BTreeMap<u64, Fields>>>,
    events: Arc<Mutex<Vec<Fields>>>,
}

impl Traces {
    /// The finished and the open spans of the steps, oldest first.
    pub(crate) fn spans(&self) -> Vec<Fields> {
        let spans = self.spans.lock().unwrap();
        let is_of_step = |span: &&Fields| span["name"] == "session.step";
        spans.values().filter(is_of_step).cloned().collect()
    }

    /// Those of others as well.
    pub(crate) fn all_spans(&self) -> Vec<Fields> {
        self.spans.lock().unwrap().values().cloned().collect()
    }

    pub(crate) fn events(&self) -> Vec<Fields> {
        self.events.lock().unwrap().clone()
    }
}

struct Visitor<'a>(&'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

fn fields_of(metadata: &Metadata<'static>) -> Fields {
    let level = metadata.level().to_string();
    BTreeMap::from([
        ("name", metadata.name().to_owned()),
        ("target", metadata.target().to_owned()),
        ("level", level),
    ])
}

impl Subscriber for Traces {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let mut fields = fields_of(span.metadata());
        span.record(&mut Visitor(&mut fields));
        self.spans.lock().unwrap().insert(number, fields);
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.spans.lock().unwrap();
        values.record(&mut Visitor(spans.get_mut(&span.into_u64()).unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = fields_of(event.metadata());
        event.record(&mut Visitor(&mut fields));
        self.events.lock().unwrap().push(fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// One series of a metric: its name and labels as text, and its unit, description and value.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) is_described: bool,
    /// Of a histogram: how many values it has.
    pub(crate) value: f64,
}

/// Runs this on a runtime of its own, under a subscriber and a recorder.
pub(crate) fn captured<F: Future<Output = ()>>(test: impl FnOnce(Traces, Snapshotter) -> F) {
    let (traces, recorder) = (Traces::default(), DebuggingRecorder::new());
    let snapshotter = recorder.snapshotter();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let _subscriber = tracing::subscriber::set_default(traces.clone());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(test(traces, snapshotter));
}

/// What was recorded since this was last called.
pub(crate) fn series(snapshotter: &Snapshotter) -> Vec<Series> {
    let snapshot = snapshotter.snapshot().into_vec().into_iter();
    let series = snapshot.map(|(key, unit, description, value)| {
        let key = key.key();
        let labels = key.labels();
        Series {
            name: key.name().to_owned(),
            labels: labels
                .map(|label| (label.key().to_owned(), label.value().to_owned()))
                .collect(),
            is_described: unit.is_some() && description.is_some(),
            value: match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.0,
                DebugValue::Histogram(values) => values.len() as f64,
            },
        }
    });
    series.collect()
}

//! What a request costs in the layer by itself: in process, over the memory backend, beside the
//! same service without a layer and the backend's steps alone.

#![allow(missing_docs, reason = "the macros' functions")]
#![allow(
    clippy::expect_used,
    reason = "a failed expectation is a failed benchmark"
)]

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use http::header::COOKIE;
use http::{HeaderValue, Request, Response};
use session_core::{Delta, FieldName, Fields, NewSession, SessionBackend, SessionId};
use session_memory::MemoryBackend;
use session_tower::{Session, SessionLayer};
use tower::{Layer, Service, service_fn};

type Answer = Result<Response<()>, Infallible>;

async fn bare(request: Request<()>) -> Answer {
    black_box(&request);
    Ok(Response::new(()))
}

async fn read(request: Request<()>) -> Answer {
    let session = Session::of(request.extensions()).expect("a layer");
    black_box(session.get_raw("name").await.expect("the memory answers"));
    Ok(Response::new(()))
}

async fn insert(request: Request<()>) -> Answer {
    let session = Session::of(request.extensions()).expect("a layer");
    session.insert_raw("name", "value").expect("it is open");
    Ok(Response::new(()))
}

async fn count(request: Request<()>) -> Answer {
    let session = Session::of(request.extensions()).expect("a layer");
    black_box(session.increment("n", 1).await.expect("the memory answers"));
    Ok(Response::new(()))
}

fn request(id: &SessionId) -> Request<()> {
    let mut request = Request::new(());
    let line = format!("theme=dark; __Host-id={}", id.expose());
    let line = HeaderValue::from_str(&line).expect("a cookie");
    request.headers_mut().insert(COOKIE, line);
    request
}

fn requests(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let backend = MemoryBackend::new();
    let name = FieldName::new("name").expect("a name");
    let new = NewSession::new(Fields::new().with(name.clone(), "value"));
    let id = runtime.block_on(backend.create_session(new));
    let id = id.expect("the memory answers").id;
    let layer = SessionLayer::new(Arc::new(backend.clone()));
    let mut group = criterion.benchmark_group("layer");

    macro_rules! bench {
        ($name:literal, $service:expr) => {
            let mut service = $service;
            group.bench_function($name, |bench| {
                bench.iter(|| runtime.block_on(service.call(request(&id))));
            });
        };
    }
    bench!("without a layer", service_fn(bare));
    bench!("ignores the session", layer.layer(service_fn(bare)));
    bench!("reads", layer.layer(service_fn(read)));
    bench!("inserts", layer.layer(service_fn(insert)));
    bench!("counts", layer.layer(service_fn(count)));
    group.bench_function("the backend's get alone", |bench| {
        bench.iter(|| runtime.block_on(backend.get_session(&id)));
    });
    group.bench_function("the backend's update alone", |bench| {
        let delta = Delta::new().set(name.clone(), "value");
        bench.iter(|| runtime.block_on(backend.update_session(&id, delta.clone())));
    });
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);

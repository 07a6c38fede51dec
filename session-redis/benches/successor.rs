//! What it costs to draw the id that a rotation moves to, beside a fresh id of any slot.

#![allow(missing_docs, reason = "the macros' functions")]
#![allow(
    clippy::expect_used,
    reason = "a failed expectation is a failed benchmark"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use session_core::SessionId;
use session_redis::{IdStorage, KeyPrefix, KeySpace, successor_id};

fn successors(c: &mut Criterion) {
    let mut group = c.benchmark_group("draw an id");
    group.bench_function("fresh", |bench| {
        bench.iter(|| SessionId::random().expect("randomness"));
    });
    let storages = [
        ("successor of a plain one", IdStorage::Plain),
        ("successor of a hashed one", IdStorage::Hashed),
        ("successor between the two", IdStorage::HashedAfterPlain),
    ];
    for (name, storage) in storages {
        let keys = KeySpace::new(KeyPrefix::default(), storage);
        let old = SessionId::random().expect("randomness");
        group.bench_function(name, |bench| {
            bench.iter(|| successor_id(&keys, black_box(&old)).expect("randomness"));
        });
    }
    group.finish();
}

criterion_group!(benches, successors);
criterion_main!(benches);

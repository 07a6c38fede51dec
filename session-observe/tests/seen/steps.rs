//! Spans and metrics of steps.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use session_core::{
    Delta, Effect, ErrorKind, FieldName, Limits, NewSession, OnExcess, Principal, PrincipalLimit,
    SessionBackend, SessionCount, SessionId, SessionPolicy,
};
use session_memory::{MemoryBackend, Step};
use session_observe::{OPERATION_DURATION, OPERATIONS, Observe};

use super::canary::every_operation;
use super::capture::{Series, captured, series};

/// How often each operation ended how: `read done` → 3.
fn counts(series: &[Series], metric: &str) -> BTreeMap<String, u64> {
    let of_metric = series.iter().filter(|it| it.name == metric);
    let counted = of_metric.map(|it| {
        assert!(it.is_described, "{it:?}");
        assert_eq!(it.labels["backend"], "memory");
        let name = format!("{} {}", it.labels["operation"], it.labels["outcome"]);
        (name, it.value as u64)
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn each_step_of_every_operation_is_seen_once() {
    captured(async |traces, metrics| {
        let memory = MemoryBackend::new();
        every_operation(&Observe::new().wrap("memory", memory.clone())).await;
        let series = series(&metrics);
        let counted = counts(&series, OPERATIONS);
        assert_eq!(counts(&series, OPERATION_DURATION), counted);
        for (step, name) in [
            (Step::Insert, "insert"),
            (Step::Read, "read"),
            (Step::Write, "write"),
            (Step::Rename, "rename"),
            (Step::Remove, "remove"),
            (Step::List, "list"),
            (Step::Revoke, "revoke"),
            (Step::Ping, "ping"),
        ] {
            let of_step = counted.iter().filter(|(key, _)| key.starts_with(name));
            let calls = memory.faults().calls_of(step);
            assert_eq!(of_step.map(|(_, n)| n).sum::<u64>(), calls, "{name}");
            let spans = traces.spans().into_iter();
            let spans = spans.filter(|span| span["db.operation.name"] == name);
            assert_eq!(spans.count() as u64, calls, "{name}");
            assert_ne!(calls, 0, "{name}");
        }
    });
}

#[test]
fn a_span_has_opentelemetrys_names() {
    captured(async |traces, _| {
        let memory = MemoryBackend::new();
        let observe = Observe::new().system("redis").server("10.0.0.1", 6379);
        let sessions = observe.wrap("redis-rs", memory.clone());
        sessions.ping().await.unwrap();
        let faults = memory.faults();
        faults.on(Step::Ping).next_call().lose_reply();
        sessions.ping().await.unwrap_err();
        let [well, ill] = &traces.spans()[..] else {
            panic!("{:?}", traces.spans());
        };
        let expected = [
            ("db.operation.name", "ping"),
            ("db.system.name", "redis"),
            ("level", "INFO"),
            ("name", "session.step"),
            ("otel.kind", "client"),
            ("otel.name", "ping 10.0.0.1:6379"),
            ("server.address", "10.0.0.1"),
            ("server.port", "6379"),
            ("session.backend", "redis-rs"),
            ("session.outcome", "done"),
            ("target", "session"),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(key, it)| (key, it.to_owned())).into();
        assert_eq!(*well, expected);
        for (field, value) in [
            ("error.type", "timeout"),
            ("otel.status_code", "ERROR"),
            ("session.effect", "unknown"),
            ("session.outcome", "timeout"),
        ] {
            assert_eq!(ill[field], value);
        }
    });
}

#[test]
fn every_end_of_a_step_has_an_outcome() {
    captured(async |_, metrics| {
        let limit = PrincipalLimit {
            max: SessionCount::new(1).unwrap(),
            on_excess: OnExcess::Refuse,
        };
        let limits = Limits::default().with_session_bytes(200);
        let policy = SessionPolicy::new()
            .with_principal_limit(limit)
            .with_limits(limits);
        let memory = MemoryBackend::builder().policy(policy).build();
        let sessions = Observe::new().wrap("memory", memory.clone());
        let [count, text] = ["count", "text"].map(|name| FieldName::new(name).unwrap());
        let unknown = SessionId::random().unwrap();
        let ann = Principal::new("ann").unwrap();
        let id = sessions.create_session(NewSession::default()).await;
        let id = id.unwrap().id;
        let rotated = sessions.rotate_session(&id, Delta::new().bind(ann.clone()));
        let (old, id) = (&id, rotated.await.unwrap().unwrap().id);
        let log_in = NewSession::default().bind(ann);
        sessions.create_session(log_in).await.unwrap_err();
        sessions.get_session(&unknown).await.unwrap();
        sessions.get_session(old).await.unwrap();
        for delta in [
            Delta::new()
                .set(text.clone(), "x")
                .increment(count.clone(), 1),
            Delta::new().increment(text.clone(), 1),
            Delta::new().increment(count, i64::MAX),
            Delta::new().expect_absent(text.clone()),
            Delta::new().set(text, "x".repeat(500)),
        ] {
            let _ = sessions.update_session(&id, delta).await;
        }
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
            ErrorKind::StoreFull,
            ErrorKind::Denied,
            ErrorKind::Config,
            ErrorKind::CorruptReply,
            ErrorKind::InvalidCursor,
            ErrorKind::Unsupported,
            ErrorKind::Rejected,
            ErrorKind::Randomness,
        ] {
            let next = memory.faults().on(Step::Ping).next_call();
            next.fail(kind, Effect::NotApplied);
            sessions.ping().await.unwrap_err();
        }
        let counted = counts(&series(&metrics), OPERATIONS);
        let counted: Vec<_> = counted
            .iter()
            .map(|(key, n)| format!("{key} {n}"))
            .collect();
        let expected = "insert done 1, insert too_many_sessions 1, ping config 1, \
            ping corrupt_reply 1, ping denied 1, ping invalid_cursor 1, ping other 1, \
            ping rejected 1, ping store_full 1, ping timeout 1, ping unavailable 1, \
            ping unsupported 1, read not_found 1, read rotated 1, rename done 1, \
            write conflict 1, write done 1, write limit_exceeded 1, write not_an_integer 1, \
            write overflow 1";
        assert_eq!(counted.join(", "), expected);
    });
}

#[test]
fn a_step_that_is_dropped_is_seen() {
    captured(async |traces, metrics| {
        let memory = MemoryBackend::new();
        let slowly = memory.faults().on(Step::Ping).next_call();
        slowly.delay(Duration::from_secs(60));
        let sessions = Observe::new().wrap("memory", memory);
        {
            let mut ping = pin!(sessions.ping());
            let mut context = Context::from_waker(Waker::noop());
            assert!(ping.as_mut().poll(&mut context).is_pending());
        }
        // What was never begun is not.
        drop(sessions.ping());
        let counted = counts(&series(&metrics), OPERATIONS);
        assert_eq!(counted, BTreeMap::from([("ping dropped".to_owned(), 1)]));
        let spans = traces.spans();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0]["session.outcome"], "dropped");
        assert_eq!(spans[0].get("otel.status_code"), None);
    });
}

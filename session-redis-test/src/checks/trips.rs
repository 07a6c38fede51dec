//! How often the server is asked, and what it is told.

use std::collections::BTreeMap;
use std::future::Future;

use session_core::{Delta, NewSession, Remaining, SessionBackend, SessionTtl, Touch};
use std::time::Duration;

use super::{ann, backend, create, fields, name};
use crate::harness::Connect;
use crate::{Monitor, Proxy, RedisServer};

/// Each operation is one round trip (a burst of requests at a proxy), except what finds a
/// session by its public id, which is two. Prints the round trips, and the commands as the server saw them.
///
/// # Panics
/// When an operation takes more.
pub async fn every_operation_is_one_round_trip(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = backend(connect, proxy.url());
    let mut monitor = Monitor::start(&server).await;
    // The server learns the scripts and the backend learns the version in the first round.
    for round in ["first", "measured"] {
        let mut trips = Trips {
            proxy: &proxy,
            monitor: &mut monitor,
            table: BTreeMap::new(),
        };
        all_operations(&*backend, &mut trips).await;
        let table = trips.table;
        if round == "measured" {
            for (operation, (bursts, commands)) in &table {
                println!("{operation:<22} round trips: {bursts}  commands: {commands}");
            }
            for (operation, (bursts, _)) in &table {
                let is_by_public_id = ["get_session_of", "revoke_session"].contains(operation);
                let allowed = if is_by_public_id { 2 } else { 1 };
                assert_eq!(*bursts, allowed, "round trips of {operation}");
            }
        }
    }
}

struct Trips<'a> {
    proxy: &'a Proxy,
    monitor: &'a mut Monitor,
    table: BTreeMap<&'static str, (u64, String)>,
}

impl Trips<'_> {
    async fn of<T>(
        &mut self,
        operation: &'static str,
        run: impl Future<Output = session_core::Result<T>>,
    ) -> T {
        self.monitor.take().await;
        self.proxy.reset();
        let answer = run
            .await
            .unwrap_or_else(|error| panic!("{operation}: {error:?}"));
        let bursts = self.proxy.bursts();
        let commands = self.monitor.take().await;
        let told = commands.iter().filter(|command| !command.is_from_script());
        let inner = commands.iter().filter(|command| command.is_from_script());
        let names =
            |command: &crate::MonitoredCommand| command.args.first().cloned().unwrap_or_default();
        let text = format!(
            "{} [{}]",
            told.map(names).collect::<Vec<_>>().join(" "),
            inner.map(names).collect::<Vec<_>>().join(" ")
        );
        self.table.insert(operation, (bursts, text));
        answer
    }
}

async fn all_operations(backend: &dyn SessionBackend, trips: &mut Trips<'_>) {
    let created = trips
        .of(
            "create_session",
            backend.create_session(NewSession::new(fields())),
        )
        .await;
    let id = created.id;
    assert!(
        trips
            .of("get_session", backend.get_session(&id))
            .await
            .is_some()
    );
    assert!(
        trips
            .of("peek_session", backend.peek_session(&id))
            .await
            .is_some()
    );
    let throttled = Touch::IfOlderThan(Duration::from_secs(60));
    trips
        .of(
            "get_session throttled",
            backend.get_session_with(&id, throttled),
        )
        .await;
    trips.of("ttl", backend.ttl(&id)).await;
    trips
        .of("configured_ttl", backend.configured_ttl(&id))
        .await;
    let delta = Delta::new()
        .set(name("theme"), "dark")
        .remove(name("username"));
    trips
        .of(
            "update_session",
            backend.update_session(&id, delta.returning_record()),
        )
        .await;
    let views = trips
        .of(
            "increment_field",
            backend.increment_field(&id, name("page_views"), 1),
        )
        .await;
    assert_eq!(views, Some(2));
    trips
        .of(
            "remove_fields",
            backend.remove_fields(&id, vec![name("theme")]),
        )
        .await;
    let ttl = SessionTtl::from_secs(300).expect("a TTL");
    trips
        .of("set_session_ttl", backend.set_session_ttl(&id, ttl))
        .await;
    let rotated = trips
        .of(
            "rotate_session",
            backend.rotate_session(&id, Delta::new().bind(ann())),
        )
        .await;
    let rotated = rotated.expect("the session lives");
    assert!(matches!(rotated.written.ttl, Remaining::In(_)));
    assert_eq!(
        trips
            .of("list_sessions", backend.list_sessions(&ann()))
            .await
            .len(),
        1
    );
    let other = backend
        .create_session(NewSession::new(fields()).bind(ann()))
        .await
        .expect("a bound session");
    let known = other.record.public_id().expect("it is bound");
    assert!(
        trips
            .of("get_session_of", backend.get_session_of(&ann(), &known))
            .await
            .is_some()
    );
    assert!(
        trips
            .of("revoke_session", backend.revoke_session(&ann(), &known))
            .await
    );
    assert_eq!(
        trips
            .of("revoke_sessions", backend.revoke_sessions(&ann(), None))
            .await,
        1
    );
    let id = create(backend).await.id;
    assert!(
        trips
            .of("delete_session", backend.delete_session(&id))
            .await
    );
    trips.of("ping", backend.ping()).await;
}

//! How many round trips an operation takes on PostgreSQL.

use std::pin::Pin;

use session_core::{
    Delta, OnExcess, PageSize, Principal, PrincipalLimit, Result, SessionAdmin as _,
    SessionBackend as _, SessionCount, SessionId, SessionPolicy, SessionTtl, Touch,
};
use session_sqlx::PostgresBackend;
use session_sqlx_test::{Proxy, shared};

use crate::kit::{PATIENT, count, create, name, new, principal, set};

type Run<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

fn run<'a, T: 'a>(operation: impl Future<Output = Result<T>> + Send + 'a) -> Run<'a> {
    Box::pin(async { operation.await.map(drop) })
}

/// One connection that has seen each statement: what is one statement is one round trip. Prints
/// all.
pub(crate) async fn are_few() {
    let schema = shared().await.schema().await;
    let proxy = Proxy::start(schema.addr()).await;
    let url = schema.url_at(proxy.addr());
    let backend = |policy: SessionPolicy| {
        let builder = PostgresBackend::builder(&url).unwrap();
        let builder = builder.deadline(PATIENT).max_connections(1);
        builder.policy(policy.with_touch(Touch::Always)).build()
    };
    let max = SessionCount::new(1).unwrap();
    let on_excess = OnExcess::EvictOldest;
    let limit = PrincipalLimit { max, on_excess };
    let plain = backend(SessionPolicy::new().without_principal_limit());
    let limited = backend(SessionPolicy::new().with_principal_limit(limit));
    for is_measured in [false, true] {
        let sessions = Sessions::create(&plain).await;
        for (operation, expected, run) in sessions.operations(&plain, &limited) {
            proxy.reset();
            run.await
                .unwrap_or_else(|error| panic!("{operation}: {error:?}"));
            if is_measured {
                println!("{operation:<40} {}", proxy.bursts());
                assert_eq!(proxy.bursts(), expected, "round trips of {operation}");
            }
        }
    }
}

/// What the operations are done with.
struct Sessions {
    free: Vec<SessionId>,
    unknown: SessionId,
    /// Who have no sessions yet.
    fresh: [Principal; 2],
}

impl Sessions {
    async fn create(backend: &PostgresBackend) -> Self {
        let mut free = Vec::new();
        for _ in 0..4 {
            free.push(create(backend).await.id);
        }
        let unknown = SessionId::random().unwrap();
        let fresh = ["bob", "dan"].map(|it| principal(&format!("{it} {}", unknown.expose())));
        Self {
            free,
            unknown,
            fresh,
        }
    }

    #[rustfmt::skip] // A table.
    fn operations<'a>(&'a self, store: &'a PostgresBackend, limited: &'a PostgresBackend) -> Vec<(&'static str, u64, Run<'a>)> {
        let [a, b, c, d] = self.free.as_slice() else { panic!("four") };
        let none = &self.unknown;
        let [bob, dan] = &self.fresh;
        let bind = || Delta::new().bind(principal("ann"));
        let page = async || store.list_sessions_page(&principal("ann"), Vec::new(), None, PageSize::MAX).await;
        let admin = store.admin();
        vec![
            ("get that slides", 1, run(store.get_session(a))),
            ("get, throttled", 1, run(store.get_session_with(a, Touch::IfOlderThan(PATIENT)))),
            ("peek", 1, run(store.peek_session(a))),
            ("get of an unknown id", 2, run(store.get_session(none))),
            ("set a field", 1, run(store.update_session(a, set("theme", "dark")))),
            ("set a field, record returned", 1, run(store.update_session(a, set("theme", "dark").returning_record()))),
            ("increment", 1, run(count(store, a))),
            ("increment under an unknown id", 2, run(count(store, none))),
            ("remove a field", 1, run(store.remove_fields(a, vec![name("theme")]))),
            ("set the TTL", 1, run(store.set_session_ttl(a, SessionTtl::MAX))),
            ("set a field that is expected", 4, run(store.update_session(a, set("theme", "x").expect_absent(name("theme"))))),
            ("create", 1, run(store.create_session(new()))),
            ("create, bound", 1, run(store.create_session(new().bind(principal("ann"))))),
            ("create, bound, within a limit", 5, run(limited.create_session(new().bind(bob.clone())))),
            ("create, bound, that evicts", 6, run(limited.create_session(new().bind(bob.clone())))),
            ("update that binds", 4, run(store.update_session(b, bind()))),
            ("rotate", 5, run(store.rotate_session(a, Delta::new()))),
            ("log in: rotate and bind", 5, run(store.rotate_session(c, bind()))),
            ("the same, within a limit", 7, run(limited.rotate_session(d, Delta::new().bind(dan.clone())))),
            ("get, rotated", 2, run(store.get_session(a))),
            ("delete, rotated", 3, run(store.delete_session(a))),
            ("delete", 1, run(store.delete_session(b))),
            ("delete of an unknown id", 2, run(store.delete_session(none))),
            ("page of a list", 1, run(page())),
            ("revoke all of a list", 2, run(async { store.revoke_sessions(&principal("ann"), None).await })),
            ("page of the table", 1, run(async move { admin.list_page(None, PageSize::MAX).await })),
            ("purge", 1, run(store.purge())),
            ("ping", 3, run(store.ping())),
        ]
    }
}

//! What `docs/compare.md` says of races, shown with each library's own middleware on one Redis
//! server, or in one process's memory. Each library serves the same pages; a request can be
//! held between its read and its write, while another one runs in another process.

use std::sync::Arc;

use actix_session::storage::RedisSessionStore;
use session_redis_test::RedisServer;
use session_store::SessionBackend;
use session_store::backends::memory::MemoryBackend;
use tokio::sync::OnceCell;
use tower_sessions::MemoryStore;
use tower_sessions_redis_store::RedisStore;

use crate::old::fred_pool;
use crate::processes::{Gate, Process, axum_session, session_store, tower_sessions};
use crate::support::Browser;

/// What a library lets happen.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Two requests at once set two fields; one of them is lost.
    lost_update: bool,
    /// A log-out overlaps a request that writes; after it the user is logged in.
    resurrected: bool,
    /// A request brings an id that was ended, and writes; the id names a session again.
    adopted: bool,
    /// A request rotates the id, and its response is a 500; after it the cookie names no session.
    lost_by_500: bool,
}

/// `start` starts a process.
async fn seen(start: impl AsyncFn(&Gate) -> Process) -> Seen {
    let gate = Gate::new();
    let logged_in = async || {
        let mut browser = Browser::default();
        start(&gate).await.get(&mut browser, "/set/user").await;
        browser
    };
    // Of the browser of a request that was held while another process did `then`.
    let held = async |browser: &Browser, then: &str| {
        let (one, two) = (start(&gate).await, start(&gate).await);
        let mut slow = browser.clone();
        let request = one.get(&mut slow, "/slow/a");
        let meanwhile = async {
            gate.has_read.acquire().await.unwrap().forget();
            two.get(&mut browser.clone(), then).await;
            gate.go_on.add_permits(1);
        };
        tokio::join!(request, meanwhile);
        slow
    };
    let shown = async |browser: &Browser| {
        let process = start(&gate).await;
        process.get(&mut browser.clone(), "/get").await
    };

    let browser = logged_in().await;
    assert_eq!(shown(&browser).await, "user");
    let browser = held(&browser, "/set/b").await;
    let lost_update = shown(&browser).await != "user a b";

    let browser = logged_in().await;
    let browser = held(&browser, "/logout").await;
    let resurrected = shown(&browser).await.contains("user");

    let ended = logged_in().await;
    start(&gate).await.get(&mut ended.clone(), "/logout").await;
    assert_eq!(shown(&ended).await, "");
    start(&gate).await.get(&mut ended.clone(), "/set/b").await;
    let adopted = shown(&ended).await == "b";

    let mut browser = logged_in().await;
    start(&gate).await.get(&mut browser, "/fail").await;
    let lost_by_500 = shown(&browser).await != "user";
    Seen {
        lost_update,
        resurrected,
        adopted,
        lost_by_500,
    }
}

#[tokio::test]
async fn what_overlapping_requests_do_to_a_session() {
    let server = &RedisServer::start().await;
    let pool = fred_pool(server).await;
    let actix_store = RedisSessionStore::new(server.url()).await.unwrap();
    let backend = session_store::connect(&server.url()).await.unwrap();
    let memory: Arc<dyn SessionBackend> = Arc::new(MemoryBackend::new());
    let memory_store = MemoryStore::default();

    let redis = async |gate: &Gate| tower_sessions(RedisStore::new(pool.clone()), gate);
    let in_memory = async |gate: &Gate| tower_sessions(memory_store.clone(), gate);
    let actix = async |gate: &Gate| Process::Actix(actix_store.clone(), gate.clone());
    let axum = async |gate: &Gate| axum_session(server, gate).await;
    let one_process = OnceCell::new();
    let one_axum = async |gate: &Gate| one_process.get_or_init(|| axum(gate)).await.clone();
    let ours = async |gate: &Gate| session_store(Arc::clone(&backend), gate);
    let ours_in_memory = async |gate: &Gate| session_store(Arc::clone(&memory), gate);

    let table = [
        // A lost update, a log-out undone, an ended id taken up, a 500 that logs out.
        (
            "tower-sessions, Redis",
            seen(redis).await,
            [true, false, false, true],
        ),
        (
            "tower-sessions, memory",
            seen(in_memory).await,
            [true, true, false, true],
        ),
        (
            "actix-session, Redis",
            seen(actix).await,
            [true, true, false, false],
        ),
        (
            "axum_session, Redis",
            seen(axum).await,
            [true, true, true, false],
        ),
        (
            "axum_session, one process",
            seen(one_axum).await,
            [false, false, true, false],
        ),
        ("session-store, Redis", seen(ours).await, [false; 4]),
        (
            "session-store, memory",
            seen(ours_in_memory).await,
            [false; 4],
        ),
    ];
    for (library, seen, [lost_update, resurrected, adopted, lost_by_500]) in table {
        let expected = Seen {
            lost_update,
            resurrected,
            adopted,
            lost_by_500,
        };
        assert_eq!(seen, expected, "{library}");
    }
}

//! What the middleware does when requests meet, processes end in between, and stores fail.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Router, http::HeaderMap};
use serde_json::json;
use session_moving::take_over::{Error, OldSessions, fields};
use session_store::backends::memory::{ManualClock, MemoryBackend};
use session_store::{NewSession, Principal, SessionBackend};
use tokio::sync::Semaphore;

use crate::support::{Browser, NEW, moving_app, sessions_of};

/// Old sessions in memory: all are andrew's, with tea in the cart.
#[derive(Clone)]
struct Fake {
    live: Arc<Mutex<HashSet<String>>>,
    is_end_failing: Arc<AtomicBool>,
    /// Of a process that is slow: it stops between reading a session and ending it.
    slow: Option<Arc<Gate>>,
    /// Of a process that is killed when it is about to end a session.
    killed: Option<Arc<Semaphore>>,
}

struct Gate {
    has_read: Semaphore,
    go_on: Semaphore,
}

impl OldSessions for Fake {
    fn cookie(&self) -> &str {
        "old"
    }

    fn key(&self, value: &str, _: &HeaderMap) -> Option<String> {
        Some(value.strip_prefix("genuine-")?.to_owned())
    }

    async fn read(&self, key: &str) -> Result<Option<NewSession>, Error> {
        let is_there = self.live.lock().unwrap().contains(key);
        if let Some(gate) = &self.slow {
            gate.has_read.add_permits(1);
            gate.go_on.acquire().await?.forget();
        }
        let cart = [("cart".to_owned(), json!(["tea"]))];
        let new = NewSession::new(fields(cart)).bind(Principal::new("andrew")?);
        Ok(is_there.then_some(new))
    }

    async fn end(&self, key: &str) -> Result<bool, Error> {
        if self.is_end_failing.swap(false, Relaxed) {
            return Err("the old store is down".into());
        }
        if let Some(killed) = &self.killed {
            killed.add_permits(1);
            std::future::pending::<()>().await;
        }
        Ok(self.live.lock().unwrap().remove(key))
    }
}

struct Rig {
    old: Fake,
    clock: Arc<ManualClock>,
    memory: MemoryBackend,
    backend: Arc<dyn SessionBackend>,
    app: Router,
    browser: Browser,
}

impl Rig {
    /// An old session, and the browser that has its cookie.
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let memory = MemoryBackend::with_clock(Arc::clone(&clock));
        let backend: Arc<dyn SessionBackend> = Arc::new(memory.clone());
        let old = Fake {
            live: Arc::new(Mutex::new(["1".to_owned()].into())),
            is_end_failing: Arc::default(),
            slow: None,
            killed: None,
        };
        let app = moving_app(old.clone(), &backend);
        let browser = Browser::with("old", "genuine-1");
        Self {
            old,
            clock,
            memory,
            backend,
            app,
            browser,
        }
    }

    async fn get(&self, browser: &mut Browser, path: &str) -> (u16, String) {
        let reply = browser.get(&self.app, path).await;
        (reply.status.as_u16(), reply.body)
    }

    fn is_old_ended(&self) -> bool {
        self.old.live.lock().unwrap().is_empty()
    }
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

/// A request has read the old session when another one moves it and does `then`.
async fn late(then: &str, is_end_failing: bool) -> (Rig, Browser, String) {
    let rig = Rig::new();
    let gate = Arc::new(Gate {
        has_read: Semaphore::new(0),
        go_on: Semaphore::new(0),
    });
    let slow = Fake {
        slow: Some(Arc::clone(&gate)),
        ..rig.old.clone()
    };
    let slow_app = moving_app(slow, &rig.backend);
    let mut late = rig.browser.clone();
    let request = tokio::spawn(async move {
        let reply = late.get(&slow_app, "/me").await;
        (late, reply.body)
    });
    gate.has_read.acquire().await.unwrap().forget();
    let mut quick = rig.browser.clone();
    assert_eq!(rig.get(&mut quick, "/me").await, ok("andrew tea"));
    rig.get(&mut quick, then).await;
    rig.old.is_end_failing.store(is_end_failing, Relaxed);
    gate.go_on.add_permits(1);
    let (late, body) = request.await.unwrap();
    (rig, late, body)
}

#[tokio::test]
async fn a_late_request_brings_no_session_back_and_takes_no_newer_cookie() {
    // What the quick one does, whether the old store then fails; what the late one sees, whether
    // it sets a cookie; the sessions.
    for (then, is_end_failing, body, sets_cookie, sessions) in [
        ("/public", false, "andrew tea", true, 1),
        ("/logout", false, "nobody ", false, 0),
        ("/logout", true, "", false, 0),
        ("/login", false, "nobody ", false, 1),
    ] {
        let (rig, late, seen) = late(then, is_end_failing).await;
        assert_eq!(seen, body, "{then}");
        assert_eq!(late.cookies.contains_key(NEW), sets_cookie, "{then}");
        let mut live = 0;
        for user in ["andrew", "betty"] {
            live += sessions_of(&rig.backend, user).await;
        }
        assert_eq!(live, sessions, "{then}");
        assert!(rig.is_old_ended(), "{then}");
        if then == "/logout" {
            let mut stale = rig.browser.clone();
            assert_eq!(rig.get(&mut stale, "/me").await, ok("nobody "));
        }
    }
}

#[tokio::test]
async fn the_old_cookie_finds_the_session_for_a_minute() {
    let rig = Rig::new();
    let mut first = rig.browser.clone();
    for (seconds, body) in [(0, "andrew tea"), (60, "andrew tea"), (1, "nobody ")] {
        rig.clock.advance(Duration::from_secs(seconds));
        let mut browser = rig.browser.clone();
        assert_eq!(
            rig.get(&mut browser, "/me").await,
            ok(body),
            "after {seconds} s"
        );
        assert!(!browser.cookies.contains_key("old"));
        if seconds == 0 {
            first = browser;
        }
    }
    assert_eq!(rig.get(&mut first, "/me").await, ok("andrew tea"));
}

#[tokio::test]
async fn a_failure_in_between_logs_nobody_out() {
    let rig = Rig::new();
    rig.old.is_end_failing.store(true, Relaxed);
    let mut browser = rig.browser.clone();
    assert_eq!(rig.get(&mut browser, "/me").await.0, 503);
    assert_eq!(browser.cookies, rig.browser.cookies);
    assert_eq!(sessions_of(&rig.backend, "andrew").await, 0);
    assert_eq!(rig.get(&mut browser, "/me").await, ok("andrew tea"));
    assert!(rig.is_old_ended());

    // Moved, and the old one not ended.
    let rig = Rig::new();
    let killed = Arc::new(Semaphore::new(0));
    let process = Fake {
        killed: Some(Arc::clone(&killed)),
        ..rig.old.clone()
    };
    let process = moving_app(process, &rig.backend);
    let mut browser = rig.browser.clone();
    tokio::select! {
        _ = browser.get(&process, "/me") => unreachable!("it was killed"),
        permit = killed.acquire() => permit.unwrap().forget(),
    }
    let mut browser = rig.browser.clone();
    assert_eq!(rig.get(&mut browser, "/me").await, ok("andrew tea"));
    assert!(!rig.is_old_ended());
    // Whoever finds it so after a minute ends it.
    rig.clock.advance(Duration::from_secs(61));
    let mut other = rig.browser.clone();
    assert_eq!(rig.get(&mut other, "/me").await, ok("andrew tea"));
    assert!(rig.is_old_ended());

    let rig = Rig::new();
    rig.memory.faults().store_down();
    let mut browser = rig.browser.clone();
    assert_eq!(rig.get(&mut browser, "/me").await.0, 503);
    rig.memory.faults().clear();
    assert_eq!(rig.get(&mut browser, "/me").await, ok("andrew tea"));
}

#[tokio::test]
async fn of_two_cookies_the_new_one_counts_while_its_session_lives() {
    let rig = Rig::new();
    let mut browser = Browser::default();
    rig.get(&mut browser, "/login").await;
    browser.cookies.extend(rig.browser.cookies.clone());
    assert_eq!(rig.get(&mut browser, "/me").await, ok("betty "));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), [NEW]);

    let ended = browser.clone();
    rig.get(&mut browser, "/logout").await;
    browser.cookies.extend(ended.cookies);
    browser.cookies.extend(rig.browser.cookies.clone());
    assert_eq!(rig.get(&mut browser, "/me").await, ok("andrew tea"));
}

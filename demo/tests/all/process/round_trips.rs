//! What a request costs, as the store sees it.

use session_redis_test::{Proxy, RedisServer};

use crate::support::{Backend, Demo, Visitor};

/// A few times, so that what happens beside the requests would show.
const TIMES: u64 = 5;

async fn send(visitor: &Visitor, path: &str, form: &[(&str, &str)]) {
    let answer = if path.starts_with("/session?") || ["/session", "/sessions", "/"].contains(&path)
    {
        visitor.get(path).await
    } else {
        visitor.post(path, form).await
    };
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
}

async fn costs(backend: Backend) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr()).await;
    let demo = Demo::at(backend, proxy.addr()).await;
    let visitor = demo.visitor();
    let stranger = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
    let dead = || Visitor::with_cookie(demo.server(), stranger);
    // The first use of each script brings its source along.
    for _ in 0..2 {
        visitor.log_in("Ann", "60").await;
        for path in [
            "/session",
            "/session?peek=1",
            "/increment",
            "/rotate",
            "/sessions",
        ] {
            send(&visitor, path, &[]).await;
        }
        send(&visitor, "/ttl", &[("ttl", "60")]).await;
        dead().log_in("Ann", "60").await;
        send(&visitor, "/login", &[("max_lifetime", "90")]).await;
        send(&visitor, "/logout-everywhere", &[]).await;
        visitor.log_in("Ann", "60").await;
        send(&visitor, "/logout", &[]).await;
    }
    visitor.log_in("Ann", "60").await;

    let mut report = String::new();
    for (what, path, form, most) in [
        ("the page", "/", &[][..], 0),
        ("/session", "/session", &[], 1),
        ("/session, looked at", "/session?peek=1", &[], 1),
        ("/increment", "/increment", &[], 1),
        ("/ttl", "/ttl", &[("ttl", "60")], 1),
        ("/rotate", "/rotate", &[], 1),
        (
            "/login, with a session",
            "/login",
            &[("username", "Ann")],
            1,
        ),
        (
            "/login, with a session and a lifetime",
            "/login",
            &[("username", "Ann"), ("max_lifetime", "90")],
            2,
        ),
        ("/sessions", "/sessions", &[], 2),
    ] {
        proxy.reset();
        for _ in 0..TIMES {
            send(&visitor, path, form).await;
        }
        report += &line(what, proxy.bursts(), most);
    }

    for (what, most, is_dead) in [
        ("/login, without a session", 1, false),
        ("/login, with a dead cookie", 2, true),
    ] {
        proxy.reset();
        for _ in 0..TIMES {
            let visitor = if is_dead { dead() } else { demo.visitor() };
            visitor.log_in("Ann", "60").await;
        }
        report += &line(what, proxy.bursts(), most);
    }

    for (what, path, most) in [
        ("/logout", "/logout", 1),
        ("/logout-everywhere", "/logout-everywhere", 3),
    ] {
        let mut bursts = 0;
        for _ in 0..TIMES {
            let visitor = demo.visitor();
            visitor.log_in("Bob", "60").await;
            proxy.reset();
            send(&visitor, path, &[]).await;
            bursts += proxy.bursts();
        }
        report += &line(what, bursts, most);
    }
    // For whoever wants the figures: `cargo test -p demo round_trips -- --nocapture`.
    println!("round trips with {}:\n{report}", backend.name());
}

/// A line of the report; no request may cost more than this.
fn line(what: &str, bursts: u64, most: u64) -> String {
    assert!(
        bursts <= most * TIMES,
        "{what}: {bursts} round trips for {TIMES} requests"
    );
    format!("  {what}: {bursts} for {TIMES}\n")
}

#[tokio::test]
async fn redis_rs_needs_one_round_trip_per_request() {
    costs(Backend::RedisRs).await;
}

#[tokio::test]
async fn fred_needs_one_round_trip_per_request() {
    costs(Backend::Fred).await;
}

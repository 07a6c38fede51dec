//! A store that is away, and comes back.

use session_redis_test::{RedisServer, shared};

use crate::support::{Answer, Backend, Demo, Visitor, until};

fn is_503(answer: &Answer) -> bool {
    answer.status == 503 && answer.error().1 == "The session store cannot be reached."
}

/// Asks until the store is there again.
async fn until_answered(visitor: &Visitor, path: &str) -> Answer {
    let ask = async || visitor.get(path).await;
    until("the store is back", ask, |answer| answer.status != 503).await
}

async fn starts_without_its_store(backend: Backend) {
    let mut redis = RedisServer::start().await;
    redis.kill();
    let demo = Demo::at(backend, redis.addr()).await;
    let log = demo.log();
    assert!(
        log.contains("cannot be reached") && log.contains("503"),
        "{log}"
    );
    // What needs no store is there.
    let visitor = demo.visitor();
    assert_eq!(visitor.get("/").await.status, 200);
    assert_eq!(visitor.get("/healthz").await.status, 200);
    assert_eq!(visitor.get("/session").await.json()["authenticated"], false);
    // What needs one says that it is away.
    assert!(is_503(&visitor.get("/readyz").await));
    let answer = visitor.post("/login", &[("username", "Ann")]).await;
    assert!(is_503(&answer), "{answer:?}");

    redis.restart().await;
    demo.ready().await;
    visitor.log_in("Ann", "30").await;
    assert_eq!(
        visitor.post("/increment", &[]).await.json()["page_views"],
        2
    );
    until(
        "it says so",
        async || demo.log(),
        |log| log.contains("the session store is there"),
    )
    .await;
}

#[tokio::test]
async fn redis_rs_starts_without_its_store() {
    starts_without_its_store(Backend::RedisRs).await;
}

#[tokio::test]
async fn fred_starts_without_its_store() {
    starts_without_its_store(Backend::Fred).await;
}

async fn outlives_its_store(backend: Backend) {
    // A server that keeps what it was told.
    let durable = RedisServer::builder()
        .arg("appendonly", "yes")
        .arg("appendfsync", "always");
    let mut redis = durable.start().await;
    let demo = Demo::at(backend, redis.addr()).await;
    let visitor = demo.visitor();
    visitor.log_in("Ann", "600").await;
    let cookie = visitor.cookie();

    redis.kill();
    for path in ["/increment", "/rotate", "/logout", "/logout-everywhere"] {
        let answer = visitor.post(path, &[]).await;
        assert!(is_503(&answer), "{path}: {answer:?}");
    }
    for path in ["/session", "/sessions", "/readyz"] {
        let answer = visitor.get(path).await;
        assert!(is_503(&answer), "{path}: {answer:?}");
    }
    assert!(is_503(&visitor.post("/ttl", &[("ttl", "9")]).await));
    assert!(is_503(
        &visitor.post("/login", &[("username", "Bob")]).await
    ));
    assert_eq!(visitor.get("/healthz").await.status, 200);

    redis.restart().await;
    let answer = until_answered(&visitor, "/session").await.json();
    assert_eq!(visitor.cookie(), cookie, "the cookie is as good as before");
    assert_eq!(answer["session"]["username"], "Ann");
    assert_eq!(
        visitor.post("/increment", &[]).await.json()["page_views"],
        2
    );
}

#[tokio::test]
async fn redis_rs_outlives_its_store() {
    outlives_its_store(Backend::RedisRs).await;
}

#[tokio::test]
async fn fred_outlives_its_store() {
    outlives_its_store(Backend::Fred).await;
}

async fn notices_that_its_store_forgot(backend: Backend) {
    let mut redis = RedisServer::start().await;
    let demo = Demo::at(backend, redis.addr()).await;
    let visitor = demo.visitor();
    visitor.log_in("Ann", "600").await;
    redis.restart().await;
    let ask = async || visitor.post("/increment", &[]).await;
    let answer = until("the store is back", ask, |answer| answer.status != 503).await;
    assert_eq!(answer.error(), (401, "Session expired".to_owned()));
    assert_eq!(visitor.cookie(), None);
}

#[tokio::test]
async fn redis_rs_notices_that_its_store_forgot() {
    notices_that_its_store_forgot(Backend::RedisRs).await;
}

#[tokio::test]
async fn fred_notices_that_its_store_forgot() {
    notices_that_its_store_forgot(Backend::Fred).await;
}

/// Time as it really passes.
#[tokio::test]
async fn sessions_expire_by_themselves() {
    for backend in [Backend::Memory, Backend::RedisRs, Backend::Fred] {
        let demo = Demo::on(backend).await;
        let visitor = demo.visitor();
        visitor.log_in("Ann", "1").await;
        let ask = async || visitor.get("/session?peek=1").await.json()["authenticated"] == true;
        until("the session expires", ask, |lives| !lives).await;
        assert_eq!(visitor.cookie(), None);
    }
}

/// What another program wrote into the same store is a session here.
#[tokio::test]
async fn a_session_of_another_program_is_shown() {
    for backend in Backend::REDIS {
        let demo = Demo::at(backend, shared().await.addr()).await;
        let id = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
        let fields = [
            ("username", "andrew"),
            ("page_views", "41"),
            ("created_at", "2026-04-02T12:34:56Z"),
            ("last_accessed_at", "2026-04-02T12:40:10.123456Z"),
            ("session_ttl", "15"),
        ];
        let mut connection = shared().await.connection().await;
        let mut plant = redis::cmd("HSET");
        plant
            .arg(format!("session:{id}"))
            .arg(&fields)
            .arg("raw")
            .arg(&b"\xff\0"[..]);
        let _: () = plant.query_async(&mut connection).await.unwrap();
        let visitor = Visitor::with_cookie(demo.server(), id);
        let answer = visitor.post("/increment", &[]).await.json();
        assert_eq!(answer["page_views"], 42);
        assert_eq!(answer["session"]["username"], "andrew");
        assert_eq!(answer["session"]["created_at"], "2026-04-02T12:34:56Z");
        assert_eq!(answer["session"]["raw"], "\u{fffd}\0");
        // It is nobody's; a log-in makes it somebody's.
        let list = visitor.get("/sessions").await.json();
        assert_eq!(list["sessions"][0]["created_at"], "2026-04-02T12:34:56Z");
        assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
        let answer = visitor.log_in("andrew", "15").await.json();
        assert_eq!(answer["session"]["session_principal"], "andrew");
        let own = visitor.get("/sessions").await.json()["sessions"][0]["handle"].clone();
        let own = own.as_str().unwrap();
        assert_eq!(
            visitor
                .post("/sessions/revoke", &[("handle", own)])
                .await
                .json()["revoked"],
            true
        );
    }
}

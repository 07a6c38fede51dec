//! The command line, as a person meets it.

use std::process::Output;

use session_redis_test::{RedisServer, shared, unique_prefix};

use crate::support::{Backend, Demo, command, within};

async fn outcome(flags: &[&str]) -> Output {
    let mut command = command(flags);
    command.stderr(std::process::Stdio::piped());
    within("the demo to end", command.output()).await.unwrap()
}

/// Status and standard error of a demo that does not start.
async fn refusal(flags: &[&str]) -> (Option<i32>, String) {
    let output = outcome(flags).await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "",
        "{flags:?} started"
    );
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[tokio::test]
async fn help_explains_every_flag() {
    let output = outcome(&["--help"]).await;
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for said in [
        "--backend",
        "memory",
        "redis-rs",
        "fred",
        "--redis-host",
        "--redis-port",
        "--redis-url",
        "--prefix",
        "--hash-ids",
        "--host",
        "--port",
        "8080",
        "6379",
        "RUST_LOG",
    ] {
        assert!(help.contains(said), "{said} in:\n{help}");
    }
}

#[tokio::test]
async fn bad_flags_are_refused_with_what_was_expected() {
    for (flags, said) in [
        (&["--backend", "mongo"][..], "memory, redis-rs, fred"),
        (&["--port", "eighty"], "--port"),
        (&["--port", "-1"], "--port"),
        (&["--redis-port", "0"], "--redis-port"),
        (&["--redis-host", "redis://x"], "--redis-url"),
        (
            &["--redis-url", "redis://x", "--redis-port", "1"],
            "cannot be used with",
        ),
        (&["--nothing"], "--nothing"),
    ] {
        let (status, text) = refusal(flags).await;
        assert_eq!(status, Some(2), "{flags:?}");
        assert!(text.contains(said), "{flags:?}: {text}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said_so() {
    for backend in ["redis-rs", "fred"] {
        for (flags, said) in [
            (&["--redis-url", "http://SECRET@x"][..], "redis://"),
            (
                &["--redis-url", "redis+other://SECRET@x"],
                "redis-cluster://",
            ),
            (
                &["--redis-url", "redis-cluster://SECRET@x:port"],
                "at least one node",
            ),
            (
                &["--redis-url", "redis-cluster://SECRET@x?node="],
                "at least one node",
            ),
            (&["--redis-url", "rediss-cluster://SECRET@x"], "TLS"),
            (&["--prefix", "a*"], "not a key prefix"),
            (&["--prefix", ""], "not a key prefix"),
        ] {
            let (status, text) =
                refusal(&[&["--backend", backend, "--port", "0"], flags].concat()).await;
            assert_eq!(status, Some(1), "{flags:?}: {text}");
            assert!(
                text.starts_with("demo: ") && text.contains(said),
                "{flags:?}: {text}"
            );
            assert!(!text.contains("SECRET"), "{text}");
        }
    }
}

#[tokio::test]
async fn flags_without_effect_are_said_so() {
    let demo = Demo::start(&["--hash-ids", "--prefix", "x:"]).await;
    assert!(demo.log().contains("concern Redis"), "{}", demo.log());
    assert_eq!(
        demo.visitor().get("/backend").await.json()["ids_hashed"],
        false
    );
}

#[tokio::test]
async fn a_port_in_use_is_said_so() {
    let demo = Demo::on(Backend::Memory).await;
    let port = demo.address().port().to_string();
    let (status, text) = refusal(&["--port", &port]).await;
    assert_eq!(status, Some(1));
    assert!(
        text.contains(&port) && text.contains("in use") && text.contains("--port"),
        "{text}"
    );
}

#[tokio::test]
async fn host_and_port_decide_where_it_listens() {
    let demo = Demo::start(&["--host", "::1"]).await;
    assert!(demo.address().is_ipv6());
    assert_eq!(demo.visitor().get("/healthz").await.status, 200);
    assert!(Demo::on(Backend::Memory).await.address().ip().is_loopback());
}

/// The names of all keys on a server.
async fn keys(server: &RedisServer) -> Vec<String> {
    let mut connection = server.connection().await;
    let keys = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await;
    keys.unwrap()
}

#[tokio::test]
async fn a_url_and_a_prefix_are_heeded() {
    for backend in Backend::REDIS {
        let prefix = unique_prefix();
        let url = format!("{}/3", shared().await.url());
        let flags = [
            "--backend",
            backend.name(),
            "--redis-url",
            &url,
            "--prefix",
            &prefix,
        ];
        let demo = Demo::start(&flags).await;
        let visitor = demo.visitor();
        visitor.log_in("Ann", "30").await;
        let mut connection = shared().await.connection().await;
        let mut pipeline = redis::pipe();
        pipeline.cmd("SELECT").arg(3).ignore();
        pipeline
            .cmd("EXISTS")
            .arg(format!("{prefix}{}", visitor.cookie().unwrap()));
        let (found,): (u8,) = pipeline.query_async(&mut connection).await.unwrap();
        assert_eq!(found, 1, "{}", backend.name());
    }
}

#[tokio::test]
async fn hashed_ids_are_nowhere_on_the_server() {
    for backend in Backend::REDIS {
        let server = RedisServer::start().await;
        let port = server.port().to_string();
        let demo = Demo::start(&[
            "--backend",
            backend.name(),
            "--redis-port",
            &port,
            "--hash-ids",
        ])
        .await;
        let visitor = demo.visitor();
        let mut ids = Vec::new();
        for path in ["/login", "/rotate", "/login"] {
            visitor.post(path, &[("username", "Ann")]).await;
            ids.push(visitor.cookie().unwrap());
        }
        assert_eq!(visitor.get("/backend").await.json()["ids_hashed"], true);
        let own = visitor.get("/sessions").await.json()["sessions"][0]["current"].clone();
        assert_eq!(own, true);
        let keys = keys(&server).await;
        assert_eq!(keys.len(), 2, "the session and its user's index: {keys:?}");
        for id in ids {
            assert!(!keys.iter().any(|key| key.contains(&id)), "{keys:?}");
        }
    }
}

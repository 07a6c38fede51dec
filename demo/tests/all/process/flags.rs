//! The command line, as a person meets it.

use crate::support::{Backend, Demo, Store, run};

#[tokio::test]
async fn help_is_no_failure() {
    for (words, said) in [
        (&["--help"][..], "RUST_LOG"),
        (&["sessions", "--help"], "+scan"),
    ] {
        let ended = run(words).await;
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        assert!(ended.stdout.contains(said), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn words_that_are_none_are_refused() {
    let id = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
    let hyphened = "--9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
    for (words, said) in [
        (&["--backend", "mongo"][..], "memory, redis-rs, fred"),
        (&["--port", "-1"], "--port"),
        (&["sessions", "count", "--port", "1"], "--port"),
        (&["sessions", "revoke", id], "sessions list"),
        (&["sessions", "revoke", hyphened], "sessions list"),
    ] {
        let ended = run(words).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{words:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        // Somebody may have pasted a cookie.
        assert!(!ended.stderr.contains("vYmFyZm9v"), "{}", ended.stderr);
    }
}

/// By the server and by the command.
#[tokio::test]
async fn settings_that_cannot_be_used_are_said_so() {
    for (backend, flags, said) in [
        (
            "memory",
            ["--redis-url", "redis://u:SECRET@x"],
            "--backend fred",
        ),
        (
            "fred",
            ["--redis-url", "http://SECRET@x"],
            "redis-cluster://",
        ),
        (
            "redis-rs",
            ["--redis-url", "redis+fred://SECRET@x"],
            "--backend fred",
        ),
        (
            "redis-rs",
            ["--redis-url", "redis-cluster://SECRET@x:port"],
            "at least one node",
        ),
        (
            "fred",
            ["--redis-url", "redis-cluster://SECRET@x?node="],
            "at least one node",
        ),
        (
            "redis-rs",
            ["--redis-url", "rediss-cluster://SECRET@x"],
            "TLS",
        ),
        ("fred", ["--redis-url", "rediss-cluster://SECRET@x"], "TLS"),
        ("redis-rs", ["--prefix", "a*"], "not a key prefix"),
        ("fred", ["--prefix", ""], "not a key prefix"),
    ] {
        let flags = [&["--backend", backend], &flags[..]].concat();
        let server = [&flags[..], &["--port", "0"]].concat();
        let command = [&flags[..], &["sessions", "count"]].concat();
        for (words, code) in [(server, 1), (command, 2)] {
            // Sessions in memory are out of the command's reach whatever else it is told.
            let said = if backend == "memory" {
                "--backend"
            } else {
                said
            };
            let ended = run(&words).await;
            let outcome = (ended.code, &*ended.stdout);
            assert_eq!(outcome, (Some(code), ""), "{words:?}");
            let text = ended.stderr;
            assert!(text.starts_with("demo: ") && text.contains(said), "{text}");
            assert!(!text.contains("SECRET"), "{text}");
        }
    }
}

#[tokio::test]
async fn flags_without_effect_are_said_so() {
    let store = Store::new(Backend::Memory).await;
    let demo = store.with(&["--hash-ids", "--prefix", "x:"]).start().await;
    assert!(demo.log().contains("concern Redis"), "{}", demo.log());
}

#[tokio::test]
async fn host_and_port_decide_where_it_listens() {
    let store = Store::new(Backend::Memory).await;
    let demo = store.with(&["--host", "::1"]).start().await;
    assert!(demo.address.is_ipv6());
    assert_eq!(demo.visitor().get("/healthz").await.status, 200);

    let port = Demo::on(Backend::Memory).await;
    let port_in_use = port.address.port().to_string();
    let ended = run(&["--port", &port_in_use]).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    for said in [&*port_in_use, "in use", "--port"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

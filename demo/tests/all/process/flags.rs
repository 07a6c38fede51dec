//! The command line, as a person meets it.

use crate::support::{Backend, Demo, Store, run};

#[tokio::test]
async fn help_is_no_failure() {
    let ended = run("--help").await;
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(ended.stdout.contains("RUST_LOG"), "{}", ended.stdout);
}

#[tokio::test]
async fn what_cannot_be_used_is_said() {
    const OTHER_CLIENT: &str = "--backend redis-rs --redis-url redis+fred://u:SECRET@x";
    const NO_PREFIX: &str = "--backend fred --redis-url redis://u:SECRET@x --prefix a*";
    for (words, code, said) in [
        (
            "--backend mongo",
            2,
            "memory, sqlite, postgres, redis-rs, fred",
        ),
        (OTHER_CLIENT, 1, "leave +fred out of the URL"),
        (NO_PREFIX, 1, "not a key prefix"),
    ] {
        let ended = run(&format!("{words} --port 0")).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{words}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert!(!ended.stderr.contains("SECRET"), "{}", ended.stderr);
    }
    let demo = Demo::on(Backend::Memory).await;
    let in_use = demo.address.port().to_string();
    let ended = run(&format!("--port {in_use}")).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    for said in ["demo: ", &in_use, "in use", "--port"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_host_is_listened_on_and_flags_without_effect_are_said_so() {
    let flags = ["--host", "::1", "--hash-ids", "--prefix", "x:"];
    let store = Store::new(Backend::Memory).await.with(&flags);
    let demo = store.start().await;
    assert!(demo.address.is_ipv6());
    assert_eq!(demo.visitor().get("/healthz").await.status, 200);
    assert!(demo.log().contains("concern Redis"), "{}", demo.log());
}

//! What keeps the command from doing what it is told.

use std::fs::OpenOptions;
use std::process::Stdio;

use session_redis_test::{Cluster, RedisServer, RedisServerBuilder};

use crate::support::{Backend, Ended, Store, command};

const PUBLIC_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

const EVERY_COMMAND: [&[&str]; 3] = [&["list"], &["count"], &["revoke", PUBLIC_ID]];

/// What the command says when it fails so.
async fn failure(store: &Store, words: &[&str], code: i32) -> String {
    let ended = store.sessions(words).await;
    assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
    assert_eq!(ended.stdout, "", "{words:?}");
    let said = ended.stderr;
    assert!(
        said.starts_with("demo: ") && said.lines().count() == 1,
        "{said}"
    );
    said
}

async fn outcome(words: &[&str]) -> Ended {
    let mut command = command(words);
    command.stderr(Stdio::piped());
    Ended::of(command).await
}

#[tokio::test]
async fn sessions_in_memory_are_out_of_reach() {
    for words in EVERY_COMMAND {
        for backend in [&[][..], &["--backend", "memory"]] {
            let ended = outcome(&[&["sessions"], words, backend].concat()).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
            for said in ["memory", "--backend redis-rs", "Log out everywhere"] {
                assert!(ended.stderr.contains(said), "{}", ended.stderr);
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so() {
    let mut server = RedisServer::start().await;
    server.kill();
    for backend in Backend::REDIS {
        let store = Store::at(backend, &server);
        for words in EVERY_COMMAND {
            let said = failure(&store, words, 3).await;
            assert!(said.contains("the session store is unavailable"), "{said}");
            assert!(said.contains("--redis-port"), "{said}");
        }
    }
}

/// What a server's account needs, on a cluster as well.
const RIGHTS: &str = "-@all +ping +evalsha +eval +exists +hget +hmget +hgetall +hset +hdel +hlen +hkeys \
    +hincrby +expire +pexpireat +pexpiretime +pttl +time +del +rename +zadd +zrem +zrange +zrangebyscore +zscan";
const MORE_ON_A_CLUSTER: &str = "+cluster|slots +asking +zscore +zcard";

/// Servers with two accounts: `app` has the rights of a server that serves sessions and does
/// nothing else, `operator` may scan, too.
fn with_accounts(more: &str) -> RedisServerBuilder {
    let user = |name, scan| {
        format!("user {name} on >SECRET ~session:* {RIGHTS} {more} {scan}")
            .trim_end()
            .to_owned()
    };
    RedisServer::builder()
        .config_line(user("app", ""))
        .config_line(user("operator", "+scan"))
}

async fn only_the_operator_may_scan(url: &str) {
    for backend in Backend::REDIS {
        let at = |name| {
            let url = url.replace("://", &format!("://{name}:SECRET@"));
            Store::at_url(backend, &url)
        };
        for words in EVERY_COMMAND {
            let said = failure(&at("app"), words, 3).await;
            assert!(said.contains("+scan"), "{said}");
            assert!(!said.contains("SECRET"), "{said}");
            let ended = at("operator").sessions(words).await;
            let expected = if words[0] == "revoke" { 1 } else { 0 };
            assert_eq!(ended.code, Some(expected), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn an_account_that_may_not_scan_is_said_so() {
    let server = with_accounts("").start().await;
    only_the_operator_may_scan(&server.url()).await;
}

#[tokio::test]
async fn an_account_that_may_not_scan_a_cluster_is_said_so() {
    let cluster = Cluster::start_with(3, with_accounts(MORE_ON_A_CLUSTER)).await;
    only_the_operator_may_scan(&cluster.url()).await;
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said_so() {
    for backend in Backend::REDIS {
        for (flags, said) in [
            (&["--redis-url", "http://SECRET@x"][..], "redis://"),
            (&["--prefix", "a*"], "not a key prefix"),
            (
                &["--hash-ids", "--id-storage", "plain"],
                "cannot be used with",
            ),
            (&["--port", "1"], "--port"),
            (&["--host", "::1"], "--host"),
        ] {
            for words in [
                [&["sessions", "count", "--backend", backend.name()], flags].concat(),
                [
                    &["--backend", backend.name()],
                    flags,
                    &["sessions", "count"],
                ]
                .concat(),
            ] {
                let ended = outcome(&words).await;
                assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{words:?}");
                assert!(ended.stderr.contains(said), "{}", ended.stderr);
                assert!(!ended.stderr.contains("SECRET"), "{}", ended.stderr);
            }
        }
    }
}

/// An answer that cannot be written is not taken for one that was.
#[tokio::test]
async fn a_full_disk_is_said_so() {
    let store = Store::new(Backend::RedisRs).await;
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = store.command(&["count"]);
    let child = command.stdout(full).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot write the output"), "{said}");
}

#[tokio::test]
async fn help_explains_every_command() {
    for (words, said) in [
        (&["--help"][..], &["sessions", "--id-storage"][..]),
        (
            &["sessions", "--help"],
            &["list", "count", "revoke", "+scan", "--prefix"],
        ),
        (
            &["sessions", "list", "--help"],
            &["--principal", "--page-size", "--json", "remaining_seconds"],
        ),
        (
            &["sessions", "revoke", "--help"],
            &["HANDLE", "no such session"],
        ),
        (&["sessions", "count", "--help"], &["--id-storage"]),
    ] {
        let ended = outcome(words).await;
        assert_eq!(ended.code, Some(0));
        for said in said {
            assert!(ended.stdout.contains(said), "{said} in:\n{}", ended.stdout);
        }
    }
}

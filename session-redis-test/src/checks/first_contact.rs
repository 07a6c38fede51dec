//! What a backend asks a server first, and what it makes of the replies.

use std::error::Error as _;
use std::time::{Duration, Instant};

use session_core::{Error, ErrorKind, SessionBackend};
use session_redis::Eviction;

use super::acl::use_all;
use super::{Subject, assert_refused, backend, create, log_in, login, until_well};
use crate::accounts::as_user;
use crate::fake::{bulk, fake_server, plain_reply};
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, RedisServer, Target};

/// The texts of an error's sources.
fn reasons(error: &Error) -> String {
    let (mut reasons, mut next) = (String::new(), error.source());
    while let Some(reason) = next {
        reasons += &format!("{reason}; ");
        next = reason.source();
    }
    reasons
}

/// The server is refused when the backend connects and ever after, for a reason that says this.
async fn assert_misfit(backend: &dyn SessionBackend, says: &str) {
    for _ in 0..2 {
        let refused = [
            backend.ping().await.err(),
            backend.create_session(login()).await.err(),
        ];
        for error in refused {
            let error = error.expect("the server cannot be used");
            assert!(reasons(&error).contains(says), "{error:?}");
            assert_refused::<()>(Err(error), ErrorKind::Config);
        }
    }
}

/// A node of a cluster under the URL of one server, and the other way round: refused, with the
/// scheme that is the right one, and nothing is stored.
pub async fn the_wrong_topology_is_named(connect: Connect) {
    let (cluster, server) = (Cluster::start(1).await, RedisServer::start().await);
    let node = cluster.node(0);
    let as_cluster = format!("redis-cluster://{}", server.addr());
    for (url, server, says) in [
        (node.url(), node, "redis-cluster://"),
        (as_cluster, &server, "redis://"),
    ] {
        assert_misfit(&*backend(connect, url), says).await;
        assert_eq!(server.ask::<u64>("DBSIZE").await, 0);
    }
}

/// What may not be asked, or is not known, is not needed: whichever of these a server lacks.
pub async fn hello_info_and_client_are_not_needed(connect: Connect) {
    const ASKED: [&str; 3] = ["HELLO", "INFO", "CLIENT"];
    let server = RedisServer::start().await;
    for lacking in 0..8_u8 {
        let lacks = |n: &usize| lacking & (1 << n) != 0;
        let lacking = || ASKED.iter().enumerate().filter(|(n, _)| lacks(n));
        let forbidden: String = lacking().map(|(_, name)| format!(" -{name}")).collect();
        let set = format!("ACL SETUSER app reset on >password ~* &* +@all{forbidden}");
        server.ask::<()>(&set).await;
        let renamed = lacking().fold(RedisServer::builder(), |server, (_, name)| {
            server.config_line(format!("rename-command {name} \"\""))
        });
        let renamed = renamed.start().await;
        for protocol in ["", "?protocol=resp3"] {
            let forbidding = as_user("app", Target::patient(server.url(), own_prefix()));
            let unknowing = Target::patient(renamed.url(), own_prefix());
            for target in [forbidding, unknowing] {
                let url = target.url.clone() + protocol;
                let subject = Subject::of(connect, Target { url, ..target });
                use_all(&*subject.backend).await;
            }
        }
    }
}

/// Servers that are too old, or do not run the scripts, say what is needed; engines of their own by
/// their names.
pub async fn a_server_that_cannot_run_the_scripts_is_named(connect: Connect) {
    const NO_HEADERS: &str = "ERR Error compiling script (new function): user_script:1: \
        unexpected symbol near '#'";
    const KEYLESS: &str = "ERR Lua scripts without any input keys are not supported.";
    const LACKS: &str = "does not run the scripts, which begin with #!lua and flags";
    let undeclared = "ERR script tried accessing undeclared key";
    let old = "Redis 6.2.14 is too old: Redis 7.0 or newer is needed";
    let wants_keys = "the server runs no script that names no key";
    // What it says of itself, and how it replies to a script: with this, if that is so.
    let always: fn(&[String]) -> bool = |_| true;
    let is_keyless: fn(&[String]) -> bool = |words| words.get(2).is_some_and(|it| it == "0");
    let makes_keys: fn(&[String]) -> bool =
        |words| words.get(1).is_some_and(|it| it.contains("ARGV"));
    let has_flags: fn(&[String]) -> bool =
        |words| words.get(1).is_some_and(|it| it.contains("allow-oom"));
    for (info, replies, when, says) in [
        ("redis_version:6.2.14", ":1", always, old.to_owned()),
        (
            "redis_version:7.4.0",
            NO_HEADERS,
            always,
            format!("the server {LACKS}"),
        ),
        (
            "redis_version:7.4.0",
            "ERR unknown command",
            always,
            format!("the server {LACKS}"),
        ),
        (
            "redis_version:7.4.0\r\ndragonfly_version:df-v1.40.1",
            NO_HEADERS,
            always,
            format!("Dragonfly {LACKS}"),
        ),
        (
            "redis_version:7.4.3\r\ngarnet_version:1.1.9",
            "ERR unknown command",
            always,
            format!("Garnet {LACKS}"),
        ),
        (
            "redis_version:4.0.0\r\nkvrocks_version:2.9.0",
            "ERR Unknown flag",
            has_flags,
            format!("Kvrocks {LACKS}"),
        ),
        (
            "redis_version:6.3.4\r\nmvcc_depth:0",
            NO_HEADERS,
            always,
            format!("KeyDB {LACKS}"),
        ),
        (
            "redis_version:6.2.6\r\nupstash_version:1.10.5",
            "ERR unknown flag",
            has_flags,
            format!("Upstash {LACKS}"),
        ),
        (
            "redis_version:7.1.0",
            KEYLESS,
            is_keyless,
            wants_keys.to_owned(),
        ),
        (
            "redis_version:7.1.0",
            "ERR internal error",
            makes_keys,
            wants_keys.to_owned(),
        ),
        (
            "redis_version:7.1.0",
            undeclared,
            makes_keys,
            wants_keys.to_owned(),
        ),
    ] {
        let address = fake_server(move |command| match command.first() {
            Some(name) if name == "INFO" => bulk(&format!("# Server\r\n{info}\r\n")),
            Some(name) if name.starts_with("EVAL") && when(command) => {
                let sign = if replies.starts_with("ERR") { "-" } else { "" };
                format!("{sign}{replies}\r\n").into_bytes()
            }
            _ => plain_reply("7.4.0", command),
        });
        assert_misfit(&*backend(connect, format!("redis://{address}")), &says).await;
    }
}

/// A server that evicts keys is used, unless it was said that it must not be: then its policy is
/// named.
pub async fn servers_that_evict_are_used_or_refused(connect: Connect) {
    let server = RedisServer::start().await;
    let with = |eviction| {
        let target = Target::patient(server.url(), own_prefix());
        Subject::of(connect, Target { eviction, ..target }).backend
    };
    let evicting = "allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu \
        volatile-random volatile-ttl";
    for (limit, policies) in [("0", evicting), ("1gb", "noeviction"), ("1gb", evicting)] {
        for policy in policies.split(' ').filter(|word| !word.is_empty()) {
            let set = format!("CONFIG SET maxmemory {limit} maxmemory-policy {policy}");
            server.ask::<()>(&set).await;
            log_in(&*with(Eviction::Warn)).await;
            let refusing = with(Eviction::Refuse);
            if limit == "0" || policy == "noeviction" {
                log_in(&*refusing).await;
            } else {
                assert_misfit(&*refusing, policy).await;
            }
        }
    }
}

/// A server that is met while it cannot serve: an attempt that failed, for this reason, and the
/// next that can succeed does.
pub async fn a_server_that_is_not_ready_is_waited_out(connect: Connect) {
    const COUNTING: &str = "for _ = 1, 1e13 do end";
    for code in ["BUSY", "LOADING", "MASTERDOWN"] {
        let server = RedisServer::builder()
            .arg("enable-debug-command", "yes")
            .arg("loading-process-events-interval-bytes", "1024")
            .arg("lua-time-limit", "1")
            .start()
            .await;
        let mut admin = server.connection().await;
        let begin: &[&[&str]] = match code {
            "BUSY" => &[&["EVAL", COUNTING, "0"]],
            "LOADING" => &[
                &["DEBUG", "POPULATE", "2000"],
                &["CONFIG", "SET", "key-load-delay", "1000"],
                &["DEBUG", "RELOAD"],
            ],
            _ => &[
                &["CONFIG", "SET", "replica-serve-stale-data", "no"],
                &["REPLICAOF", "127.0.0.1", "1"],
            ],
        };
        let begun = tokio::spawn(async move {
            for words in begin {
                let mut command = redis::cmd(words.first().expect("a name"));
                command.arg(words.get(1..));
                let _ = command.exec_async(&mut admin).await;
            }
        });
        // It takes a moment until it has begun.
        let url = server.url() + "/1";
        let began = Instant::now();
        let (backend, error) = loop {
            let backend = backend(connect, url.clone());
            match backend.ping().await {
                Err(error) => break (backend, error),
                Ok(()) => assert!(began.elapsed() < Duration::from_secs(5), "{code}: ready"),
            }
        };
        assert!(reasons(&error).contains(code), "{error:?}");
        assert_refused::<()>(Err(error), ErrorKind::Unavailable);
        match code {
            "BUSY" => server.ask::<()>("SCRIPT KILL").await,
            "LOADING" => {}
            _ => server.ask::<()>("REPLICAOF NO ONE").await,
        }
        until_well(code, || backend.ping()).await;
        create(&*backend).await;
        begun.await.expect("what was begun has ended");
    }
}

/// Why there is no connection is told: the host is unknown, nobody listens, the password is wrong.
pub async fn reasons_for_no_connection_are_told_apart(connect: Connect) {
    let server = RedisServer::start().await;
    server.ask::<()>("CONFIG SET requirepass right").await;
    let wrong = server.url().replace("://", "://:wrong@");
    let without = server.url();
    let mut gone = RedisServer::start().await;
    gone.kill();
    for (url, kind, says) in [
        (
            "redis://no..such..host".to_owned(),
            ErrorKind::Unavailable,
            "lookup",
        ),
        (gone.url(), ErrorKind::Unavailable, "refused"),
        (wrong, ErrorKind::Denied, ""),
        (without, ErrorKind::Denied, "NOAUTH"),
    ] {
        let error = backend(connect, url.clone()).ping().await.expect_err(&url);
        assert!(reasons(&error).contains(says), "{url}: {error:?}");
        assert_refused::<()>(Err(error), kind);
    }
}

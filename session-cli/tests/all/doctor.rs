//! Whether the servers are what sessions need.

use serde_json::Value;
use session_redis_test::{Cluster, RedisServer, shared_cluster};
use session_store::IdStorage;

use crate::support::{Store, objects};

/// The findings, and the exit code.
pub(crate) async fn findings(store: &Store, words: &[&str]) -> (Option<i32>, Vec<Value>) {
    let ended = store.run(&[&["doctor", "--json"], words].concat()).await;
    assert_eq!(ended.stderr, "");
    (ended.code, objects(&ended.stdout))
}

/// Level, finding and advice of a check.
pub(crate) fn of<'f>(findings: &'f [Value], check: &str) -> (&'f str, &'f str, &'f str) {
    let found = findings.iter().find(|it| it["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {check}: {findings:?}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    (text("level"), text("found"), text("advice"))
}

#[tokio::test]
async fn a_server_that_is_well_is_ok() {
    let server = RedisServer::builder()
        .arg("appendonly", "yes")
        .start()
        .await;
    let store = Store::at(server.url(), IdStorage::Hashed);
    store.log_in("ann").await;
    let (code, found) = findings(&store, &[]).await;
    assert_eq!(code, Some(0), "{found:?}");
    // How long replies take on a busy machine is another matter.
    let is_timed = |check: &str| matches!(check, "ping" | "script");
    for (check, said) in [
        ("contact", "reached"),
        ("server", "one server"),
        ("role", "takes writes, 0 replicas"),
        ("eviction", "noeviction"),
        ("rights", "default may do all"),
        ("ping", "p50 "),
        ("script", "p99 "),
        ("clock", " ms "),
        ("persistence", "append-only file"),
        ("keys", "1 of all 1 hashes"),
    ] {
        let (level, text, _) = of(&found, check);
        let is_well = level == "ok" || is_timed(check);
        assert!(is_well && text.contains(said), "{check}: {text}");
    }
    let table = store.told(&["doctor"]).await;
    assert_eq!(table.lines().count(), found.len());
    for line in table.lines().filter(|line| !line.contains(" p50 ")) {
        assert!(line.starts_with("ok       "), "{table}");
    }
    let lost = store.with("SESSION_PREFIX", "other:");
    let (code, found) = findings(&lost, &["--strict"]).await;
    let (level, _, advice) = of(&found[found.len() - 1..], "keys");
    assert_eq!((code, level), (Some(1), "warning"));
    assert!(advice.contains("other prefixes"), "{advice}");
    // Neither are those found whose ids are stored in another form.
    let store = Store::at(server.url(), IdStorage::Hashed).with("SESSION_ID_STORAGE", "plain");
    store.log_in("ann").await;
    let (code, found) = findings(&store, &["--strict"]).await;
    assert!(of(&found, "keys").1.starts_with("0 of"), "{found:?}");
    let warned = found.iter().find(|it| it["level"] == "warning").unwrap();
    let advice = warned["advice"].as_str().unwrap();
    assert!(advice.contains("--id-storage hashed"), "{advice}");
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn every_master_of_a_cluster_is_looked_at() {
    let store = Store::on_cluster().await;
    let (code, found) = findings(&store, &[]).await;
    assert_eq!(code, Some(0), "{found:?}");
    for node in shared_cluster().await.nodes() {
        let address = node.addr().to_string();
        let of_node = found.iter().filter(|it| it["server"] == *address);
        let of_node: Vec<_> = of_node.cloned().collect();
        let (level, text, _) = of(&of_node, "server");
        assert!(level == "ok" && text.contains("cluster"), "{text}");
    }
}

/// What can be said of the others is said.
#[tokio::test]
async fn a_node_that_is_away_is_named() {
    let mut cluster = Cluster::start(3).await;
    let store = Store::at(cluster.url(), IdStorage::Plain);
    let address = cluster.node(1).addr().to_string();
    cluster.node_mut(1).kill();
    let (code, found) = findings(&store, &[]).await;
    let of_node = found.iter().filter(|it| it["server"] == *address);
    let of_node: Vec<_> = of_node.cloned().collect();
    let (level, _, advice) = of(&of_node, "contact");
    assert_eq!((code, level), (Some(2), "problem"), "{found:?}");
    assert!(advice.contains("that the server runs"), "{advice}");
    assert!(found.len() > 1, "{found:?}");
}

#[tokio::test]
async fn what_is_wrong_is_found_with_what_to_do() {
    let server = RedisServer::builder()
        .arg("maxmemory", "1gb")
        .arg("maxmemory-policy", "allkeys-lru")
        .start()
        .await;
    let evicting = Store::at(server.url(), IdStorage::Plain);
    for (words, expected) in [(&[][..], 0), (&["--strict"], 1)] {
        let (code, found) = findings(&evicting, words).await;
        let (level, text, advice) = of(&found, "eviction");
        assert_eq!((code, level), (Some(expected), "warning"));
        assert!(text.contains("allkeys-lru") && advice.contains("noeviction"));
    }
    // What is missing is named as the line that grants it; then it is there.
    let prefix = evicting.prefix().to_owned();
    let url = server.url().replacen("://", "://app:CANARY@", 1);
    let by_app = Store::at(url, IdStorage::Plain).with_secret("CANARY");
    let by_app = by_app.with("SESSION_PREFIX", &prefix);
    let application = "+eval +evalsha +hget +hset +hgetall +hmget +acl|whoami";
    let set = format!("ACL SETUSER app reset on >CANARY ~{prefix}* {application}");
    server.ask::<()>(&set).await;
    let (code, found) = findings(&by_app, &[]).await;
    let (level, text, advice) = of(&found, "rights");
    assert_eq!((code, level), (Some(2), "problem"), "{found:?}");
    for right in ["+scan for this command", "+info", "+zadd", "for log-ins"] {
        assert!(text.contains(right), "{text}");
    }
    assert!(
        !text.contains("+hset") && !text.contains("+evalsha"),
        "{text}"
    );
    let line = format!("ACL SETUSER app ~{prefix}* +del ");
    assert!(advice.starts_with(&line), "{advice}");
    assert!(of(&found, "eviction").1.starts_with("unknown"));
    server.ask::<()>(advice).await;
    let (code, found) = findings(&by_app, &["--strict"]).await;
    assert_eq!(of(&found, "rights").0, "ok", "{found:?}");
    // It evicts still.
    assert_eq!(code, Some(1));

    // The commands are not all: without the keys, and without scripts, little can be done.
    for (rights, missing) in [
        ("~other:* +@all", "+del +exists"),
        (&*format!("~{prefix}@* +@all"), "+rename for sessions"),
        (&*format!("~{prefix}* -@all +info"), "+eval for sessions"),
    ] {
        let set = format!("ACL SETUSER app reset on >CANARY {rights}");
        server.ask::<()>(&set).await;
        let (code, found) = findings(&by_app, &[]).await;
        let (level, text, advice) = of(&found, "rights");
        assert_eq!((code, level), (Some(2), "problem"), "{found:?}");
        let is_said = text.contains(missing) && advice.contains(&format!(" ~{prefix}* +"));
        assert!(is_said, "{text}: {advice}");
        // The keys of indexes have a shape of their own.
        let has_indexes = rights.contains(":@* ");
        assert!(!has_indexes || !text.contains("log-ins"), "{text}");
    }

    // A replica takes no writes.
    let replica = RedisServer::start().await;
    let port = server.port();
    replica
        .ask::<()>(&format!("REPLICAOF 127.0.0.1 {port}"))
        .await;
    let (code, found) = findings(&Store::at(replica.url(), IdStorage::Plain), &[]).await;
    let problem = found.iter().any(|it| it["level"] == "problem");
    assert!(code == Some(2) && problem, "{found:?}");
    assert_eq!(of(&found, "rights").0, "ok", "{found:?}");
    // What a server that refuses writes grants is known all the same.
    for setting in ["min-replicas-to-write 2", "maxmemory 1"] {
        server.ask::<()>(&format!("CONFIG SET {setting}")).await;
        let (_, found) = findings(&evicting, &[]).await;
        assert_eq!(of(&found, "rights").0, "ok", "{setting}: {found:?}");
    }
}

//! Two key formats: a store in use goes over from plain ids to hashed ones.

use std::slice;

use session_redis_test::{RedisServer, shared, shared_cluster, unique_prefix};

use super::public_id_of;
use crate::support::{Backend, Demo, Store};

/// The names of all keys below this prefix, and the entries of the users' indexes.
async fn names(servers: &[RedisServer], prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for server in servers {
        let mut connection = server.connection().await;
        let mut keys = redis::cmd("KEYS");
        keys.arg(format!("{prefix}*"));
        let keys: Vec<String> = keys.query_async(&mut connection).await.unwrap();
        for index in keys.iter().filter(|key| key.contains('@')) {
            let mut entries = redis::cmd("ZRANGE");
            entries.arg(index).arg(0).arg(-1);
            let entries: Vec<String> = entries.query_async(&mut connection).await.unwrap();
            names.extend(entries);
        }
        names.extend(keys);
    }
    names
}

/// Uses the session of a cookie, which is this user's only one.
async fn assert_logged_in(demo: &Demo, name: &str, cookie: &str) {
    let visitor = demo.visitor().with_cookie(cookie);
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.field("username"), name);
    assert_eq!(visitor.cookie().as_deref(), Some(cookie));
    assert_eq!(visitor.list().await.len(), 1, "{name}");
}

async fn nobody_is_logged_out(store: Store, servers: &[RedisServer]) {
    let prefix = unique_prefix();
    let form = |form| store.with(&["--prefix", &prefix, "--id-storage", form]);
    let are_hashed = async |demo: &Demo| {
        let about = demo.visitor().get("/backend").await.json();
        about["ids_hashed"] == true
    };
    let mut users = Vec::new();
    for (step, count) in [
        ("plain", "1\n"),
        ("plain-before-hashed", "2\n"),
        ("hashed-after-plain", "3\n"),
    ] {
        let demo = form(step).serve().await;
        let visitor = demo.visitor();
        visitor.log_in(step, "600").await;
        users.push((step, visitor.cookie().unwrap()));
        for (name, cookie) in &users {
            assert_logged_in(&demo, name, cookie).await;
        }
        assert_eq!(form(step).told(&["count"]).await, count, "{step}");
        // The page does not say that ids are hashed before all of them are.
        assert!(!are_hashed(&demo).await, "{step}");
    }
    let keys = names(servers, &prefix).await;
    for (name, cookie) in &users {
        let is_shown = keys.iter().any(|key| key.contains(cookie));
        assert_eq!(is_shown, *name != "hashed-after-plain", "{name}: {keys:?}");
    }

    // The last step is due when the last plain session has ended, which `count` tells.
    assert_eq!(form("plain").told(&["count"]).await, "2\n");
    for name in ["plain", "plain-before-hashed"] {
        let store = form("hashed-after-plain");
        let public_id = public_id_of(&store, name).await;
        store.told(&["revoke", &public_id]).await;
    }
    assert_eq!(form("plain").told(&["count"]).await, "0\n");

    let demo = form("hashed").serve().await;
    let (name, cookie) = &users[2];
    assert_logged_in(&demo, name, cookie).await;
    assert_eq!(form("hashed").told(&["count"]).await, "1\n");
    assert!(are_hashed(&demo).await);
    let keys = names(servers, &prefix).await;
    for (name, cookie) in &users {
        let is_shown = keys.iter().any(|key| key.contains(cookie));
        assert!(!is_shown, "{name}: {keys:?}");
    }
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_redis_rs() {
    let server = shared().await;
    let store = Store::at(Backend::RedisRs, server.addr());
    nobody_is_logged_out(store, slice::from_ref(server)).await;
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_fred_and_a_cluster() {
    let cluster = shared_cluster().await;
    let store = Store::at_url(Backend::Fred, &cluster.url());
    nobody_is_logged_out(store, cluster.nodes()).await;
}

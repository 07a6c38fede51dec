//! Two key formats: a store in use goes over from plain ids to hashed ones.

use std::slice;

use session_redis_test::{Cluster, RedisServer};

use super::public_id_of;
use crate::support::{Backend, Demo, Store, Visitor};

/// The names of all keys on these servers, and the entries of the users' indexes.
async fn names(servers: &[RedisServer]) -> Vec<String> {
    let mut names = Vec::new();
    for server in servers {
        let mut connection = server.connection().await;
        let mut keys = redis::cmd("KEYS");
        let keys: Vec<String> = keys.arg("*").query_async(&mut connection).await.unwrap();
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

async fn log_in(demo: &Demo, name: &str) -> String {
    let visitor = demo.visitor();
    visitor.log_in(name, "600").await;
    visitor.cookie().unwrap()
}

/// Uses the session of a cookie, which is this user's only one.
async fn is_logged_in(demo: &Demo, name: &str, cookie: &str) {
    let visitor = Visitor::with_cookie(demo.server(), cookie);
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.field("username"), name);
    assert_eq!(visitor.cookie().as_deref(), Some(cookie));
    let list = visitor.get("/sessions").await.json();
    assert_eq!(list["sessions"].as_array().map(Vec::len), Some(1), "{list}");
}

async fn nobody_is_logged_out_on_the_way_to_hashed_ids(store: Store, servers: &[RedisServer]) {
    let form = |form| store.with(&["--id-storage", form]);
    let mut users = Vec::new();
    for (step, count) in [
        ("plain", "1\n"),
        ("plain-before-hashed", "2\n"),
        ("hashed-after-plain", "3\n"),
    ] {
        let demo = form(step).serve().await;
        users.push((step, log_in(&demo, step).await));
        for (name, cookie) in &users {
            is_logged_in(&demo, name, cookie).await;
        }
        assert_eq!(form(step).told(&["count"]).await, count, "{step}");
        // The page does not say that ids are hashed before all of them are.
        let about = demo.visitor().get("/backend").await.json();
        assert_eq!(about["ids_hashed"], false, "{step}");
    }
    let keys = names(servers).await;
    for (name, cookie) in &users {
        let is_shown = keys.iter().any(|key| key.contains(cookie));
        assert_eq!(is_shown, *name != "hashed-after-plain", "{name}: {keys:?}");
    }

    // The last step is due when the last plain session has ended, which `count` tells.
    assert_eq!(form("plain").told(&["count"]).await, "2\n");
    for name in ["plain", "plain-before-hashed"] {
        let store = form("hashed-after-plain");
        let public_id = public_id_of(&store, name).await;
        let told = store.told(&["revoke", &public_id]).await;
        assert_eq!(told, format!("revoked {public_id}\n"));
    }
    assert_eq!(form("plain").told(&["count"]).await, "0\n");

    let demo = form("hashed").serve().await;
    let (name, cookie) = &users[2];
    is_logged_in(&demo, name, cookie).await;
    assert_eq!(form("hashed").told(&["count"]).await, "1\n");
    let about = demo.visitor().get("/backend").await.json();
    assert_eq!(about["ids_hashed"], true);
    let keys = names(servers).await;
    for (name, cookie) in &users {
        let is_shown = keys.iter().any(|key| key.contains(cookie));
        assert!(!is_shown, "{name}: {keys:?}");
    }
}

async fn on_a_server(backend: Backend) {
    let server = RedisServer::start().await;
    let store = Store::at(backend, &server);
    nobody_is_logged_out_on_the_way_to_hashed_ids(store, slice::from_ref(&server)).await;
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_redis_rs() {
    on_a_server(Backend::RedisRs).await;
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_fred() {
    on_a_server(Backend::Fred).await;
}

async fn on_a_cluster(backend: Backend) {
    let cluster = Cluster::start(3).await;
    let store = Store::at_url(backend, &cluster.url());
    nobody_is_logged_out_on_the_way_to_hashed_ids(store, cluster.nodes()).await;
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_redis_rs_and_a_cluster() {
    on_a_cluster(Backend::RedisRs).await;
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_fred_and_a_cluster() {
    on_a_cluster(Backend::Fred).await;
}

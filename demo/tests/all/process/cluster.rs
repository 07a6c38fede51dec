//! A Redis Cluster of three masters.

use std::net::TcpListener;

use session_redis_test::{Cluster, RedisServer};

use crate::support::{Backend, Ended, Store, command};

/// So many that every node has some of them.
const USERS: usize = 24;

/// How many keys a node has.
async fn keys(node: &RedisServer) -> u64 {
    let size = redis::cmd("DBSIZE")
        .query_async(&mut node.connection().await)
        .await;
    size.unwrap()
}

/// An address at which nothing listens.
fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A server and the command, on the cluster at this URL.
async fn sessions_live_on_all_nodes(cluster: &Cluster, store: &Store) {
    let demo = store.serve().await;
    let about = demo.visitor().get("/backend").await.json();
    let description = about["description"].as_str().unwrap();
    assert!(description.contains("Redis Cluster"), "{description}");

    let mut visitors = Vec::new();
    for user in 0..USERS {
        let visitor = demo.visitor();
        visitor.log_in(&format!("user{user}"), "600").await;
        visitors.push(visitor);
    }
    for node in cluster.nodes() {
        assert!(keys(node).await > 0, "no session on {}", node.url());
    }
    for visitor in &visitors {
        let views = visitor.post("/increment", &[]).await.json()["page_views"].clone();
        assert_eq!(views, 2);
        assert_eq!(visitor.post("/rotate", &[]).await.status, 200);
    }
    let all = format!("{USERS}\n");
    assert_eq!(store.told(&["count"]).await, all);
    let table = store.told(&["list", "--page-size", "5"]).await;
    assert_eq!(table.lines().count(), USERS + 1, "{table}");

    // One user with two sessions, who ends one from the other's page.
    let other = demo.visitor();
    other.log_in("user0", "600").await;
    let list = other.get("/sessions").await.json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{list}");
    let first = sessions.iter().find(|session| session["current"] == false);
    let first = first.unwrap()["handle"].as_str().unwrap();
    let revoked = other.post("/sessions/revoke", &[("handle", first)]).await;
    assert_eq!(revoked.json()["revoked"], true);
    let refused = visitors[0].post("/increment", &[]).await;
    assert_eq!(refused.error(), (401, "Session expired".to_owned()));

    // An operator ends all of them, wherever they are.
    let table = store.told(&["list"]).await;
    let public_ids: Vec<_> = table.lines().skip(1).map(|line| &line[..22]).collect();
    assert_eq!(public_ids.len(), USERS, "{table}");
    let told = store.told(&[&["revoke"], &public_ids[..]].concat()).await;
    let revoked: String = public_ids
        .iter()
        .map(|it| format!("revoked {it}\n"))
        .collect();
    assert_eq!(told, revoked);
    assert_eq!(store.told(&["count"]).await, "0\n");
    for visitor in visitors.iter().skip(1).chain([&other]) {
        assert_eq!(visitor.post("/increment", &[]).await.status, 401);
    }
}

async fn every_url_of_a_cluster_is_heeded(backend: Backend) {
    let cluster = Cluster::start(3).await;
    let node = cluster.node(1).addr();
    let mut urls = vec![
        cluster.url(),
        format!("redis-cluster://{node}"),
        // The first node is down.
        format!("redis-cluster://{}?node={node}", closed_address()),
    ];
    if backend == Backend::Fred {
        let named = |url: &String| url.replace("redis-cluster://", "redis-cluster+fred://");
        urls.extend(urls.iter().map(named).collect::<Vec<_>>());
    }
    for url in urls {
        sessions_live_on_all_nodes(&cluster, &Store::at_url(backend, &url)).await;
    }
}

#[tokio::test]
async fn every_url_of_a_cluster_is_heeded_on_redis_rs() {
    every_url_of_a_cluster_is_heeded(Backend::RedisRs).await;
}

#[tokio::test]
async fn every_url_of_a_cluster_is_heeded_on_fred() {
    every_url_of_a_cluster_is_heeded(Backend::Fred).await;
}

async fn starts_without_its_cluster(backend: Backend) {
    let mut cluster = Cluster::start(3).await;
    let store = Store::at_url(backend, &cluster.url());
    for index in 0..3 {
        cluster.node_mut(index).kill();
    }
    let demo = store.start().await;
    let visitor = demo.visitor();
    assert_eq!(visitor.get("/readyz").await.status, 503);
    let refused = visitor.post("/login", &[("username", "Ann")]).await;
    assert_eq!(refused.status, 503);
    for words in [&["list"][..], &["count"]] {
        let ended = store.sessions(words).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
        assert!(ended.stderr.contains("--redis-url"), "{ended:?}");
    }

    for index in 0..3 {
        cluster.node_mut(index).restart().await;
    }
    cluster.wait_until_usable().await;
    demo.ready().await;
    visitor.log_in("Ann", "600").await;
    assert_eq!(store.told(&["count"]).await, "1\n");
}

#[tokio::test]
async fn redis_rs_starts_without_its_cluster() {
    starts_without_its_cluster(Backend::RedisRs).await;
}

#[tokio::test]
async fn fred_starts_without_its_cluster() {
    starts_without_its_cluster(Backend::Fred).await;
}

/// The sessions of one node are not reported as those of the whole store.
#[tokio::test]
async fn a_node_is_not_counted_as_a_standalone_server() {
    let cluster = Cluster::start(3).await;
    for backend in Backend::REDIS {
        let on_cluster = Store::at_url(backend, &cluster.url());
        let demo = on_cluster.serve().await;
        for user in 0..USERS {
            demo.visitor().log_in(&format!("user{user}"), "600").await;
        }
        for node in cluster.nodes() {
            let ended = Store::at(backend, node).sessions(&["count"]).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
        }
    }
}

/// The server and the command refuse a URL that contradicts `--backend`, and do not show it.
#[tokio::test]
async fn a_url_that_contradicts_the_backend_is_refused() {
    for scheme in ["redis+fred", "redis-cluster+fred"] {
        let url = format!("{scheme}://u:SECRET@127.0.0.1:1");
        let flags = ["--backend", "redis-rs", "--redis-url", &url];
        for (words, code) in [(&["--port", "0"][..], 1), (&["sessions", "count"], 2)] {
            let ended = outcome(&[&flags, words].concat()).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(code), ""));
            for said in ["the backend is redis-rs", "+fred", "--backend fred"] {
                assert!(ended.stderr.contains(said), "{}", ended.stderr);
            }
            assert!(!ended.stderr.contains("SECRET"), "{}", ended.stderr);
        }
    }
    for backend in [&[][..], &["--backend", "memory"]] {
        for (words, code) in [(&["--port", "0"][..], 1), (&["sessions", "count"], 2)] {
            let url = ["--redis-url", "redis-cluster://u:SECRET@127.0.0.1:1"];
            let ended = outcome(&[backend, &url, words].concat()).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(code), ""));
            assert!(ended.stderr.contains("--backend fred"), "{}", ended.stderr);
            assert!(!ended.stderr.contains("SECRET"), "{}", ended.stderr);
        }
    }
}

async fn outcome(words: &[&str]) -> Ended {
    let mut command = command(words);
    command.stderr(std::process::Stdio::piped());
    Ended::of(command).await
}

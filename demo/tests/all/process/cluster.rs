//! A Redis Cluster of three masters.

use session_redis_test::{shared_cluster, unique_prefix};

use super::sessions::listed;
use crate::support::{Backend, Store};

/// So many that every node has some of them.
const USERS: usize = 24;

#[tokio::test]
async fn sessions_live_on_all_nodes() {
    for backend in Backend::REDIS {
        live_on_all_nodes(backend).await;
    }
}

async fn live_on_all_nodes(backend: Backend) {
    let (cluster, prefix) = (shared_cluster().await, unique_prefix());
    // Of the nodes in the URL the first one is down.
    let node = cluster.node(1).addr();
    let url = format!("redis-cluster://127.0.0.1:1?node={node}");
    let store = Store::at_url(backend, &url).with(&["--prefix", &prefix]);
    let demo = store.serve().await;
    let about = demo.visitor().get("/backend").await.json();
    let description = about["description"].as_str().unwrap();
    assert!(description.contains("Redis Cluster"), "{description}");

    for user in 0..USERS {
        let visitor = demo.visitor();
        visitor.log_in(&format!("user{user}"), "600").await;
        assert_eq!(visitor.post("/rotate", &[]).await.status, 200);
        let answer = visitor.post("/increment", &[]).await;
        assert_eq!(answer.json()["page_views"], 2);
    }
    assert_eq!(store.told(&["count"]).await, format!("{USERS}\n"));
    assert_eq!(listed(&store, &["--page-size", "5"]).await.len(), USERS);
    for node in cluster.nodes() {
        let mut keys = redis::cmd("KEYS");
        keys.arg(format!("{prefix}*"));
        let keys = keys.query_async(&mut node.connection().await).await;
        let keys: Vec<String> = keys.unwrap();
        assert!(!keys.is_empty(), "no session on {}", node.url());
        // The sessions of one node are not reported as those of the whole store.
        let alone = Store::at(backend, node.addr()).with(&["--prefix", &prefix]);
        let ended = alone.sessions(&["count"]).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
    }
}

//! A cluster comes up and serves.

use redis::{RedisResult, cmd};
use session_redis_test::{Cluster, RedisServer};

async fn set(node: &RedisServer, key: &str) -> RedisResult<String> {
    cmd("SET")
        .arg(key)
        .arg("value")
        .query_async(&mut node.connection().await)
        .await
}

#[tokio::test]
async fn three_masters_share_the_slots() {
    let cluster = Cluster::start(3).await;
    assert_eq!(cluster.nodes().len(), 3);
    let urls: Vec<_> = cluster.nodes().iter().map(RedisServer::url).collect();
    assert_eq!(cluster.urls(), urls);

    // Keys of the slots 3300, 7365 and 15495: one for each node, in this order.
    for (owner, key) in ["b", "c", "a"].iter().enumerate() {
        for (index, node) in cluster.nodes().iter().enumerate() {
            match set(node, key).await {
                Ok(answer) => assert_eq!((index, answer.as_str()), (owner, "OK")),
                Err(error) => {
                    assert_ne!(index, owner, "{error}");
                    let owner = cluster.node(owner).addr().to_string();
                    assert!(error.to_string().contains(&owner), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_restarted_node_is_taken_back() {
    let mut cluster = Cluster::start(3).await;
    assert!(set(cluster.node(0), "b").await.is_ok());
    cluster.node_mut(0).restart().await;
    cluster.wait_until_usable().await;
    assert!(set(cluster.node(0), "b").await.is_ok());
}

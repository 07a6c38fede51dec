//! Which backend a URL names, and which is refused.

use super::*;
use std::error::Error as _;

fn refusal(url: &str) -> ConnectError {
    let error = Connect::to(url).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error
        .source()
        .unwrap()
        .downcast_ref::<ConnectError>()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn other_schemes_are_refused_and_no_text_shows_the_url() {
    for url in [
        "",
        "http://host",
        "fred://host",
        "memory-x:",
        "memory+fred:",
        "redis-clusters://host",
        "redis+fred-cluster://host",
        "redis-sentinels://host",
        "redis+fred+unix:///socket",
        "://",
        "redis+other://user:SECRET@host",
    ] {
        assert_eq!(refusal(url), ConnectError::UnknownScheme, "{url}");
    }
    let connect = Connect::to("redis+other://user:SECRET@host");
    let error = connect.clone().build().unwrap_err();
    assert!(!format!("{connect:?} {error} {error:?}").contains("SECRET"));
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn memory_is_chosen_by_its_scheme() {
    for url in ["memory:", "memory://"] {
        let backend = connect(url).await.unwrap();
        assert!(format!("{backend:?}").contains("MemoryBackend"));
    }
    for url in ["memory:?max_sessions=5", "memory://host", "memory:x"] {
        assert_eq!(refusal(url), ConnectError::AfterMemory, "{url}");
    }
}

#[cfg(feature = "redis-rs")]
#[tokio::test]
async fn plain_redis_schemes_mean_redis_rs() {
    let backend = Connect::to("redis://127.0.0.1:1").build().unwrap();
    assert!(format!("{backend:?}").contains("RedisRsBackend"));
    let error = Connect::to("redis://127.0.0.1:1")
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.effect(), Effect::NotApplied);
}

#[cfg(not(feature = "redis-rs"))]
#[tokio::test]
async fn without_its_feature_redis_rs_is_named() {
    assert_eq!(
        refusal("redis://127.0.0.1"),
        ConnectError::FeatureOff("redis-rs")
    );
    assert_eq!(
        refusal("redis-cluster://127.0.0.1"),
        ConnectError::FeatureOff("redis-rs")
    );
}

/// A cluster's URL is one to the backend as well: it looks for the nodes.
#[cfg(feature = "redis-rs")]
#[tokio::test]
async fn cluster_schemes_mean_redis_rs_on_a_cluster() {
    let backend = Connect::to("redis-cluster://127.0.0.1:1?node=127.0.0.1:2")
        .build()
        .unwrap();
    let shown = format!("{backend:?}");
    assert!(
        shown.contains("RedisRsBackend") && shown.contains("Cluster"),
        "{shown}"
    );
    let error = Connect::to("redis-cluster://127.0.0.1:1?node=")
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[cfg(feature = "fred")]
#[tokio::test]
async fn fred_is_chosen_for_a_cluster_by_its_schemes() {
    let url = "redis-cluster+fred://127.0.0.1:1?node=127.0.0.1:2";
    let shown = format!("{:?}", Connect::to(url).build().unwrap());
    assert!(
        shown.contains("FredBackend") && shown.contains("Cluster"),
        "{shown}"
    );
}

#[cfg(feature = "fred")]
#[tokio::test]
async fn fred_is_chosen_by_its_schemes() {
    let backend = Connect::to("redis+fred://127.0.0.1:1").build().unwrap();
    assert!(format!("{backend:?}").contains("FredBackend"));
}

#[cfg(not(feature = "fred"))]
#[tokio::test]
async fn without_its_feature_fred_is_named() {
    assert_eq!(
        refusal("redis+fred://127.0.0.1"),
        ConnectError::FeatureOff("fred")
    );
    assert_eq!(
        refusal("rediss+fred://127.0.0.1"),
        ConnectError::FeatureOff("fred")
    );
    assert_eq!(
        refusal("redis-cluster+fred://127.0.0.1"),
        ConnectError::FeatureOff("fred")
    );
}

/// What follows a scheme, of each client that is compiled in.
#[cfg(any(feature = "redis-rs", feature = "fred"))]
const CLIENTS: &[&str] = &[
    #[cfg(feature = "redis-rs")]
    "",
    #[cfg(feature = "fred")]
    "+fred",
];

#[cfg(all(feature = "observe", any(feature = "redis-rs", feature = "fred")))]
#[tokio::test]
async fn an_observed_backend_shows_its_name_and_no_password() {
    for client in CLIENTS {
        let url = format!("redis{client}://:SECRET@127.0.0.1:1");
        let connect = Connect::to(url).observed(Observe::new());
        let backend = connect.clone().build().unwrap();
        let shown = format!("{connect:?} {backend:?}");
        assert!(
            shown.contains("Observed") && !shown.contains("SECRET"),
            "{shown}"
        );
        let error = backend.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[cfg(any(feature = "redis-rs", feature = "fred"))]
#[tokio::test]
async fn settings_reach_the_backend_and_are_checked() {
    for client in CLIENTS {
        for (url, prefix, reason) in [
            ("redis", "a*", "not a key prefix"),
            ("redis", "a:", "its scheme must be rediss"),
        ] {
            let connect = Connect::to(format!("{url}{client}://127.0.0.1:1")).tls(Tls::new());
            let error = connect.key_prefix(prefix).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let source = error.source().unwrap().to_string();
            assert!(source.contains(reason), "{source}");
        }
    }
}

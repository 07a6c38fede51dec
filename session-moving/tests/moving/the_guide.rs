//! Sessions of the Redis guide's demos, before and after their servers are off.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use session_moving::from_the_redis_guide::{after_the_guide, beside_the_guide, bind_user};
use session_redis_test::RedisServer;
use session_store::{SessionBackend, SessionId, SessionLayer};

use crate::support::{Browser, NEW, routes, sessions_of};

/// What `createSession` of the guide does, in any of its languages.
async fn created_by_the_guide(server: &RedisServer) -> Browser {
    let id = SessionId::random().unwrap();
    let now = "2026-04-02T12:34:56+00:00";
    let key = format!("session:{}", id.expose());
    let fields = "username andrew page_views 1 cart [\"tea\"] session_ttl 1800";
    server
        .ask::<()>(&format!(
            "HSET {key} {fields} created_at {now} last_accessed_at {now}"
        ))
        .await;
    server.ask::<()>(&format!("EXPIRE {key} 1800")).await;
    Browser::with("sid", id.expose())
}

fn app(backend: &Arc<dyn SessionBackend>, layer: SessionLayer) -> axum::Router {
    routes()
        .layer(layer)
        .layer(from_fn_with_state(Arc::clone(backend), bind_user))
}

#[tokio::test]
async fn from_the_redis_guide() {
    let server = RedisServer::start().await;
    let backend = session_store::connect(&server.url()).await.unwrap();
    let me = "andrew tea";

    // Side by side: two requests at once, the same cookie, and the guide's servers still serve it.
    let beside = app(&backend, beside_the_guide(Arc::clone(&backend)).unwrap());
    let mut browser = created_by_the_guide(&server).await;
    let key = format!("session:{}", browser.cookies["sid"]);
    let mut tab = browser.clone();
    let (one, two) = tokio::join!(browser.get(&beside, "/me"), tab.get(&beside, "/me"));
    assert_eq!([&*one.body, &*two.body], [me, me]);
    assert!(one.set.is_empty() && two.set.is_empty());
    assert_eq!(sessions_of(&backend, "andrew").await, 1);
    let views: i64 = server.ask(&format!("HINCRBY {key} page_views 1")).await;
    assert_eq!(views, 2);
    assert_eq!(browser.get(&beside, "/me").await.body, me);

    // They are off: the first use of the session changes the cookie, and nothing else.
    let after = app(&backend, after_the_guide(Arc::clone(&backend)).unwrap());
    assert_eq!(browser.get(&after, "/me").await.body, me);
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), [NEW]);
    let id = SessionId::parse(&browser.cookies[NEW]).unwrap();
    let record = backend.peek_session(&id).await.unwrap().unwrap();
    assert_eq!(record.fields().get_str("page_views"), Some("2"));
    assert_eq!(sessions_of(&backend, "andrew").await, 1);

    // A tab that was late sees that the id was rotated, and takes no cookie from the browser.
    let late = tab.get(&after, "/me").await;
    assert_eq!((&*late.body, late.set.len()), ("nobody ", 0));

    browser.get(&after, "/logout").await;
    assert!(browser.cookies.is_empty());
    assert_eq!(sessions_of(&backend, "andrew").await, 0);
}

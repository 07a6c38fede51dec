//! `sessions convert`: a store in use moves from plain ids to hashed ones.

use redis::aio::MultiplexedConnection;
use session_redis_test::RedisServer;

use crate::support::{Backend, Store, Visitor};

/// The names of all keys, and what the users' indexes hold.
async fn names(connection: &mut MultiplexedConnection) -> Vec<String> {
    let mut keys = redis::cmd("KEYS");
    let mut names: Vec<String> = keys.arg("*").query_async(connection).await.unwrap();
    for index in names.clone().iter().filter(|key| key.contains('@')) {
        let mut members = redis::cmd("ZRANGE");
        members.arg(index).arg(0).arg(-1);
        let members: Vec<String> = members.query_async(connection).await.unwrap();
        names.extend(members);
    }
    names
}

async fn nobody_is_logged_out_on_the_way_to_hashed_ids(backend: Backend) {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    let store = Store::at(backend, &server);
    let users = ["Ann", "Bob"];
    let mut cookies = Vec::new();
    let mut views = 1;
    for form in [
        "plain",
        "plain-before-hashed",
        "hashed-after-plain",
        "hashed-after-plain, converted",
        "hashed",
    ] {
        let (form, is_converted) = match form.strip_suffix(", converted") {
            Some(form) => (form, true),
            None => (form, form == "hashed"),
        };
        let store = store.with(&["--id-storage", form]);
        let demo = store.serve().await;
        if cookies.is_empty() {
            for name in users {
                let visitor = demo.visitor();
                visitor.log_in(name, "600").await;
                cookies.extend(visitor.cookie());
            }
        }
        if is_converted && form != "hashed" {
            // While a server uses them.
            assert_eq!(store.told(&["convert"]).await, "2\n");
            assert_eq!(store.told(&["convert"]).await, "0\n");
        }
        views += 1;
        for (name, cookie) in users.iter().zip(&cookies) {
            let visitor = Visitor::with_cookie(demo.server(), cookie);
            let answer = visitor.post("/increment", &[]).await;
            assert_eq!(answer.field("username"), *name, "{form}");
            assert_eq!(answer.json()["page_views"], views, "{form}");
            assert_eq!(visitor.cookie().as_ref(), Some(cookie), "{form}");
            let list = visitor.get("/sessions").await;
            let own = list.json()["sessions"].as_array().map(Vec::len);
            assert_eq!(own, Some(1), "{form}: {list:?}");
        }
        assert_eq!(store.told(&["count"]).await, "2\n", "{form}");
        // The page does not say that ids are hashed before all of them are.
        let about = demo.visitor().get("/backend").await.json();
        assert_eq!(about["ids_hashed"], form == "hashed", "{form}");
        let names = names(&mut connection).await;
        assert!(names.len() >= 4, "{names:?}");
        for cookie in &cookies {
            let is_shown = names.iter().any(|name| name.contains(cookie.as_str()));
            assert_eq!(is_shown, !is_converted, "{form}: {names:?}");
        }
    }
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_redis_rs() {
    nobody_is_logged_out_on_the_way_to_hashed_ids(Backend::RedisRs).await;
}

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids_on_fred() {
    nobody_is_logged_out_on_the_way_to_hashed_ids(Backend::Fred).await;
}

/// To plain ids there is nothing to convert, and "0" would be misread.
#[tokio::test]
async fn converting_wants_the_form_to_convert_to() {
    for backend in Backend::REDIS {
        let store = Store::new(backend).await;
        for flags in [&[][..], &["--id-storage", "plain-before-hashed"]] {
            let ended = store.with(flags).sessions(&["convert"]).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
            let said = &ended.stderr;
            assert!(said.contains("--id-storage hashed-after-plain"), "{said}");
        }
        let store = store.with(&["--hash-ids"]);
        assert_eq!(store.told(&["convert"]).await, "0\n");
    }
}

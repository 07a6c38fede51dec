//! Ending sessions.

use std::time::Duration;

use futures_util::future::join_all;
use session_redis_test::{Cluster, RedisServer};
use session_store::{IdStorage, Principal, SessionId};

use crate::support::{MISSING, Store, objects};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn named_ones_are_ended_and_what_is_missing_is_said() {
    for store in Store::both().await {
        let mut public_ids = vec![store.add(None, Duration::ZERO).await];
        for name in ["ann", "bob"] {
            public_ids.push(store.log_in(name).await);
        }
        let [first, second, third] = [0, 1, 2].map(|index| &*public_ids[index]);
        // Named twice, it is one all the same.
        let words = ["revoke", first, first, MISSING, second];
        let dry = store.run(&[&words[..], &["--dry-run"]].concat()).await;
        let would =
            format!("would revoke {first}\nno such session: {MISSING}\nwould revoke {second}\n");
        assert_eq!((dry.code, dry.stdout), (Some(1), would));
        assert_eq!(store.told(&["count"]).await, "3\n");
        let ended = store.run(&words).await;
        let told = format!("revoked {first}\nno such session: {MISSING}\nrevoked {second}\n");
        assert_eq!(
            (ended.code, ended.stdout, &*ended.stderr),
            (Some(1), told, "")
        );
        let revoked = &store.json(&["revoke", third]).await[0];
        assert_eq!(revoked["public_id"], third);
        assert_eq!(revoked["revoked"], true);
        let ann = Principal::new("ann").unwrap();
        assert!(
            store
                .backend()
                .list_sessions(&ann)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(store.run(&["count"]).await.stdout, "0\n");
    }
}

#[tokio::test]
async fn those_of_a_principal_those_of_an_age_or_all_are_ended() {
    for store in Store::both().await {
        for (name, days) in [
            (Some("ann"), 0),
            (Some("ann"), 31),
            (Some("bob"), 31),
            (None, 40),
            (None, 0),
        ] {
            store.add(name, DAY * days).await;
        }
        let mut left = 5;
        for (which, ends) in [
            (&["--principal", "nobody"][..], 0),
            (&["--older-than", "41d"], 0),
            (&["--older-than", "39d 23h"], 1),
            (&["--principal", "ann"], 2),
            (&["--older-than", "30d"], 1),
            (&["--all"], 1),
        ] {
            let words = [&["revoke"], which].concat();
            let refused = store.run(&words).await;
            assert_eq!((refused.code, &*refused.stdout), (Some(2), ""));
            assert!(refused.stderr.contains("--yes"), "{refused:?}");
            let noun = if ends == 1 { "session" } else { "sessions" };
            let said = match which {
                [_, "nobody"] => "sessions: no sessions of that principal\n",
                _ => "",
            };
            for (flag, verb) in [("--dry-run", "would revoke"), ("--yes", "revoked")] {
                assert_eq!(store.told(&["count"]).await, format!("{left}\n"));
                let ended = store.run(&[&words[..], &[flag]].concat()).await;
                let told = format!("{verb} {ends} {noun}\n");
                assert_eq!((ended.code, ended.stdout), (Some(0), told), "{which:?}");
                let (first, is_silent) = (ended.stderr.starts_with(said), said.is_empty());
                assert!(
                    first && is_silent == ended.stderr.is_empty(),
                    "{}",
                    ended.stderr
                );
            }
            left -= ends;
            assert_eq!(store.run(&["count"]).await.stdout, format!("{left}\n"));
        }
    }
}

/// More than a page of them, in one pass.
#[tokio::test]
async fn hundreds_are_ended_at_once() {
    for store in Store::both().await {
        for user in 0..6 {
            let name = format!("user{user}");
            let sessions = (0..100).map(|n| store.add((n % 2 == 0).then_some(&*name), DAY));
            join_all(sessions).await;
        }
        let revoked = store.json(&["revoke", "--older-than", "1h", "-y"]).await;
        assert_eq!(revoked[0]["revoked"], 600);
        assert_eq!(revoked[0]["of_unknown_age"], 0);
        assert_eq!(store.run(&["count"]).await.stdout, "0\n");
    }
}

/// `list` shows them, so they end.
#[tokio::test]
async fn those_of_a_principal_whose_list_was_evicted_are_ended() {
    let server = RedisServer::start().await;
    let store = Store::at(server.url(), IdStorage::Plain);
    for name in ["ann", "ann", "bob"] {
        store.log_in(name).await;
    }
    let index = format!("{}@ann", store.prefix());
    assert_eq!(server.ask::<u8>(&format!("DEL {index}")).await, 1);
    let words = ["revoke", "--principal", "ann"];
    let dry = store.told(&[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry, "would revoke 2 sessions\n");
    let told = store.told(&[&words[..], &["--yes"]].concat()).await;
    assert_eq!(told, "revoked 2 sessions\n");
    assert_eq!(store.told(&["count"]).await, "1\n");
    // Where nothing is found, where it may be is said.
    let lost = store.with("SESSION_PREFIX", "other:");
    for which in [
        &["--principal", "bob"][..],
        &["--older-than", "1s"],
        &["--all"],
    ] {
        let ended = lost.run(&[&["revoke", "--yes"], which].concat()).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("under other prefixes"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_has_ended_before_a_failure_is_said() {
    let cluster = Cluster::start(3).await;
    let store = Store::at(cluster.url(), IdStorage::Plain);
    // The last of the nodes ends none.
    let denied = "ACL SETUSER default -del -unlink";
    cluster.node(2).ask::<()>(denied).await;
    for flags in [&[][..], &["--json"]] {
        join_all((0..60).map(|_| store.add(None, Duration::ZERO))).await;
        let words = [&["revoke", "--all", "--yes"], flags].concat();
        let ended = store.run(&words).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let said = match flags {
            [] => ended.stdout.starts_with("revoked at least "),
            _ => objects(&ended.stdout)[0]["complete"] == false,
        };
        assert!(said, "{ended:?}");
    }
}

/// What another client has stored without a time is left alone, and said.
#[tokio::test]
async fn what_has_no_age_is_left_alone() {
    let server = RedisServer::start().await;
    let store = Store::at(server.url(), IdStorage::Plain);
    store.add(None, DAY).await;
    let id = SessionId::random().unwrap();
    let hash = "created_at yesterday last_accessed_at today session_ttl 600";
    let key = format!("{}{}", store.prefix(), id.expose());
    server.ask::<()>(&format!("HSET {key} {hash}")).await;
    let ended = store.run(&["revoke", "--older-than", "1s", "--yes"]).await;
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(0), "revoked 1 session\n")
    );
    assert!(ended.stderr.contains("1 session left alone"), "{ended:?}");
    assert_eq!(store.told(&["count"]).await, "1\n");
    assert_eq!(
        store.told(&["revoke", "--all", "--yes"]).await,
        "revoked 1 session\n"
    );
}

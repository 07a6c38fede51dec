//! Looking: at all sessions, at one, at how many there are.

use std::process::Stdio;
use std::time::Duration;

use session_redis_test::{RedisServer, shared};
use session_store::IdStorage;

use crate::support::{Ended, MISSING, Store, objects};

#[tokio::test]
async fn sessions_are_listed_and_counted() {
    for store in Store::both().await {
        let mut public_ids = vec![store.add(None, Duration::ZERO).await];
        for name in ["ann", "ann", "Ann", "\u{1b}[2Jeve"] {
            public_ids.push(store.log_in(name).await);
        }
        let listed = store.json(&["list"]).await;
        assert_eq!(listed.len(), 5);
        for (public_id, name) in [
            (&public_ids[0], None),
            (&public_ids[3], Some("Ann")),
            (&public_ids[4], Some("\u{1b}[2Jeve")),
        ] {
            let found = listed.iter().find(|it| it["public_id"] == **public_id);
            let found = found.expect("it is listed");
            assert_eq!(found["principal"].as_str(), name);
            let remaining = found["expires_in_seconds"].as_u64().unwrap();
            assert!(remaining <= 1800 && found["ttl_seconds"] == 1800, "{found}");
            assert_eq!(found["deadline"].is_null(), name.is_none());
            assert_eq!(found["created_at"], found["last_accessed_at"]);
        }
        // The table has the same, below one heading, and nothing that a terminal obeys.
        let table = store.told(&["list"]).await;
        assert!(table.starts_with("PUBLIC ID  "), "{table}");
        assert_eq!(table.lines().count(), 6, "{table}");
        assert!(table.contains("\\u{1b}[2Jeve") && !table.contains('\u{1b}'));
        for public_id in &public_ids {
            assert!(table.contains(&format!("\n{public_id}  ")), "{table}");
        }
        assert_eq!(store.json(&["list", "--principal", "ann"]).await.len(), 2);
        assert_eq!(store.told(&["count"]).await, "5\n");
        let counted = store.told(&["count", "--principal", "ann", "--json"]).await;
        assert_eq!(counted, "{\"sessions\":2,\"principal\":\"ann\"}\n");
        let nobodys = store.run(&["list", "--principal", "nobody"]).await;
        let told = (nobodys.code, &*nobodys.stdout, &*nobodys.stderr);
        let said = "sessions: no sessions of that principal\n";
        assert_eq!(told, (Some(0), "", said));
    }
}

/// The last line of JSON says where to go on; all are shown in the end.
#[tokio::test]
async fn a_list_may_be_shown_in_parts() {
    for store in Store::both().await {
        let mut public_ids = Vec::new();
        for _ in 0..12 {
            public_ids.push(store.log_in("ann").await);
        }
        let (mut shown, mut from) = (Vec::new(), None::<String>);
        for part in 0.. {
            assert!(part < 1000, "the list does not end");
            let mut words = vec!["list", "--limit", "5"];
            words.extend(from.iter().flat_map(|from| ["--from", from]));
            let ended = store.run(&[&words[..], &["--json"]].concat()).await;
            let mut rows = objects(&ended.stdout);
            from = rows
                .pop_if(|it| it["next"].is_string())
                .map(|it| it["next"].as_str().unwrap().to_owned());
            shown.extend(
                rows.iter()
                    .map(|it| it["public_id"].as_str().unwrap().to_owned()),
            );
            if from.is_none() {
                break;
            }
        }
        shown.sort();
        shown.dedup();
        public_ids.sort();
        assert_eq!(shown, public_ids);
        let wrong = store.run(&["list", "--from", "nowhere"]).await;
        assert_eq!((wrong.code, &*wrong.stdout), (Some(3), ""));
    }
}

#[tokio::test]
async fn one_is_shown_with_its_values_on_request() {
    for store in Store::both().await {
        let (free, bound) = (
            store.add(None, Duration::ZERO).await,
            store.log_in("ann").await,
        );
        for (public_id, principal) in [(free, None), (bound, Some("ann"))] {
            let details = &store.json(&["show", &public_id]).await[0];
            assert_eq!(details["principal"].as_str(), principal);
            let fields = serde_json::json!([{"name": "cart", "bytes": 13}]);
            assert_eq!(details["fields"], fields);
            let details = &store.json(&["show", &public_id, "--values"]).await[0];
            assert_eq!(details["fields"][0]["value"], "3 \u{1b}[31mapples");
            let text = store.told(&["show", &public_id]).await;
            let is_right = text.contains("cart              13") && !text.contains("apples");
            assert!(is_right, "{text}");
            let text = store.told(&["show", "--values", &public_id]).await;
            assert!(text.contains("3 \\u{1b}[31mapples"), "{text}");
        }
        let missing = store.run(&["show", MISSING]).await;
        let said = format!("sessions: no such session: {MISSING}\n");
        assert_eq!((missing.code, missing.stderr), (Some(1), said));
    }
}

#[tokio::test]
async fn a_wrong_prefix_is_told_from_an_empty_store() {
    // Alone there: a look at a server sees the keys of all.
    let server = RedisServer::start().await;
    let empty = Store::at(server.url(), IdStorage::Plain);
    let ended = empty.run(&["list"]).await;
    let said = "sessions: no sessions\nsessions: the server has no keys at all\n";
    assert_eq!((ended.code, &*ended.stderr), (Some(0), said));

    let elsewhere = Store::at(format!("{}/3", server.url()), IdStorage::Plain);
    elsewhere.log_in("ann").await;
    let ended = empty.run(&["count"]).await;
    assert!(
        ended.stderr.contains("databases with keys: 3 (2 keys)"),
        "{ended:?}"
    );

    let store = Store::at(server.url(), IdStorage::Hashed);
    store.log_in("ann").await;
    let other = Store::at(server.url(), IdStorage::Plain);
    other.add(None, Duration::ZERO).await;
    server
        .ask::<()>("HSET someone:else:with-a-name-that-has-some-forty-three-charactA a b")
        .await;
    for words in [&["list"][..], &["count"], &["revoke", "--all", "--yes"]] {
        let ended = empty.run(words).await;
        assert_eq!(ended.code, Some(0));
        for said in [
            "no sessions\n",
            &format!("{} (1 key, hashed ids)", store.prefix()),
            &format!("{} (1 key, plain ids)", other.prefix()),
        ] {
            assert!(ended.stderr.contains(said), "{said}: {ended:?}");
        }
        assert!(!ended.stderr.contains("someone"), "{ended:?}");
    }
    // Of those, each seems to have a prefix of its own.
    let fill = "EVAL for i=1,3000 do local s=redis.sha1hex(i) \
                redis.call('HSET','cache:'..s..s:sub(1,24),'a','b') end 0";
    // A script is one word.
    let fill = fill.replace(' ', "\n").replacen('\n', " ", 1);
    let fill = fill.strip_suffix("\n0").unwrap();
    server.ask::<()>(&format!("{fill} 0")).await;
    for place in [&other, &empty] {
        let ended = place.run(&["doctor", "--json"]).await;
        let said = format!("{} (1 key, hashed ids)", store.prefix());
        assert!(ended.stdout.contains(&said), "{ended:?}");
        assert!(!ended.stdout.contains("cache:"), "{ended:?}");
    }
    let found = other.run(&["doctor"]).await.stdout;
    assert!(found.contains("keys: 1 of all"), "{found}");
    let plain = store.with("SESSION_ID_STORAGE", "plain");
    let ended = plain.run(&["count"]).await;
    let said = "--id-storage hashed finds them";
    assert!(ended.stderr.contains(said), "{ended:?}");
}

#[tokio::test]
async fn counts_are_watched() {
    let store = Store::new().await;
    store.log_in("ann").await;
    store.add(None, Duration::ZERO).await;
    let words = ["watch", "--every", "1ms", "--times", "3"];
    for count in store.json(&words).await {
        let facts = (&count["sessions"], &count["bound"], &count["change"]);
        assert_eq!(facts, (&2.into(), &1.into(), &0.into()));
    }
    let text = store.told(&words).await;
    assert_eq!(text.lines().count(), 3);
    assert!(text.ends_with("  2 sessions, 1 bound, +0\n"), "{text}");
}

/// Not at the most talkative level of any crate, either; nor by a look at keys of others.
#[tokio::test]
async fn no_id_is_ever_written() {
    let [server, cluster] = Store::both().await;
    let mut stores = vec![server, cluster];
    if cfg!(feature = "fred") {
        let url = shared().await.url().replacen("://", "+fred://", 1);
        stores.push(Store::at(url, IdStorage::Plain));
    }
    for store in stores {
        let public_id = store.log_in("ann").await;
        let other = store.add(None, Duration::ZERO).await;
        for words in [
            &["list"][..],
            &["show", &public_id, "--values"],
            &["doctor"],
            &["count", "--prefix", "wrong:"],
            &["revoke", &other],
            &["revoke", "--all", "--yes"],
        ] {
            let mut command = store.command(words);
            command.env("RUST_LOG", "trace");
            let ended = Ended::of(command).await;
            assert!(
                ended.stderr.contains("session_redis"),
                "{words:?}: {ended:?}"
            );
            store.assert_shows_no_secret(&ended.stdout);
            store.assert_shows_no_secret(&ended.stderr);
        }
    }
}

/// Who has seen enough may end: quietly.
#[tokio::test]
async fn a_closed_pipe_ends_it() {
    let store = Store::new().await;
    let mut revoke = vec!["revoke".to_owned()];
    for name in ["ann", "bob"] {
        revoke.push(store.log_in(name).await);
    }
    let revoke: Vec<_> = revoke.iter().map(String::as_str).collect();
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["watch", "--every", "1ms"],
        &["doctor"],
        // What is to be revoked is revoked all the same.
        &revoke,
    ] {
        let mut command = store.command(words);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let ended = (output.status.code(), output.stderr);
        assert_eq!(ended, (Some(0), vec![]), "{words:?}");
    }
    let Ended { stdout, .. } = store.run(&["count"]).await;
    assert_eq!(stdout, "0\n");
}

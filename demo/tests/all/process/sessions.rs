//! The command that looks at all sessions and ends any of them, beside a server that uses them.

use std::fs::OpenOptions;
use std::process::Stdio;

use serde_json::Value;
use session_redis_test::{shared_cluster, unique_prefix};
use session_store::PublicId;

use crate::support::{Backend, Ended, Store};

/// The public id of no session, such as a shell would hand it over.
const MISSING: &str = "-AAAAAAAAAAAAAAA";

const EVERY_COMMAND: [&[&str]; 3] = [&["list"], &["count"], &["revoke", MISSING]];

/// The sessions as `list --json` shows them.
async fn listed(store: &Store, words: &[&str]) -> Vec<Value> {
    let text = store.told(&[&["list", "--json"], words].concat()).await;
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The public id of this user's one session.
async fn public_id_of(store: &Store, name: &str) -> String {
    let found = listed(store, &["--principal", name]).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]["handle"].as_str().unwrap().to_owned()
}

/// Through each client; on a server and on a cluster; with plain and with hashed ids.
async fn stores() -> [Store; 2] {
    let server = Store::new(Backend::RedisRs).await;
    let cluster = Store::on_cluster(Backend::Fred).await;
    [server, cluster.with(&["--hash-ids"])]
}

#[tokio::test]
async fn users_are_shown_by_their_names() {
    for store in stores().await {
        for words in [&["list"][..], &["list", "--json"]] {
            let Ended {
                code,
                stdout,
                stderr,
            } = store.sessions(words).await;
            let told = (code, &*stdout, &*stderr);
            assert_eq!(told, (Some(0), "", "demo: no sessions\n"));
        }
        let demo = store.serve().await;
        let mut shown = Vec::new();
        for (name, ttl) in [("Ann", 600), ("ann", 700), ("Ann", 900)] {
            let visitor = demo.visitor();
            let answer = visitor.log_in(name, &ttl.to_string()).await;
            let list = visitor.list().await;
            let own = list.into_iter().find(|session| session["current"] == true);
            shown.push((own.unwrap()["handle"].clone(), name, ttl, answer));
        }
        assert_eq!(store.told(&["count"]).await, "3\n");
        let found = listed(&store, &["--page-size", "2"]).await;
        assert_eq!(found.len(), 3);
        for (public_id, name, ttl, answer) in &shown {
            let session = found.iter().find(|found| found["handle"] == *public_id);
            let session = session.unwrap();
            assert_eq!(session["principal"], *name);
            assert_eq!(session["ttl_seconds"], *ttl);
            let remaining = session["remaining_seconds"].as_i64().unwrap();
            assert!((ttl - 60..=*ttl).contains(&remaining), "{session}");
            assert_eq!(session["created_at"], answer.field("created_at"));
            // Twelve hours from the log-in.
            assert!(session["deadline"].as_str() > session["created_at"].as_str());
        }
        assert_eq!(listed(&store, &["--principal", "Ann"]).await.len(), 2);
        // The table has the same, below a heading.
        let table = store.told(&["list"]).await;
        assert_eq!(table.lines().count(), 4, "{table}");
        assert!(table.starts_with("HANDLE  "), "{table}");
        for (public_id, name, ..) in &shown {
            let row = format!("\n{}  {name} ", public_id.as_str().unwrap());
            assert!(table.contains(&row), "{table}");
        }
    }
}

#[tokio::test]
async fn several_are_revoked_and_what_is_missing_is_said() {
    for store in stores().await {
        let demo = store.serve().await;
        let (ann, bob, cem) = (demo.visitor(), demo.visitor(), demo.visitor());
        let mut public_ids = Vec::new();
        for (visitor, name) in [(&ann, "Ann"), (&bob, "Bob"), (&cem, "Cem")] {
            visitor.log_in(name, "600").await;
            public_ids.push(public_id_of(&store, name).await);
        }
        let [first, second, third] = [0, 1, 2].map(|index| &*public_ids[index]);
        // Named twice, it would not be there the second time.
        let words = ["revoke", first, first, MISSING, second];
        let ended = store.sessions(&words).await;
        assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
        let told = format!("revoked {first}\nno such session: {MISSING}\nrevoked {second}\n");
        assert_eq!(ended.stdout, told);
        assert_eq!(store.told(&["count"]).await, "1\n");
        let told = store.told(&["revoke", third]).await;
        assert_eq!(told, format!("revoked {third}\n"));

        for visitor in [&ann, &bob, &cem] {
            let answer = visitor.post("/increment", &[]).await;
            answer.assert_error(401, "Session expired");
        }
        // Nor is it in its user's list any more.
        ann.log_in("Ann", "600").await;
        assert_eq!(ann.list().await.len(), 1);
    }
}

/// Not at the most talkative level of any crate, either.
#[tokio::test]
async fn no_id_is_ever_written() {
    // Names of hosts are looked up, which is logged.
    let [server, cluster] = stores().await;
    let by_name = ["--redis-host", "localhost"];
    let redis_rs = Store::new(Backend::RedisRs).await.with(&by_name);
    let fred = Store::new(Backend::Fred).await.with(&by_name);
    for store in [server, cluster, redis_rs, fred] {
        let demo = store.serve().await;
        let visitors = ["Ann", "Bob", "Cem"].map(|name| (name, demo.visitor()));
        for (name, visitor) in &visitors {
            visitor.log_in(name, "600").await;
        }
        let anns = public_id_of(&store, "Ann").await;
        for words in [
            &["list"][..],
            &["list", "--json", "--principal", "Ann"],
            &["count"],
            &["revoke", &anns, MISSING],
        ] {
            let mut command = store.command(&[&["sessions"], words].concat());
            command.env("RUST_LOG", "trace");
            let Ended { stdout, stderr, .. } = Ended::of(command).await;
            let is_logged = stderr.contains("a page");
            assert_eq!(is_logged, words[0] == "list", "{words:?}: {stderr}");
            for (_, visitor) in &visitors {
                // Nor the most of one. (A hashed key shows three characters.)
                let part = &visitor.cookie().unwrap()[..PublicId::LEN];
                for text in [&stdout, &stderr] {
                    let line = text.lines().find(|line| line.contains(part));
                    assert_eq!(line, None, "{words:?}");
                }
            }
        }
    }
}

/// A store in use goes over from plain ids to hashed ones.
#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids() {
    let store = Store::new(Backend::Fred).await;
    let form = |form| store.with(&["--id-storage", form]);
    let mut users = Vec::new();
    for step in ["plain", "plain-before-hashed", "hashed-after-plain"] {
        let demo = form(step).serve().await;
        let visitor = demo.visitor();
        visitor.log_in(step, "600").await;
        users.push((step, visitor.cookie().unwrap()));
        for (name, cookie) in &users {
            let visitor = demo.visitor().with_cookie(cookie);
            let answer = visitor.post("/increment", &[]).await;
            assert_eq!(answer.field("username"), *name);
            assert_eq!(visitor.cookie().as_ref(), Some(cookie));
            assert_eq!(visitor.list().await.len(), 1, "{name}");
        }
        let count = format!("{}\n", users.len());
        assert_eq!(form(step).told(&["count"]).await, count, "{step}");
    }
    // The last step is due when the last plain session has ended, which `count` tells.
    for (name, count) in [("plain", "2\n"), ("plain-before-hashed", "1\n")] {
        assert_eq!(form("plain").told(&["count"]).await, count);
        let store = form("hashed-after-plain");
        let public_id = public_id_of(&store, name).await;
        store.told(&["revoke", &public_id]).await;
    }
    assert_eq!(form("plain").told(&["count"]).await, "0\n");
    let demo = form("hashed").serve().await;
    assert!(demo.visitor().with_cookie(&users[2].1).is_logged_in().await);
    assert_eq!(form("hashed").told(&["count"]).await, "1\n");
}

/// Who has seen enough may go; what is to be revoked is revoked all the same.
#[tokio::test]
async fn nobody_reading_does_not_keep_sessions_alive() {
    let store = Store::new(Backend::RedisRs).await;
    let demo = store.serve().await;
    let mut revoke = vec!["revoke".to_owned()];
    for name in ["Ann", "Bob", "Cem"] {
        demo.visitor().log_in(name, "600").await;
        revoke.push(public_id_of(&store, name).await);
    }
    let revoke: Vec<_> = revoke.iter().map(String::as_str).collect();
    for words in [
        &["list", "--page-size", "1"][..],
        &["list", "--json"],
        &revoke,
    ] {
        let mut command = store.command(&[&["sessions"], words].concat());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    }
    assert_eq!(store.told(&["count"]).await, "0\n");
}

#[tokio::test]
async fn what_keeps_the_command_from_its_work_is_said() {
    let nowhere = |backend| Store::at(backend, ([127, 0, 0, 1], 1).into());
    let in_memory = Store::new(Backend::Memory).await;
    for words in EVERY_COMMAND {
        let in_memory = in_memory.sessions(words).await;
        let redis_rs = nowhere(Backend::RedisRs).sessions(words).await;
        let fred = nowhere(Backend::Fred).sessions(words).await;
        for (ended, code, said) in [
            (in_memory, 2, ["--backend redis-rs", "Log out everywhere"]),
            (redis_rs, 3, ["store is unavailable", "--redis-port"]),
            (fred, 3, ["store is unavailable", "--redis-port"]),
        ] {
            assert_eq!((ended.code, &*ended.stdout), (Some(code), ""));
            let text = ended.stderr;
            let is_line = text.starts_with("demo: ") && text.lines().count() == 1;
            assert!(
                is_line && said.iter().all(|said| text.contains(said)),
                "{text}"
            );
        }
    }
    // An answer that cannot be written is not taken for one that was.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let store = Store::new(Backend::RedisRs).await;
    let mut command = store.command(&["sessions", "count"]);
    command.stdout(full).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot write the output"), "{said}");
}

/// The sessions of one node are not reported as those of the whole store.
#[tokio::test]
async fn a_node_of_a_cluster_is_not_taken_for_the_store() {
    let (cluster, prefix) = (shared_cluster().await, unique_prefix());
    let prefix = ["--prefix", &prefix];
    for backend in Backend::REDIS {
        let whole = Store::at_url(backend, &cluster.url()).with(&prefix);
        let demo = whole.serve().await;
        // So many that every node has some of them.
        for user in 0..24 {
            demo.visitor().log_in(&format!("user{user}"), "600").await;
        }
        for node in cluster.nodes() {
            let alone = Store::at(backend, node.addr()).with(&prefix);
            let ended = alone.sessions(&["count"]).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
        }
    }
}

//! `sessions list` and `sessions count`.

use std::collections::HashSet;

use serde_json::Value;
use session_redis_test::RedisServer;
use session_store::{PublicId, SessionId};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::{listed, on_every_store};
use crate::support::{Backend, Ended, Store, Visitor, within};

on_every_store! {
    users_are_shown_by_their_names
    many_pages_show_each_session_once
    an_empty_store_shows_nothing
    a_name_does_nothing_to_a_terminal
}

/// The public id of the visitor's own session, as its server tells it.
async fn own_public_id(visitor: &Visitor) -> String {
    let list = visitor.get("/sessions").await.json();
    let mut sessions = list["sessions"].as_array().unwrap().iter();
    let own = sessions.find(|session| session["current"] == true);
    own.unwrap()["handle"].as_str().unwrap().to_owned()
}

async fn users_are_shown_by_their_names(store: Store) {
    let demo = store.serve().await;
    let mut shown = Vec::new();
    for (name, ttl) in [("Ann", "600"), ("Bob", "700"), ("Ann", "900")] {
        let visitor = demo.visitor();
        let answer = visitor.log_in(name, ttl).await;
        shown.push((own_public_id(&visitor).await, name, ttl, answer));
    }
    assert_eq!(store.told(&["count"]).await, "3\n");

    let found = listed(&store, &[]).await;
    assert_eq!(found.len(), 3);
    for (public_id, name, ttl, answer) in &shown {
        let session = found
            .iter()
            .find(|session| session["handle"] == **public_id);
        let session = session.unwrap();
        assert_eq!(session["principal"], *name);
        assert_eq!(session["ttl_seconds"].to_string(), *ttl);
        let remaining = session["remaining_seconds"].as_u64().unwrap();
        let ttl: u64 = ttl.parse().unwrap();
        assert!((ttl - 60..=ttl).contains(&remaining), "{session}");
        assert_eq!(session["created_at"], answer.field("created_at"));
        // Twelve hours from the log-in, to the second.
        let deadline = session["deadline"].as_str().unwrap();
        assert!(
            deadline.len() == 25 && deadline.ends_with("+00:00"),
            "{session}"
        );
        assert!(
            deadline > session["created_at"].as_str().unwrap(),
            "{session}"
        );
    }
    assert_eq!(listed(&store, &["--principal", "Ann"]).await.len(), 2);
    assert_eq!(listed(&store, &["--principal", "Bob"]).await.len(), 1);

    // The table has the same, below a heading.
    let table = store.told(&["list"]).await;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("HANDLE  ") && lines[0].ends_with("DEADLINE"));
    for (public_id, name, ..) in &shown {
        let row = format!("{public_id}  {name} ");
        assert!(lines.iter().any(|line| line.starts_with(&row)), "{table}");
    }
    let ended = store.sessions(&["list", "--principal", "Eve"]).await;
    let told = (ended.code, &*ended.stdout, &*ended.stderr);
    assert_eq!(told, (Some(0), "", "demo: no sessions\n"));
    // Looking was no use of any of them.
    for session in listed(&store, &[]).await {
        assert_eq!(
            found
                .iter()
                .filter(|before| before["handle"] == session["handle"])
                .count(),
            1
        );
        let before = found
            .iter()
            .find(|before| before["handle"] == session["handle"]);
        assert_eq!(
            session["last_accessed_at"],
            before.unwrap()["last_accessed_at"]
        );
    }
}

async fn many_pages_show_each_session_once(store: Store) {
    const MANY: usize = 300;
    let demo = store.serve().await;
    let mut public_ids = HashSet::new();
    for number in 0..MANY {
        demo.visitor().log_in(&format!("user{number}"), "600").await;
    }
    assert_eq!(store.told(&["count"]).await, format!("{MANY}\n"));
    for session in listed(&store, &["--page-size", "7"]).await {
        assert!(public_ids.insert(session["handle"].as_str().unwrap().to_owned()));
    }
    assert_eq!(public_ids.len(), MANY);
    let table = store.told(&["list", "--page-size", "7"]).await;
    let shown: HashSet<_> = table
        .lines()
        .skip(1)
        .map(|line| line[..22].to_owned())
        .collect();
    assert_eq!((table.lines().count(), shown), (MANY + 1, public_ids));

    // Who has seen enough may go; what is left to write is dropped.
    for words in [&["list"][..], &["list", "--json"]] {
        let mut child = store
            .command(&[words, &["--page-size", "1"]].concat())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        within("a line", lines.next_line()).await.unwrap().unwrap();
        drop(lines);
        let status = within("the command to end", child.wait()).await.unwrap();
        let (mut stderr, mut said) = (String::new(), child.stderr.take().unwrap());
        said.read_to_string(&mut stderr).await.unwrap();
        assert_eq!((status.code(), &*stderr), (Some(0), ""));
    }
}

async fn an_empty_store_shows_nothing(store: Store) {
    for words in [&["list"][..], &["list", "--json"]] {
        let Ended {
            code,
            stdout,
            stderr,
        } = store.sessions(words).await;
        let told = (code, &*stdout, &*stderr);
        assert_eq!(told, (Some(0), "", "demo: no sessions\n"));
    }
    assert_eq!(store.told(&["count"]).await, "0\n");
}

async fn a_name_does_nothing_to_a_terminal(store: Store) {
    let name = "Eve\u{1b}[2J\u{1b}]0;owned\u{7}\r\nAAAAAAAAAAAAAAAAAAAAAA  admin\u{9b}1m\u{202e}";
    let demo = store.serve().await;
    demo.visitor().log_in(name, "600").await;
    let table = store.told(&["list"]).await;
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(
        table.contains(r"Eve\u{1b}[2J\u{1b}]0;owned\u{7}\r\nAAAA"),
        "{table}"
    );
    let json = store.told(&["list", "--json"]).await;
    let parsed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed["principal"], name);
    for told in [
        table,
        json,
        store.told(&["list", "--principal", name]).await,
    ] {
        let harmless = |c: char| c == '\n' || (' '..='~').contains(&c);
        assert!(told.chars().all(harmless), "{told:?}");
    }
}

/// What another program wrote, which is bound to nobody, has no expiry and no timestamps that are
/// any.
#[tokio::test]
async fn a_session_of_another_program_is_shown() {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    let id = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
    let public_id = PublicId::of_unbound(&SessionId::parse(id).unwrap()).to_string();
    let mut plant = redis::cmd("HSET");
    plant
        .arg(format!("session:{id}"))
        .arg(&[("created_at", "\u{1b}c"), ("last_accessed_at", "")])
        .arg(&[("session_ttl", "15")]);
    for backend in Backend::REDIS {
        let () = plant.query_async(&mut connection).await.unwrap();
        let store = Store::at(backend, &server);
        let table = store.told(&["list"]).await;
        let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        let facts = ["-", r"\u{1b}c", "no", "expiry", "15s", "-"];
        assert_eq!(row[1..], facts, "{table}");
        let found = listed(&store, &[]).await;
        for name in ["principal", "remaining_seconds", "deadline"] {
            assert_eq!(found[0][name], Value::Null, "{name}");
        }
        // Its visitor sees it under the public id that operators see, and can end it by that.
        assert_eq!(found[0]["handle"], public_id);
        let demo = store.serve().await;
        let visitor = Visitor::with_cookie(demo.server(), id);
        let own = visitor.get("/sessions").await.json()["sessions"].clone();
        assert_eq!(own.as_array().map(Vec::len), Some(1), "{own}");
        assert_eq!(own[0]["handle"], public_id);
        assert_eq!(own[0]["current"], true);
        let form = [("handle", &*public_id)];
        let revoked = visitor.post("/sessions/revoke", &form).await;
        assert_eq!(revoked.json()["revoked"], true);
        assert_eq!(store.told(&["count"]).await, "0\n");
        // An operator's command ends it as well.
        let () = plant.query_async(&mut connection).await.unwrap();
        let told = store.told(&["revoke", &public_id]).await;
        assert_eq!(told, format!("revoked {public_id}\n"));
    }
}

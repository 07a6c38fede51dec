//! What must not be written.

use super::{listed, on_every_store};
use crate::support::{Backend, Ended, Store};

on_every_store! {
    no_id_is_ever_written
}

/// Not at the most talkative level of any crate, either.
async fn no_id_is_ever_written(store: Store) {
    let demo = store.serve().await;
    let mut ids = Vec::new();
    for name in ["Ann", "Bob", "Cem"] {
        let visitor = demo.visitor();
        visitor.log_in(name, "600").await;
        ids.extend(visitor.cookie());
    }
    let found = listed(&store, &[]).await;
    let public_ids: Vec<_> = found
        .iter()
        .map(|session| session["handle"].as_str().unwrap())
        .collect();
    for words in [
        &["list"][..],
        &["list", "--json", "--principal", "Ann"],
        &["count"],
        &["revoke", public_ids[0], public_ids[1]],
        &["revoke", public_ids[0]],
        &["list"],
    ] {
        writes_none(&store, words, &ids).await;
    }
    assert_eq!(store.told(&["count"]).await, "1\n");
}

async fn writes_none(store: &Store, words: &[&str], ids: &[String]) {
    let mut command = store.command(words);
    command.env("RUST_LOG", "trace");
    let Ended { stdout, stderr, .. } = Ended::of(command).await;
    let is_logged = stderr.contains("a page");
    assert_eq!(is_logged, words[0] == "list", "{words:?}: {stderr}");
    for id in ids {
        // Nor the most of one. (A hashed key shows three characters.)
        let part = &id[..22];
        assert!(!stdout.contains(part), "{words:?}: {stdout}");
        let line = stderr.lines().find(|line| line.contains(part));
        assert_eq!(line, None, "{words:?}");
    }
}

#[tokio::test]
async fn no_id_is_written_when_a_host_name_is_resolved() {
    for backend in Backend::REDIS {
        let store = Store::new(backend).await;
        let demo = store.serve().await;
        let visitor = demo.visitor();
        visitor.log_in("Ann", "600").await;
        let id = visitor.cookie().unwrap();
        writes_none(&store, &["list", "--redis-host", "localhost"], &[id]).await;
    }
}

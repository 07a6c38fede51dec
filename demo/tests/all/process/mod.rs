//! The program: its flags, its start and end, a store that is away, a Redis Cluster; the command
//! for operators.

mod cluster;
mod flags;
mod formats;
mod life;
mod sessions;

use serde_json::Value;

use crate::support::Store;

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

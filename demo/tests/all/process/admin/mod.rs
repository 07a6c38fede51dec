//! The command that looks at all sessions and ends any of them, beside a server that uses them.

mod failures;
mod formats;
mod list;
mod revoke;
mod secrets;

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

/// Runs scenarios, which are functions of a store, through each client, on a server and on a
/// cluster, with plain and with hashed ids.
macro_rules! on_every_store {
    ($($scenario:ident)*) => {
        $crate::process::admin::on_store!(redis_rs_plain new RedisRs "plain" $($scenario)*);
        $crate::process::admin::on_store!(redis_rs_hashed new RedisRs "hashed" $($scenario)*);
        $crate::process::admin::on_store!(fred_plain new Fred "plain" $($scenario)*);
        $crate::process::admin::on_store!(fred_hashed new Fred "hashed" $($scenario)*);
        $crate::process::admin::on_store!(
            redis_rs_plain_on_cluster on_cluster RedisRs "plain" $($scenario)*
        );
        $crate::process::admin::on_store!(
            redis_rs_hashed_on_cluster on_cluster RedisRs "hashed" $($scenario)*
        );
        $crate::process::admin::on_store!(
            fred_plain_on_cluster on_cluster Fred "plain" $($scenario)*
        );
        $crate::process::admin::on_store!(
            fred_hashed_on_cluster on_cluster Fred "hashed" $($scenario)*
        );
    };
}
use on_every_store;

macro_rules! on_store {
    ($name:ident $on:ident $backend:ident $form:literal $($scenario:ident)*) => {
        mod $name {
            $(#[tokio::test]
            async fn $scenario() {
                use crate::support::{Backend, Store};
                let store = Store::$on(Backend::$backend).await;
                super::$scenario(store.with(&["--id-storage", $form])).await;
            })*
        }
    };
}
use on_store;

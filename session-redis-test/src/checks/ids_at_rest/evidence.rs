//! All that somebody sees who can look into a server, but not into its clients.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use redis::Value;

use crate::{Monitor, RedisServer};

/// Texts by where they were found: the pieces that one source is made of.
pub(super) type Evidence = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// What there is to see on these servers, and was since the monitors started.
pub(super) async fn collect(servers: &[RedisServer], monitors: Vec<Monitor>) -> Evidence {
    let mut evidence = Evidence::new();
    let mut add = |source, texts: Vec<Vec<u8>>| evidence.entry(source).or_default().extend(texts);
    for mut monitor in monitors {
        for command in monitor.take().await {
            add("MONITOR", vec![command.source.into_bytes()]);
            add("MONITOR", command.args);
        }
    }
    for server in servers {
        add("SLOWLOG", strings(server.ask("SLOWLOG GET 1000000").await));
        for question in ["INFO everything", "CLIENT LIST"] {
            add("INFO and CLIENT LIST", vec![server.ask(question).await]);
        }
        let keys: Vec<Vec<u8>> = server.ask("KEYS *").await;
        for key in keys.iter().map(|key| String::from_utf8_lossy(key)) {
            if server.ask::<String>(&format!("TYPE {key}")).await == "zset" {
                add(
                    "index entries",
                    server.ask(&format!("ZRANGE {key} 0 -1")).await,
                );
            }
        }
        add("key names", keys);
        server.ask::<()>("SAVE").await;
        let directory = server.directory();
        add("dump", vec![read(&directory.join("dump.rdb"))]);
        for file in fs::read_dir(directory.join("appendonlydir")).expect("the AOF's directory") {
            add("AOF", vec![read(&file.expect("a file of the AOF").path())]);
        }
        add("log", vec![read(&directory.join("server.log"))]);
    }
    evidence
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The strings of a reply, however deep.
fn strings(value: Value) -> Vec<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => vec![bytes],
        Value::SimpleString(text) => vec![text.into_bytes()],
        Value::Array(values) => values.into_iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

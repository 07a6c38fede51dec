//! All that somebody sees who can look into a server, but not into its clients.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Value, cmd};

use crate::{Monitor, RedisServer, RedisServerBuilder};

/// More than a check executes.
const SLOWLOG: &str = "1000000";

/// Texts by where they were found: the pieces that one source is made of.
#[derive(Default)]
pub(super) struct Evidence(BTreeMap<&'static str, Vec<Vec<u8>>>);

impl Evidence {
    pub(super) fn sources(&self) -> impl Iterator<Item = (&'static str, &[Vec<u8>])> {
        self.0.iter().map(|(name, texts)| (*name, &**texts))
    }

    pub(super) fn of(&self, source: &str) -> &[Vec<u8>] {
        self.0.get(source).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, source: &'static str, texts: impl IntoIterator<Item = Vec<u8>>) {
        self.0.entry(source).or_default().extend(texts);
    }
}

/// Settings with which a server writes down all that it does, in plain bytes.
pub(in crate::checks) fn telling_all(settings: RedisServerBuilder) -> RedisServerBuilder {
    settings
        .arg("appendonly", "yes")
        .arg("appendfsync", "always")
        .arg("aof-use-rdb-preamble", "no")
        .arg("rdbcompression", "no")
        .arg("slowlog-log-slower-than", "0")
        .arg("slowlog-max-len", SLOWLOG)
}

/// Servers that are watched; one, or the nodes of a cluster.
pub(super) struct Watch<'a> {
    servers: &'a [RedisServer],
    monitors: Vec<Monitor>,
}

impl<'a> Watch<'a> {
    pub(super) async fn begin(servers: &'a [RedisServer]) -> Self {
        let mut monitors = Vec::new();
        for server in servers {
            monitors.push(Monitor::start(server).await);
        }
        Self { servers, monitors }
    }

    /// What there is to see by now.
    pub(super) async fn end(mut self) -> Evidence {
        let mut evidence = Evidence::default();
        for monitor in &mut self.monitors {
            for command in monitor.take().await {
                evidence.add("MONITOR", [command.source.into_bytes()]);
                evidence.add("MONITOR", command.raw_args);
            }
        }
        for server in self.servers {
            look_into(server, &mut evidence).await;
        }
        evidence
    }
}

async fn look_into(server: &RedisServer, evidence: &mut Evidence) {
    let admin = &mut server.connection().await;
    let log: Value = ask(admin, cmd("SLOWLOG").arg("GET").arg(SLOWLOG)).await;
    evidence.add("SLOWLOG", strings(log));
    for question in [cmd("INFO").arg("everything"), cmd("CLIENT").arg("LIST")] {
        let text: Vec<u8> = ask(admin, question).await;
        evidence.add("INFO and CLIENT LIST", [text]);
    }
    let keys: Vec<Vec<u8>> = ask(admin, cmd("KEYS").arg("*")).await;
    for key in &keys {
        let kind: String = ask(admin, cmd("TYPE").arg(key)).await;
        if kind == "zset" {
            let members: Vec<Vec<u8>> = ask(admin, cmd("ZRANGE").arg(key).arg(0).arg(-1)).await;
            evidence.add("index members", members);
        }
    }
    evidence.add("key names", keys);
    let () = ask(admin, &cmd("SAVE")).await;
    let directory = server.directory();
    evidence.add("dump", [read(&directory.join("dump.rdb"))]);
    for file in fs::read_dir(directory.join("appendonlydir")).expect("the AOF's directory") {
        evidence.add("AOF", [read(&file.expect("a file of the AOF").path())]);
    }
    evidence.add("log", [read(&directory.join("server.log"))]);
}

async fn ask<T: FromRedisValue>(admin: &mut MultiplexedConnection, question: &Cmd) -> T {
    let answer = question.query_async(admin).await;
    answer.unwrap_or_else(|error| panic!("the server does not tell: {error}"))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The strings of an answer, however deep.
fn strings(value: Value) -> Vec<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => vec![bytes],
        Value::SimpleString(text) => vec![text.into_bytes()],
        Value::Array(values) => values.into_iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

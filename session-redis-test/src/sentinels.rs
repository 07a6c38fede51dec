//! A primary, its replicas, and the sentinels that watch them.

use std::time::Duration;

use crate::connect::{info_field, until};
use crate::{RedisServer, RedisServerBuilder};

/// The name of the service that the sentinels watch.
pub const SERVICE: &str = "sessions";
/// How long a server is silent before a sentinel takes it for down.
pub const DOWN_AFTER: Duration = Duration::from_secs(1);
/// How long it may take until all know each other: sentinels hear of each other by messages that
/// each sends every two seconds.
const LIMIT: Duration = Duration::from_secs(30);

/// Three sentinels that watch a primary with two replicas.
#[derive(Debug)]
pub struct Sentinels {
    /// The primary first, as long as nothing has failed over.
    pub servers: Vec<RedisServer>,
    /// The sentinels.
    pub sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts all and waits until they know each other, and the replicas follow.
    pub async fn start() -> Self {
        Self::start_with(RedisServer::builder()).await
    }

    /// The same with sentinels that have these settings as well.
    pub async fn start_with(sentinel: RedisServerBuilder) -> Self {
        let server = || RedisServer::builder().arg("repl-diskless-sync-delay", "0");
        let primary = server().start().await;
        let port = primary.port();
        let mut servers = vec![primary];
        for _ in 0..2 {
            let replica = server().config_line(format!("replicaof 127.0.0.1 {port}"));
            servers.push(replica.start().await);
        }
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            let down_after = DOWN_AFTER.as_millis();
            let sentinel = sentinel
                .clone()
                .sentinel()
                .config_line(format!("sentinel monitor {SERVICE} 127.0.0.1 {port} 2"))
                .config_line(format!(
                    "sentinel down-after-milliseconds {SERVICE} {down_after}"
                ))
                .config_line(format!("sentinel failover-timeout {SERVICE} 6000"));
            sentinels.push(sentinel.start().await);
        }
        let all = Self { servers, sentinels };
        all.wait_until_ready().await;
        all
    }

    async fn wait_until_ready(&self) {
        for replica in self.servers.iter().skip(1) {
            until("a replica follows", LIMIT, async || {
                let info: String = replica.ask("INFO replication").await;
                match info_field(&info, "master_link_status") {
                    Some("up") => Ok(()),
                    _ => Err(info),
                }
            })
            .await;
        }
        for sentinel in &self.sentinels {
            until("the sentinels know each other", LIMIT, async || {
                let known: Vec<String> = sentinel.ask(&format!("SENTINEL MASTER {SERVICE}")).await;
                let is = |name: &str, value: &str| {
                    known.chunks_exact(2).any(|pair| pair == [name, value])
                };
                match is("num-slaves", "2")
                    && is("num-other-sentinels", "2")
                    && is("flags", "master")
                {
                    true => Ok(()),
                    false => Err(known),
                }
            })
            .await;
        }
    }

    /// The URL, which names all sentinels.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self
            .sentinels
            .iter()
            .map(|it| it.addr().to_string())
            .collect();
        let nodes = addresses.join("&node=").replacen('&', "?", 1);
        format!("redis-sentinel://{nodes}&service={SERVICE}")
    }
}

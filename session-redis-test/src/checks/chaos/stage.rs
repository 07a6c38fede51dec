//! The servers of a topology, and the ways to them.

use std::collections::HashMap;
use std::sync::Arc;

use session_redis::hash_slot;

use crate::checks::connections::Changing;
use crate::{Cluster, Proxy, RedisServer, SERVICE, Sentinels};

const USER: &str = "user app on >0 ~* &* +@all";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topology {
    Standalone,
    Cluster,
    Sentinel,
}

pub(super) enum Servers {
    One(RedisServer),
    /// And who holds the slots that have moved.
    Cluster(Cluster, HashMap<u16, usize>),
    /// And which server is the primary.
    Sentinels(Sentinels, usize),
}

pub(super) struct Stage {
    pub(super) servers: Servers,
    /// To each server, but with Sentinel.
    pub(super) ways: Vec<Proxy>,
    pub(super) url: String,
    pub(super) credentials: Arc<Changing>,
    /// How often it was changed: what it is.
    pub(super) password: u32,
}

impl Stage {
    /// Starts the servers: where none takes over from another, those that forget nothing.
    pub(super) async fn start(topology: Topology) -> Self {
        let durable = RedisServer::builder()
            .arg("appendonly", "yes")
            .arg("appendfsync", "always")
            .config_line(USER);
        let (ways, url);
        let servers = match topology {
            Topology::Standalone => {
                let server = durable.start().await;
                let way = Proxy::start(server.addr()).await;
                url = way.url();
                ways = vec![way];
                Servers::One(server)
            }
            Topology::Cluster => {
                let cluster;
                (cluster, ways) = Cluster::start_behind_proxies_with(3, durable).await;
                cluster.serve_in_parts().await;
                let nodes: Vec<_> = ways.iter().map(|it| it.addr().to_string()).collect();
                let nodes = nodes.join("&node=").replacen('&', "?", 1);
                url = format!("redis-cluster://{nodes}");
                Servers::Cluster(cluster, HashMap::new())
            }
            Topology::Sentinel => {
                let all = Sentinels::start().await;
                // On a busy machine no server is silent for so long by itself; and what fails to be
                // agreed on is tried again soon.
                for option in ["down-after-milliseconds 4000", "failover-timeout 3000"] {
                    for sentinel in &all.sentinels {
                        let set = format!("SENTINEL SET {SERVICE} {option}");
                        sentinel.ask::<()>(&set).await;
                    }
                }
                (url, ways) = (all.url(), Vec::new());
                Servers::Sentinels(all, 0)
            }
        };
        let stage = Self {
            servers,
            ways,
            url,
            credentials: Arc::new(Changing::new("0")),
            password: 0,
        };
        stage.set_password().await;
        stage
    }

    /// All servers that have sessions.
    pub(super) fn servers(&self) -> &[RedisServer] {
        match &self.servers {
            Servers::One(server) => std::slice::from_ref(server),
            Servers::Cluster(cluster, _) => cluster.nodes(),
            Servers::Sentinels(all, _) => &all.servers,
        }
    }

    /// Those that are written to.
    pub(super) fn primaries(&self) -> &[RedisServer] {
        match &self.servers {
            Servers::Sentinels(all, primary) => all.servers.get(*primary..=*primary).unwrap_or(&[]),
            _ => self.servers(),
        }
    }

    /// A server by its number.
    pub(super) fn server_mut(&mut self, number: usize) -> &mut RedisServer {
        match &mut self.servers {
            Servers::One(server) => server,
            Servers::Cluster(cluster, _) => cluster.node_mut(number),
            Servers::Sentinels(all, _) => all.servers.get_mut(number).expect("a server"),
        }
    }

    /// Tells each server the password: one that was restarted does not know it.
    pub(super) async fn set_password(&self) {
        let user = USER.replacen("user", "ACL SETUSER", 1);
        let user = user.replace(">0", &format!("resetpass >{}", self.password));
        for server in self.servers() {
            super::failover::said::<()>(server, &user).await;
        }
    }

    /// Moves a slot to another node, while it is used; whence and whither.
    pub(super) async fn reshard(&mut self, key: &[u8], by: usize) {
        let Servers::Cluster(cluster, moved) = &mut self.servers else {
            return;
        };
        let slot = hash_slot(key);
        let from = moved.get(&slot).copied();
        let from = from.unwrap_or_else(|| cluster.owner(slot));
        let to = (from + by) % cluster.nodes().len();
        let a_while = || tokio::time::sleep(std::time::Duration::from_millis(200));
        cluster.begin_move(slot, from, to).await;
        a_while().await;
        let left = format!("CLUSTER COUNTKEYSINSLOT {slot}");
        while cluster.node(from).ask::<usize>(&left).await > 0 {
            cluster.move_keys(slot, from, to).await;
        }
        a_while().await;
        cluster.end_move(slot, to).await;
        moved.insert(slot, to);
    }
}

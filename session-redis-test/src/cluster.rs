//! A Redis Cluster of masters.

mod moves;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};
use tokio::time::{Instant, sleep};

use crate::builder::start_anywhere;
use crate::ports::free_port;
use crate::version::info_field;
use crate::{Proxy, RedisServer, RedisServerBuilder};

/// How many hash slots a cluster has.
const SLOTS: usize = 16_384;
/// After how long without an answer a node calls another one dead. Short, for the sake of tests
/// that kill one, but long enough for a busy machine.
const NODE_TIMEOUT_MS: &str = "2000";
/// How long the nodes may take until they agree. A node waits two seconds of its own accord
/// before it calls a cluster usable.
const LIMIT: Duration = Duration::from_secs(20);
/// How long to wait between two looks at a node.
const POLL: Duration = Duration::from_millis(20);

/// A running Redis Cluster: masters on the loopback interface that share the slots evenly, in
/// the order of their numbers, and have no replicas.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<RedisServer>,
    bus_ports: Vec<u16>,
    /// How many nodes were given slots: the first ones.
    masters: usize,
}

impl Cluster {
    /// Starts a cluster of `masters` masters and waits until every node calls it usable, which
    /// takes a little more than two seconds.
    ///
    /// # Panics
    ///
    /// When a server cannot be started, or the nodes do not come to terms.
    pub async fn start(masters: usize) -> Self {
        Self::start_with(masters, RedisServer::builder()).await
    }

    /// The same, each of whose nodes has these settings as well.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(masters: usize, settings: RedisServerBuilder) -> Self {
        let cluster = Self::of_strangers(masters, &settings).await;
        cluster.assemble().await;
        cluster
    }

    /// Starts a cluster each of whose nodes has clients come through a proxy: the cluster's own answers name
    /// the proxies. A node that is restarted forgets its proxy.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_behind_proxies(masters: usize) -> (Self, Vec<Proxy>) {
        let cluster = Self::of_strangers(masters, &RedisServer::builder()).await;
        let mut proxies = Vec::with_capacity(masters);
        for node in &cluster.nodes {
            let proxy = Proxy::start(node.addr()).await;
            let mut announce = cmd("CONFIG");
            announce.arg("SET").arg("cluster-announce-port");
            announce.arg(proxy.addr().port());
            tell(node, [announce]).await;
            proxies.push(proxy);
        }
        cluster.assemble().await;
        (cluster, proxies)
    }

    /// Nodes that know nothing of each other.
    async fn of_strangers(masters: usize, settings: &RedisServerBuilder) -> Self {
        let mut nodes = Vec::with_capacity(masters);
        let mut bus_ports = Vec::with_capacity(masters);
        for _ in 0..masters {
            let (node, bus_port) = start_node(settings).await;
            nodes.push(node);
            bus_ports.push(bus_port);
        }
        Self {
            nodes,
            bus_ports,
            masters,
        }
    }

    async fn assemble(&self) {
        self.share_out_slots().await;
        self.introduce().await;
        self.wait_until_usable().await;
    }

    /// The nodes' URLs.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The cluster's URL, which names all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let mut nodes = self.nodes.iter().map(|node| node.addr().to_string());
        let first = nodes.next().unwrap_or_default();
        let others: Vec<_> = nodes.map(|node| format!("node={node}")).collect();
        format!("redis-cluster://{first}?{}", others.join("&"))
    }

    /// The number of the node that holds a slot, as long as no slot was moved.
    #[must_use]
    pub fn owner(&self, slot: u16) -> usize {
        // Node number n holds the slots from SLOTS * n / count on.
        ((usize::from(slot) + 1) * self.masters - 1) / SLOTS
    }

    /// The nodes, in the order of the slots they hold.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Node number `index`.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn node(&self, index: usize) -> &RedisServer {
        self.nodes.get(index).expect("a node of the cluster")
    }

    /// Node number `index`, to kill, stop or restart it.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn node_mut(&mut self, index: usize) -> &mut RedisServer {
        self.nodes.get_mut(index).expect("a node of the cluster")
    }

    /// Waits until every node calls the cluster usable, such as after a restart of one.
    ///
    /// # Panics
    ///
    /// When they do not within twenty seconds.
    pub async fn wait_until_usable(&self) {
        let deadline = Instant::now() + LIMIT;
        for node in &self.nodes {
            let mut connection = node.connection().await;
            loop {
                let info = cluster_info(&mut connection).await;
                if is_usable(&info, self.nodes.len()) {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "{} does not call the cluster usable within {LIMIT:?}:\n{info}",
                    node.url(),
                );
                sleep(POLL).await;
            }
        }
    }

    /// Gives every node its slots, and an epoch of its own, so that the nodes need not settle on
    /// who has which. They take an epoch only as long as they know no other node.
    async fn share_out_slots(&self) {
        let count = self.masters;
        for (index, node) in self.nodes.iter().enumerate() {
            let first = SLOTS * index / count;
            let last = SLOTS * (index + 1) / count - 1;
            let mut slots = cmd("CLUSTER");
            slots.arg("ADDSLOTSRANGE").arg(first).arg(last);
            let mut epoch = cmd("CLUSTER");
            epoch.arg("SET-CONFIG-EPOCH").arg(index + 1);
            tell(node, [slots, epoch]).await;
        }
    }

    /// Makes every node meet every other. One chain of meetings would do, but take longer to
    /// get about.
    async fn introduce(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let others = self.nodes.iter().zip(&self.bus_ports).skip(index + 1);
            let meetings = others.map(|(other, bus_port)| meet(other, *bus_port));
            tell(node, meetings).await;
        }
    }
}

/// Starts a node that knows of no other; with the port on which the nodes talk to it.
async fn start_node(settings: &RedisServerBuilder) -> (RedisServer, u16) {
    let mut bus_port = 0;
    let node = start_anywhere(|| {
        bus_port = free_port();
        settings
            .clone()
            .arg("cluster-enabled", "yes")
            .arg("cluster-port", bus_port.to_string())
            .arg("cluster-node-timeout", NODE_TIMEOUT_MS)
    })
    .await;
    (node, bus_port)
}

fn meet(other: &RedisServer, bus_port: u16) -> Cmd {
    let addr = other.addr();
    let mut meet = cmd("CLUSTER");
    meet.arg("MEET").arg(addr.ip().to_string());
    meet.arg(addr.port()).arg(bus_port);
    meet
}

async fn tell(node: &RedisServer, commands: impl IntoIterator<Item = Cmd>) {
    let mut connection = node.connection().await;
    for command in commands {
        command
            .exec_async(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{} refuses its part: {error}", node.url()));
    }
}

async fn cluster_info(connection: &mut MultiplexedConnection) -> String {
    cmd("CLUSTER")
        .arg("INFO")
        .query_async(connection)
        .await
        .unwrap_or_else(|error| panic!("no answer to CLUSTER INFO: {error}"))
}

/// Whether a node knows all the others, and all slots are served.
fn is_usable(info: &str, nodes: usize) -> bool {
    info_field(info, "cluster_state") == Some("ok")
        && info_field(info, "cluster_slots_ok") == Some(&SLOTS.to_string())
        && info_field(info, "cluster_known_nodes") == Some(&nodes.to_string())
}

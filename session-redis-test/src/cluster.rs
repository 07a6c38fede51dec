//! A Redis Cluster of masters.

mod moves;

use std::net::SocketAddr;
use std::time::Duration;

use crate::builder::start_anywhere;
use crate::connect::{address, info_field, until};
use crate::ports::Port;
use crate::tls::{Issued, TlsEnd};
use crate::{Proxy, RedisServer, RedisServerBuilder};

/// How many hash slots a cluster has.
const SLOTS: usize = 16_384;
/// After how long without a reply a node takes another one for failed. Short, for the sake of tests
/// that kill one, but long enough for a busy machine.
const NODE_TIMEOUT_MS: &str = "2000";
/// How long the nodes may take until they agree. A node waits two seconds of its own accord
/// before it calls a cluster usable.
const LIMIT: Duration = Duration::from_secs(20);

/// A running Redis Cluster: masters on the loopback interface that share the slots evenly, in
/// the order of their numbers, and have no replicas.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<RedisServer>,
    bus_ports: Vec<Port>,
    /// How many nodes were given slots: the first ones.
    masters: usize,
}

impl Cluster {
    /// Starts a cluster of `masters` masters and waits until every node calls it usable, which
    /// takes a little more than two seconds.
    pub async fn start(masters: usize) -> Self {
        Self::start_with(masters, RedisServer::builder()).await
    }

    /// The same, each of whose nodes has these settings as well.
    pub async fn start_with(masters: usize, settings: RedisServerBuilder) -> Self {
        let cluster = Self::separate_nodes(masters, &settings).await;
        cluster.assemble().await;
        cluster
    }

    /// Starts a cluster each of whose nodes has clients come through a proxy: the cluster's own
    /// replies name the proxies.
    pub async fn start_behind_proxies(masters: usize) -> (Self, Vec<Proxy>) {
        Self::start_behind_proxies_with(masters, RedisServer::builder()).await
    }

    /// The same, each of whose nodes has these settings as well.
    pub async fn start_behind_proxies_with(
        masters: usize,
        settings: RedisServerBuilder,
    ) -> (Self, Vec<Proxy>) {
        let mut proxies = Vec::new();
        for _ in 0..masters {
            proxies.push(Proxy::start(address(0)).await);
        }
        let fronts = proxies
            .iter()
            .map(|it| (it.addr(), |node| it.move_to(node)));
        let cluster = Self::start_behind(fronts.collect(), settings).await;
        (cluster, proxies)
    }

    /// Starts a cluster to each of whose nodes clients come through an end of TLS that shows this
    /// certificate: the cluster's own replies name these.
    pub async fn start_behind_tls(masters: usize, issued: &Issued) -> (Self, Vec<TlsEnd>) {
        let mut ends = Vec::new();
        for _ in 0..masters {
            ends.push(TlsEnd::start(address(0), issued, None).await);
        }
        let fronts = ends.iter().map(|it| (it.addr(), |node| it.move_to(node)));
        let cluster = Self::start_behind(fronts.collect(), RedisServer::builder()).await;
        (cluster, ends)
    }

    /// A master behind each of these addresses, which learn where their node is.
    async fn start_behind<F: FnOnce(SocketAddr)>(
        fronts: Vec<(SocketAddr, F)>,
        settings: RedisServerBuilder,
    ) -> Self {
        let (masters, mut nodes, mut bus_ports) = (fronts.len(), Vec::new(), Vec::new());
        for (front, move_to) in fronts {
            let port = front.port().to_string();
            let settings = settings.clone().arg("cluster-announce-port", port);
            let (node, bus_port) = start_node(&settings).await;
            move_to(node.addr());
            nodes.push(node);
            bus_ports.push(bus_port);
        }
        let cluster = Self {
            nodes,
            bus_ports,
            masters,
        };
        cluster.assemble().await;
        cluster
    }

    /// Nodes that know nothing of each other.
    async fn separate_nodes(masters: usize, settings: &RedisServerBuilder) -> Self {
        let (mut nodes, mut bus_ports) = (Vec::new(), Vec::new());
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

    /// Gives every node its slots, and an epoch of its own, so that the nodes need not settle on
    /// who has which: they take one only as long as they know no other node. Then makes every node
    /// meet every other: one chain of meetings would do, but take longer to get about.
    async fn assemble(&self) {
        for (n, node) in self.nodes.iter().enumerate() {
            let [first, end] = [n, n + 1].map(|n| SLOTS * n / self.masters);
            let last = end - 1;
            let slots = format!("ADDSLOTSRANGE {first} {last}");
            for command in [slots, format!("SET-CONFIG-EPOCH {}", n + 1)] {
                node.ask::<()>(&format!("CLUSTER {command}")).await;
            }
        }
        for (n, node) in self.nodes.iter().enumerate() {
            for (other, bus_port) in self.nodes.iter().zip(&self.bus_ports).skip(n + 1) {
                meet(node, other, bus_port).await;
            }
        }
        self.wait_until_usable().await;
    }

    /// The cluster's URL, which names all nodes.
    pub fn url(&self) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(|it| it.addr().to_string()).collect();
        let url = format!("redis-cluster://{}", nodes.join("&node="));
        url.replacen('&', "?", 1)
    }

    /// The number of the node that holds a slot, as long as no slot was moved.
    pub fn owner(&self, slot: u16) -> usize {
        owner(slot, self.masters)
    }

    /// The nodes, in the order of the slots they hold.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes on their own, which run on.
    pub fn into_nodes(self) -> Vec<RedisServer> {
        self.nodes
    }

    /// Node number `index`.
    pub fn node(&self, index: usize) -> &RedisServer {
        self.nodes.get(index).expect("a node of the cluster")
    }

    /// Node number `index`, to kill, stop or restart it.
    pub fn node_mut(&mut self, index: usize) -> &mut RedisServer {
        self.nodes.get_mut(index).expect("a node of the cluster")
    }

    /// Waits until every node calls the cluster usable, such as after a restart of one.
    pub async fn wait_until_usable(&self) {
        for node in &self.nodes {
            until("a usable cluster", LIMIT, async || {
                let info: String = node.ask("CLUSTER INFO").await;
                is_usable(&info, self.nodes.len()).ok_or(info)
            })
            .await;
        }
    }
}

/// The number of the node that holds a slot, of so many.
pub(crate) fn owner(slot: u16, masters: usize) -> usize {
    // Node number n holds the slots from SLOTS * n / masters on.
    ((usize::from(slot) + 1) * masters - 1) / SLOTS
}

/// Starts a node that knows of no other; with the port on which the nodes talk to it.
async fn start_node(settings: &RedisServerBuilder) -> (RedisServer, Port) {
    let mut bus_port = Port::reserve();
    let node = start_anywhere(|| {
        bus_port = Port::reserve();
        settings
            .clone()
            .arg("cluster-enabled", "yes")
            .arg("cluster-port", bus_port.number().to_string())
            .arg("cluster-node-timeout", NODE_TIMEOUT_MS)
    })
    .await;
    (node, bus_port)
}

async fn meet(node: &RedisServer, other: &RedisServer, bus_port: &Port) {
    let (ip, port) = (other.addr().ip(), other.port());
    node.ask::<()>(&format!("CLUSTER MEET {ip} {port} {}", bus_port.number()))
        .await;
}

/// Whether a node knows all the others, and all slots are served.
fn is_usable(info: &str, nodes: usize) -> Option<()> {
    let is = |name, value: &str| info_field(info, name) == Some(value);
    let knows_all = is("cluster_known_nodes", &nodes.to_string());
    let serves_all = is("cluster_slots_ok", &SLOTS.to_string());
    (is("cluster_state", "ok") && serves_all && knows_all).then_some(())
}

//! Slots that move to another node.

use std::time::Duration;

use redis::cmd;
use tokio::time::sleep;

use super::{Cluster, LIMIT, meet, start_node};
use crate::RedisServer;
use crate::connect::{info_field, send, until};

impl Cluster {
    /// Begins to move a slot to another node: keys that are not there any more are asked for at the
    /// other.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (from, to) = (self.node(from), self.node(to));
        for (node, other, state) in [(to, from, "IMPORTING"), (from, to, "MIGRATING")] {
            let command = format!("CLUSTER SETSLOT {slot} {state} {}", id(other).await);
            node.ask::<()>(&command).await;
        }
    }

    /// Moves the keys of a slot.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let keys = format!("CLUSTER GETKEYSINSLOT {slot} 1000");
        for key in self.node(from).ask::<Vec<Vec<u8>>>(&keys).await {
            self.move_key(&key, from, to).await;
        }
    }

    /// Moves one key of a slot.
    pub async fn move_key(&self, key: &[u8], from: usize, to: usize) {
        let (from, to) = (self.node(from), self.node(to).addr());
        let mut migrate = cmd("MIGRATE");
        migrate.arg(to.ip().to_string()).arg(to.port());
        migrate.arg(key).arg(0).arg(5000);
        let moved = migrate.exec_async(&mut from.connection().await).await;
        moved.expect("the key is moved");
    }

    /// Ends the move: everybody is told of the new owner, the new owner first.
    pub async fn end_move(&self, slot: u16, to: usize) {
        let owner = self.node(to);
        let command = format!("CLUSTER SETSLOT {slot} NODE {}", id(owner).await);
        let others = self.nodes.iter().filter(|node| node.port() != owner.port());
        for node in std::iter::once(owner).chain(others) {
            node.ask::<()>(&command).await;
        }
    }

    /// Starts a replica of a master, and waits until it has its data; its number.
    pub async fn add_replica(&mut self, master: usize) -> usize {
        let (replica, bus_port) = start_node(&RedisServer::builder()).await;
        for node in &self.nodes {
            meet(node, &replica, &bus_port).await;
        }
        let replicate = format!("CLUSTER REPLICATE {}", id(self.node(master)).await);
        // Refused until the two have met.
        until("a replica that meets its master", LIMIT, async || {
            send::<()>(&mut replica.connection().await, &replicate).await
        })
        .await;
        until("a replica with its master's data", LIMIT, async || {
            let info: String = replica.ask("INFO replication").await;
            let is_up = info_field(&info, "master_link_status") == Some("up");
            is_up.then_some(()).ok_or(info)
        })
        .await;
        self.nodes.push(replica);
        self.bus_ports.push(bus_port);
        self.wait_until_usable().await;
        // The master tells the others of its replica by and by.
        sleep(Duration::from_millis(500)).await;
        self.nodes.len() - 1
    }

    /// Lets the nodes serve their slots while others are served by nobody.
    pub async fn serve_in_parts(&self) {
        for node in &self.nodes {
            node.ask::<()>("CONFIG SET cluster-require-full-coverage no")
                .await;
        }
    }
}

/// The id by which the nodes know a node.
async fn id(node: &RedisServer) -> String {
    node.ask("CLUSTER MYID").await
}

//! Slots that move to another node.

use std::time::Duration;

use redis::cmd;
use tokio::time::{Instant, sleep};

use super::{Cluster, LIMIT, POLL, meet, start_node, tell};
use crate::RedisServer;
use crate::version::info_field;

impl Cluster {
    /// Begins to move a slot to another node: keys that are not there any more are asked for at the other.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (from, to) = (self.node(from), self.node(to));
        let mut importing = cmd("CLUSTER");
        importing.arg("SETSLOT").arg(slot).arg("IMPORTING");
        importing.arg(id(from).await);
        tell(to, [importing]).await;
        let mut migrating = cmd("CLUSTER");
        migrating.arg("SETSLOT").arg(slot).arg("MIGRATING");
        migrating.arg(id(to).await);
        tell(from, [migrating]).await;
    }

    /// Moves the keys of a slot.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let mut source = self.node(from).connection().await;
        let mut keys = cmd("CLUSTER");
        keys.arg("GETKEYSINSLOT").arg(slot).arg(1000);
        let keys: Vec<Vec<u8>> = keys
            .query_async(&mut source)
            .await
            .expect("the slot's keys");
        let target = self.node(to).addr();
        for key in keys {
            let mut migrate = cmd("MIGRATE");
            migrate.arg(target.ip().to_string()).arg(target.port());
            migrate.arg(key).arg(0).arg(5000);
            tell(self.node(from), [migrate]).await;
        }
    }

    /// Ends the move: everybody is told of the new owner, the new owner first.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub async fn end_move(&self, slot: u16, to: usize) {
        let owner = id(self.node(to)).await;
        let others = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != to);
        for node in [self.node(to)]
            .into_iter()
            .chain(others.map(|(_, node)| node))
        {
            let mut set = cmd("CLUSTER");
            set.arg("SETSLOT").arg(slot).arg("NODE").arg(&owner);
            tell(node, [set]).await;
        }
    }

    /// Starts a replica of a master, and waits until it has its data; its number.
    ///
    /// # Panics
    ///
    /// When it does not within twenty seconds.
    pub async fn add_replica(&mut self, master: usize) -> usize {
        let (replica, bus_port) = start_node(&RedisServer::builder()).await;
        for node in &self.nodes {
            tell(node, [meet(&replica, bus_port)]).await;
        }
        let deadline = Instant::now() + LIMIT;
        let mut connection = replica.connection().await;
        let mut replicate = cmd("CLUSTER");
        replicate.arg("REPLICATE").arg(id(self.node(master)).await);
        // Refused until the two have met.
        while let Err(error) = replicate.exec_async(&mut connection).await {
            assert!(
                Instant::now() < deadline,
                "the replica meets nobody: {error}"
            );
            sleep(POLL).await;
        }
        loop {
            let info: String = cmd("INFO")
                .arg("replication")
                .query_async(&mut connection)
                .await
                .expect("INFO replication");
            if info_field(&info, "master_link_status") == Some("up") {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "the replica gets no data:\n{info}"
            );
            sleep(POLL).await;
        }
        self.nodes.push(replica);
        self.bus_ports.push(bus_port);
        self.wait_until_usable().await;
        // The master tells the others of its replica by and by.
        sleep(Duration::from_millis(500)).await;
        self.nodes.len() - 1
    }

    /// Lets the nodes serve their slots while others are served by nobody.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub async fn serve_in_parts(&self) {
        for node in &self.nodes {
            let mut config = cmd("CONFIG");
            config
                .arg("SET")
                .arg("cluster-require-full-coverage")
                .arg("no");
            tell(node, [config]).await;
        }
    }
}

/// The id by which the nodes know a node.
async fn id(node: &RedisServer) -> String {
    cmd("CLUSTER")
        .arg("MYID")
        .query_async(&mut node.connection().await)
        .await
        .expect("a node's id")
}

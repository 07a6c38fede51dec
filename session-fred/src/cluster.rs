//! What carries a call: the connection to one server, or those to the nodes of a cluster.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use fred::types::config::{Config, ServerConfig};
use session_core::{Effect, Result};
use session_redis_wire::cluster::{Masters, Node, Nodes, Question, Routes};
use session_redis_wire::{Call, Reply, Topology};
use tokio::time::Instant;

use crate::builder::{configuration, lazy_connection};
use crate::connection::Link;
use crate::exchange::{answer, in_time};

pub(crate) enum Carrier {
    OneServer(Link),
    Cluster(Box<Cluster>),
}

impl Carrier {
    /// Where the keys are.
    pub(crate) fn topology(&self) -> Topology {
        match self {
            Self::OneServer(_) => Topology::OneServer,
            Self::Cluster(_) => Topology::Cluster,
        }
    }

    /// The answer to a call, from the server or from the node that serves its slot.
    pub(crate) async fn carry(&self, call: &Call, until: Instant) -> Result<Reply> {
        let answer = match self {
            Self::OneServer(link) => {
                in_time(
                    until,
                    Effect::Unknown,
                    answer(link, Question::Run(call), until),
                )
                .await
            }
            Self::Cluster(cluster) => cluster.routes.carry(&cluster.until(until), call).await,
        };
        answer.map_err(|error| call.judged(error))
    }

    /// The masters, in the order in which they are looked through by a walk that begins or goes on.
    pub(crate) async fn masters(&self, is_beginning: bool, until: Instant) -> Result<Masters> {
        match self {
            Self::OneServer(_) => Ok(Masters::one_server()),
            Self::Cluster(cluster) => {
                let nodes = cluster.until(until);
                cluster.routes.masters(&nodes, is_beginning).await
            }
        }
    }

    /// The answer of the server, or of any node.
    pub(crate) async fn ask(&self, question: Question<'_>, until: Instant) -> Result<Reply> {
        match self {
            Self::OneServer(link) => {
                in_time(until, Effect::NotApplied, answer(link, question, until)).await
            }
            Self::Cluster(cluster) => {
                let nodes = cluster.until(until);
                cluster.routes.ask_any(&nodes, question).await
            }
        }
    }
}

/// The nodes of a cluster, each with a connection that is made when it is first needed.
pub(crate) struct Cluster {
    routes: Routes,
    /// A node's credentials and settings; all nodes have the same.
    like: Config,
    deadline: Duration,
    links: RwLock<HashMap<Node, Link>>,
}

impl Cluster {
    /// The cluster of which these nodes are known; nothing if the settings cannot be used.
    pub(crate) fn new(like: Config, seeds: Vec<Node>, deadline: Duration) -> Result<Self> {
        let first = seeds.first().cloned();
        let cluster = Self {
            routes: Routes::new(seeds),
            like,
            deadline,
            links: RwLock::default(),
        };
        let link = first.map(|node| cluster.link(&node)).transpose();
        link.map(|_| cluster)
    }

    /// The nodes as an operation reaches them that has time until then.
    fn until(&self, until: Instant) -> Reach<'_> {
        Reach {
            cluster: self,
            until,
        }
    }

    fn link(&self, node: &Node) -> Result<Link> {
        let known = self.links.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = known.get(node) {
            return Ok(link.clone());
        }
        drop(known);
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(node) {
            return Ok(link.clone());
        }
        let config = Config {
            server: ServerConfig::new_centralized(node.host(), node.port()),
            ..self.like.clone()
        };
        // A node that cannot serve says so to each command; the routing asks for another.
        let link = lazy_connection(config, self.deadline, Vec::new()).map_err(configuration)?;
        links.insert(node.clone(), link.clone());
        Ok(link)
    }
}

struct Reach<'a> {
    cluster: &'a Cluster,
    until: Instant,
}

impl Nodes for Reach<'_> {
    async fn ask(&self, node: &Node, question: Question<'_>) -> Result<Reply> {
        let now = Instant::now();
        let left = self.until.saturating_duration_since(now);
        let (until, effect) = if question.may_take_all_time() {
            (self.until, Effect::Unknown)
        } else {
            (now + left / 3, Effect::NotApplied)
        };
        in_time(until, effect, async {
            answer(&self.cluster.link(node)?, question, until).await
        })
        .await
    }

    async fn pause(&self, duration: Duration) -> bool {
        if Instant::now() + duration >= self.until {
            return false;
        }
        tokio::time::sleep(duration).await;
        true
    }

    fn keep(&self, nodes: &[Node]) {
        let mut links = self
            .cluster
            .links
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        links.retain(|node, _| nodes.contains(node));
    }
}

//! A node's address.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 6379;

/// The address of a node.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Node {
    host: Arc<str>,
    port: u16,
}

impl Node {
    /// The node at this host (a name, or an IP address without brackets) and port.
    pub fn new(host: impl Into<Arc<str>>, port: u16) -> Self {
        let host = host.into();
        Self { host, port }
    }

    /// The host's name, or its IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// This node, where an answer that names no host means the host of the node that gave it.
    pub(super) fn seen_from(self, other: &Self) -> Self {
        match &*self.host {
            "" | "?" => Self::new(Arc::clone(&other.host), self.port),
            _ => self,
        }
    }
}

/// Not `host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a node: expected host:port")]
pub struct InvalidNode;

impl FromStr for Node {
    type Err = InvalidNode;

    /// `host:port`; brackets about an IPv6 address may be left out; the host may be empty.
    fn from_str(text: &str) -> Result<Self, InvalidNode> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidNode)?;
        let port = port.parse().map_err(|_| InvalidNode)?;
        let host = host.strip_prefix('[').unwrap_or(host);
        Ok(Self::new(host.strip_suffix(']').unwrap_or(host), port))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The URL of a cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`, or
/// `rediss-cluster://…`. One node that answers is enough to find the others.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterUrl {
    /// The first node's URL as a single server's: credentials, and what else the client understands.
    pub first: String,
    /// The nodes that it names.
    pub nodes: Vec<Node>,
}

impl ClusterUrl {
    /// Whether a URL is meant to be a cluster's.
    pub fn is_meant(url: &str) -> bool {
        scheme(url).is_some()
    }

    /// The parts of a cluster's URL; `None` when it is none.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = scheme(url)?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let address = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        let address = address.split('/').next().unwrap_or_default();
        let mut nodes = vec![with_default_port(address)?];
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("node", node)) => nodes.push(with_default_port(node)?),
                _ => others.push(pair),
            }
        }
        let mut first = format!("{scheme}://{authority}");
        if !others.is_empty() {
            first.push('?');
            first.push_str(&others.join("&"));
        }
        Some(Self { first, nodes })
    }
}

impl fmt::Debug for ClusterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("ClusterUrl")
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

/// The scheme of a single server, and what follows a cluster's.
fn scheme(url: &str) -> Option<(&'static str, &str)> {
    let plain = url
        .strip_prefix("redis-cluster://")
        .map(|rest| ("redis", rest));
    plain.or_else(|| {
        url.strip_prefix("rediss-cluster://")
            .map(|rest| ("rediss", rest))
    })
}

fn with_default_port(address: &str) -> Option<Node> {
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(host, _)| !address.ends_with(']') && !host.is_empty());
    let node = if has_port {
        address.parse().ok()?
    } else {
        format!("{address}:{DEFAULT_PORT}").parse::<Node>().ok()?
    };
    Some(node).filter(|node| !node.host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_shown() {
        for (text, host, port) in [
            ("127.0.0.1:7001", "127.0.0.1", 7001),
            ("redis.example:6379", "redis.example", 6379),
            ("[::1]:7001", "::1", 7001),
            ("::1:7001", "::1", 7001),
            (":7001", "", 7001),
        ] {
            let node: Node = text.parse().unwrap();
            assert_eq!((node.host(), node.port()), (host, port));
        }
        assert_eq!(Node::new("::1", 7001).to_string(), "[::1]:7001");
        for text in ["", "host", "host:", "host:x", "host:65536"] {
            assert_eq!(text.parse::<Node>(), Err(InvalidNode), "{text:?}");
        }
    }

    #[test]
    fn an_answer_without_a_host_means_the_host_that_gave_it() {
        let from = Node::new("10.0.0.1", 7001);
        let seen = |text: &str| text.parse::<Node>().unwrap().seen_from(&from);
        assert_eq!(seen(":7002"), Node::new("10.0.0.1", 7002));
        assert_eq!(seen("?:7002"), Node::new("10.0.0.1", 7002));
        assert_eq!(seen("10.0.0.2:7002"), Node::new("10.0.0.2", 7002));
    }

    #[test]
    fn a_url_names_its_nodes_and_keeps_the_rest() {
        let url = "redis-cluster://user:p%40ss@a:7001/0?node=b:7002&protocol=resp3&node=[::1]:7003";
        let parsed = ClusterUrl::parse(url).unwrap();
        assert_eq!(parsed.first, "redis://user:p%40ss@a:7001/0?protocol=resp3");
        let nodes = [
            Node::new("a", 7001),
            Node::new("b", 7002),
            Node::new("::1", 7003),
        ];
        assert_eq!(parsed.nodes, nodes);
        assert!(!format!("{parsed:?}").contains("p%40ss"));
    }

    #[test]
    fn ports_may_be_left_out() {
        let nodes = |url: &str| ClusterUrl::parse(url).unwrap().nodes;
        assert_eq!(nodes("redis-cluster://a"), [Node::new("a", 6379)]);
        assert_eq!(nodes("rediss-cluster://[::1]"), [Node::new("::1", 6379)]);
        assert_eq!(nodes("redis-cluster://a:1?node=b")[1], Node::new("b", 6379));
    }

    #[test]
    fn other_urls_are_no_clusters() {
        for url in [
            "redis://a",
            "redis-cluster:a",
            "redis-cluster://",
            "redis-cluster://a:x",
        ] {
            assert_eq!(ClusterUrl::parse(url), None, "{url}");
        }
        assert!(ClusterUrl::is_meant("redis-cluster://"));
        assert!(!ClusterUrl::is_meant("redis://a"));
    }
}

//! What a server's URL may ask for.

use std::fmt;

use session_core::{Effect, Error, ErrorKind, Operation};

use crate::endpoint::Endpoint;

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 6379;

/// The URL asks for TLS, which the backends do not offer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL asks for TLS, which this backend does not offer")]
pub struct TlsNotOffered;

/// Refuses a URL that asks for TLS (`rediss://`, `valkeys://`, with or without more behind the
/// first word). A client that has TLS not compiled in may connect without it, and send the password
/// in the clear.
///
/// # Errors
/// [`ErrorKind::Config`], with [`TlsNotOffered`] as its source.
pub fn refuse_tls(url: &str) -> Result<(), Error> {
    let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
    let word = scheme.split(['-', '+']).next().unwrap_or_default();
    if word.eq_ignore_ascii_case("rediss") || word.eq_ignore_ascii_case("valkeys") {
        return Err(Error::new(ErrorKind::Config, Effect::NotApplied)
            .with_source(TlsNotOffered)
            .during(Operation::Connect));
    }
    Ok(())
}

/// The URL of a cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`, or
/// `rediss-cluster://…`. One node that answers is enough to find the others.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterUrl {
    /// The first node's URL as a single server's: credentials, and what else the client
    /// understands.
    pub first: String,
    /// The nodes that it names.
    pub nodes: Vec<Endpoint>,
}

impl ClusterUrl {
    /// The parts of a cluster's URL; `None` when it is the URL of something else.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`InvalidClusterUrl`] as its source.
    pub fn parse(url: &str) -> Result<Option<Self>, Error> {
        let Some((scheme, rest)) = scheme(url) else {
            return Ok(None);
        };
        match Self::of(scheme, rest) {
            Some(url) => Ok(Some(url)),
            None => {
                Err(Error::new(ErrorKind::Config, Effect::NotApplied)
                    .with_source(InvalidClusterUrl))
            }
        }
    }

    fn of(scheme: &str, rest: &str) -> Option<Self> {
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

/// The URL of a cluster names no node, or one that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cluster's URL needs the host and port of at least one node: redis-cluster://host:port")]
pub struct InvalidClusterUrl;

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

fn with_default_port(address: &str) -> Option<Endpoint> {
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(host, _)| !address.ends_with(']') && !host.is_empty());
    let node = if has_port {
        address.parse().ok()?
    } else {
        format!("{address}:{DEFAULT_PORT}")
            .parse::<Endpoint>()
            .ok()?
    };
    match &node {
        Endpoint::Tcp { host, .. } if !host.is_empty() => Some(node),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_nodes_and_keeps_the_rest() {
        for (url, first, nodes) in [
            (
                "redis-cluster://user:p%40ss@a:7001/0?node=b:7002&protocol=resp3&node=[::1]:7003",
                "redis://user:p%40ss@a:7001/0?protocol=resp3",
                &[("a", 7001), ("b", 7002), ("::1", 7003)][..],
            ),
            ("rediss-cluster://[::1]", "rediss://[::1]", &[("::1", 6379)]),
            (
                "redis-cluster://a:1?node=b",
                "redis://a:1",
                &[("a", 1), ("b", 6379)],
            ),
        ] {
            let parsed = ClusterUrl::parse(url).unwrap().unwrap();
            assert_eq!(parsed.first, first);
            let nodes = nodes.iter().map(|(host, port)| Endpoint::tcp(*host, *port));
            assert_eq!(parsed.nodes, nodes.collect::<Vec<_>>(), "{url}");
            assert!(!format!("{parsed:?}").contains("p%40ss"));
        }
    }

    #[test]
    fn other_urls_are_no_clusters() {
        for url in ["redis://a", "redis-cluster:a", ""] {
            assert_eq!(ClusterUrl::parse(url).unwrap(), None, "{url}");
        }
        for url in [
            "redis-cluster://",
            "redis-cluster://a:x",
            "redis-cluster://a?node=",
        ] {
            let error = ClusterUrl::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        }
    }

    #[test]
    fn urls_that_ask_for_tls_are_refused_and_others_pass() {
        let refused =
            "rediss://h REDISS://h rediss-cluster://h rediss+unix:///s valkeys://h rediss";
        for url in refused.split(' ') {
            let error = refuse_tls(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        }
        for url in [
            "redis://rediss:x@h",
            "redis-cluster://h",
            "valkey://h",
            "",
            "memory:",
        ] {
            assert!(refuse_tls(url).is_ok(), "{url}");
        }
    }
}

//! The address of a server.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// The address of a server, or of a node of a cluster.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// On the network.
    Tcp {
        /// The host's name, or its IP address without brackets.
        host: Arc<str>,
        /// The port.
        port: u16,
    },
    /// On this machine.
    Unix {
        /// The path of the socket.
        path: Arc<Path>,
    },
}

impl Endpoint {
    /// The server at this host (a name, or an IP address without brackets) and port.
    pub fn tcp(host: impl Into<Arc<str>>, port: u16) -> Self {
        let host = host.into();
        Self::Tcp { host, port }
    }

    /// The server at this socket.
    pub fn unix(path: impl Into<Arc<Path>>) -> Self {
        let path = path.into();
        Self::Unix { path }
    }

    /// This address as another server gave it, where no host means that server's own.
    pub(crate) fn seen_from(self, other: &Self) -> Self {
        match (&self, other) {
            (Self::Tcp { host, port }, Self::Tcp { host: of_other, .. })
                if matches!(&**host, "" | "?") =>
            {
                Self::tcp(Arc::clone(of_other), *port)
            }
            _ => self,
        }
    }
}

/// Not `host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a server: expected host:port")]
pub struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    /// `host:port`; brackets about an IPv6 address may be left out; the host may be empty.
    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidEndpoint)?;
        let port = port.parse().map_err(|_| InvalidEndpoint)?;
        let host = host.strip_prefix('[').unwrap_or(host);
        Ok(Self::tcp(host.strip_suffix(']').unwrap_or(host), port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
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
            let server: Endpoint = text.parse().unwrap();
            assert_eq!(server, Endpoint::tcp(host, port));
        }
        assert_eq!(Endpoint::tcp("::1", 7001).to_string(), "[::1]:7001");
        for text in ["", "host", "host:", "host:x", "host:65536"] {
            assert_eq!(text.parse::<Endpoint>(), Err(InvalidEndpoint), "{text:?}");
        }
    }

    #[test]
    fn an_answer_without_a_host_means_the_host_that_gave_it() {
        let from = Endpoint::tcp("10.0.0.1", 7001);
        let seen = |text: &str| text.parse::<Endpoint>().unwrap().seen_from(&from);
        assert_eq!(seen(":7002"), Endpoint::tcp("10.0.0.1", 7002));
        assert_eq!(seen("?:7002"), Endpoint::tcp("10.0.0.1", 7002));
        assert_eq!(seen("10.0.0.2:7002"), Endpoint::tcp("10.0.0.2", 7002));
    }
}

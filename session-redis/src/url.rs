//! What a server's URL asks for.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use percent_encoding::percent_decode_str;
use session_core::{Effect, Error, ErrorKind, Operation};
use url::Url;

use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::tls::{Pem, Tls};

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 6379;
/// And of sentinels.
const SENTINEL_PORT: u16 = 26379;

/// The kind of a scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Standalone,
    Cluster,
    Sentinel,
}

/// What a server's URL asks for, whatever the client.
///
/// ```text
/// redis://[user:password@]host[:port][/database]
/// redis-cluster://[user:password@]host[:port][?node=host:port&node=…]
/// redis-sentinel://[user:password@]host[:port][/database]?service=name[&node=host:port&…]
/// redis+unix://[user:password@]/path/of/the/socket[?db=database]
/// ```
///
/// With `rediss` in the place of `redis` connections are encrypted; `valkey` and `valkeys` mean the
/// same as these. User and password are percent-encoded where they hold what a URL cannot.
///
/// | part | meaning |
/// |---|---|
/// | `node` | a further node of the cluster, or a further sentinel; one that replies is enough |
/// | `service` | the name of the service that the sentinels watch |
/// | `sentinel_user`, `sentinel_password` | the account on the sentinels |
/// | `sentinel_tls` | `on` or `off`: whether connections to the sentinels are encrypted; like the server's unless said |
/// | `db` | the database, where there is no path for it |
/// | `client_name` | the name of the connections in `CLIENT LIST` |
/// | `protocol` | `resp2` or `resp3`; `resp2` unless said |
/// | `ca` | the path of a file with the authorities to trust, in the place of the platform's |
/// | `roots` | `platform` or `webpki` (with the feature `tls-webpki-roots`): whose authorities are trusted |
/// | `cert`, `key` | the paths of the files with the client's certificate and its key |
/// | `server_name` | the name that the certificates must be for, in the place of each host's |
///
/// Files are in the PEM format, and read again for each connection.
///
/// ```
/// use session_redis::{Endpoint, ServerUrl};
///
/// let url = ServerUrl::parse("redis://app:p%40ss@cache.internal/2")?;
/// assert_eq!(url.endpoints, [Endpoint::tcp("cache.internal", 6379)]);
/// assert_eq!(url.credentials.password.as_deref(), Some("p@ss"));
/// assert_eq!(url.database, 2);
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerUrl {
    /// What is at the endpoints.
    pub kind: ServerKind,
    /// The server; of a cluster at least one node, of sentinels at least one of them.
    pub endpoints: Vec<Endpoint>,
    /// Who connections say they are.
    pub credentials: Credentials,
    /// The database; 0 in a cluster.
    pub database: u16,
    /// What connections call themselves.
    pub client_name: Option<String>,
    /// Whether RESP3 is spoken.
    pub is_resp3: bool,
    /// Whether connections must be encrypted.
    pub is_tls: bool,
    /// How, if they are.
    pub tls: Option<Tls>,
}

/// What is at the endpoints of a URL.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ServerKind {
    /// The server itself.
    Standalone,
    /// Nodes of a cluster.
    Cluster,
    /// Sentinels, which know where the server is.
    Sentinel(Box<SentinelAccess>),
}

/// How sentinels are spoken to, and of what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentinelAccess {
    /// The name of the service that they watch.
    pub service: String,
    /// Who connections to sentinels say they are.
    pub credentials: Credentials,
    /// How connections to sentinels are encrypted, if they are.
    pub tls: Option<Tls>,
}

/// What is wrong with a URL. No text shows more of it than the name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is no URL at all, or has no host where it needs one.
    #[error(
        "not the URL of a server: expected redis://host:port, redis-cluster://host:port or redis+unix:///path"
    )]
    NotAServer,
    /// The scheme is none of these.
    #[error(
        "the URL's scheme is not known: expected redis, rediss, redis-cluster, rediss-cluster, redis-sentinel, rediss-sentinel or redis+unix, \
         or one of them with valkey in the place of redis"
    )]
    UnknownScheme,
    /// The scheme asks for TLS, and it is not compiled in.
    #[error(
        "the URL asks for TLS, which is not compiled in: enable the cargo feature `tls-ring` or `tls-aws-lc-rs`"
    )]
    NoTls,
    /// TLS was set up, and the scheme does not ask for it.
    #[error(
        "TLS is set up, and the URL does not ask for it: its scheme must be rediss or rediss-cluster"
    )]
    PlainScheme,
    /// Something was set up for sentinels, and the URL has none.
    #[error(
        "TLS is set up for sentinels, and the URL's scheme is not redis-sentinel or rediss-sentinel"
    )]
    NoSentinels,
    /// A user or password is not percent-encoded UTF-8, or there is a user and no password.
    #[error(
        "the URL's user and password must be UTF-8, percent-encoded, and a user needs a password"
    )]
    Credentials,
    /// The database is no number, or a cluster's.
    #[error("the URL's database must be a number from 0 to 65535; a cluster has only 0")]
    Database,
    /// There is no such part, or not with this scheme.
    #[error("the URL's part `{0}` is not known, or means nothing with this scheme")]
    UnknownPart(Cow<'static, str>),
    /// A part's value is none that it can have.
    #[error("the value of the URL's part `{0}` is not one that it can have")]
    Value(&'static str),
}

/// A part of the query of a URL.
type Part<'a> = (Cow<'a, str>, Cow<'a, str>);

impl ServerUrl {
    /// What this URL asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`InvalidUrl`] as its source.
    pub fn parse(url: &str) -> Result<Self, Error> {
        Self::of(url).map_err(refused)
    }

    fn of(text: &str) -> Result<Self, InvalidUrl> {
        let url = Url::parse(text).map_err(|_| InvalidUrl::NotAServer)?;
        let scheme = url.scheme().replacen("valkey", "redis", 1);
        // Most likely a password that is not encoded.
        if url.fragment().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        let is_unix = scheme == "redis+unix";
        let (is_tls, kind) = match scheme.as_str() {
            "redis" | "redis+unix" => (false, Kind::Standalone),
            "rediss" => (true, Kind::Standalone),
            "redis-cluster" => (false, Kind::Cluster),
            "rediss-cluster" => (true, Kind::Cluster),
            "redis-sentinel" => (false, Kind::Sentinel),
            "rediss-sentinel" => (true, Kind::Sentinel),
            _ => return Err(InvalidUrl::UnknownScheme),
        };
        let port = match kind {
            Kind::Sentinel => SENTINEL_PORT,
            _ => DEFAULT_PORT,
        };
        let (endpoint, database) = match is_unix {
            true => (unix(&url)?, 0),
            false => (
                endpoint(
                    url.host_str().unwrap_or_default(),
                    url.port().unwrap_or(port),
                )?,
                number(url.path().trim_start_matches('/'))?,
            ),
        };
        let mut parsed = Self {
            kind: ServerKind::Standalone,
            endpoints: vec![endpoint],
            credentials: Credentials {
                username: decoded(Some(url.username()))?,
                password: decoded(url.password())?,
            },
            database,
            client_name: None,
            is_resp3: false,
            is_tls,
            tls: None,
        };
        // No client would say who it is.
        if parsed.credentials.username.is_some() && parsed.credentials.password.is_none() {
            return Err(InvalidUrl::Credentials);
        }
        let mut of_tls = Vec::new();
        let (mut service, mut of_sentinels) = (None, Credentials::default());
        let mut is_tls_of_sentinels = is_tls && kind == Kind::Sentinel;
        for (name, value) in url.query_pairs() {
            match &*name {
                "node" if kind != Kind::Standalone => parsed.endpoints.push(node(&value, port)?),
                "service" if kind == Kind::Sentinel => service = Some(value.into_owned()),
                "sentinel_user" if kind == Kind::Sentinel => {
                    of_sentinels.username = Some(value.into_owned());
                }
                "sentinel_password" if kind == Kind::Sentinel => {
                    of_sentinels.password = Some(value.into_owned());
                }
                "sentinel_tls" if kind == Kind::Sentinel => {
                    is_tls_of_sentinels = match &*value {
                        "on" => true,
                        "off" => false,
                        _ => return Err(InvalidUrl::Value("sentinel_tls")),
                    }
                }
                "db" if is_unix => parsed.database = number(&value)?,
                "client_name" if is_name(&value) => parsed.client_name = Some(value.into_owned()),
                "client_name" => return Err(InvalidUrl::Value("client_name")),
                "protocol" => {
                    parsed.is_resp3 = match &*value {
                        "resp2" => false,
                        "resp3" => true,
                        _ => return Err(InvalidUrl::Value("protocol")),
                    }
                }
                _ => of_tls.push((name, value)),
            }
        }
        if kind == Kind::Cluster && parsed.database != 0 {
            return Err(InvalidUrl::Database);
        }
        let tls = match (is_tls || is_tls_of_sentinels, of_tls.first()) {
            (true, _) => Some(tls(of_tls)?),
            (false, Some((name, _))) => return Err(unknown(name)),
            (false, None) => None,
        };
        parsed.tls = tls.clone().filter(|_| is_tls);
        parsed.kind = match kind {
            Kind::Standalone => ServerKind::Standalone,
            Kind::Cluster => ServerKind::Cluster,
            Kind::Sentinel => ServerKind::Sentinel(Box::new(SentinelAccess {
                service: service
                    .filter(|it| !it.is_empty())
                    .ok_or(InvalidUrl::Value("service"))?,
                credentials: of_sentinels,
                tls: tls.filter(|_| is_tls_of_sentinels),
            })),
        };
        Ok(parsed)
    }

    /// The same, with connections that are encrypted so, if anything is given; those to sentinels
    /// so, or like the others. For builders.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`InvalidUrl::PlainScheme`] as its source, or
    /// [`InvalidUrl::NoSentinels`].
    pub fn with_tls(mut self, tls: Option<Tls>, of_sentinels: Option<Tls>) -> Result<Self, Error> {
        if tls.is_some() && self.tls.is_none() {
            return Err(refused(InvalidUrl::PlainScheme));
        }
        match &mut self.kind {
            ServerKind::Sentinel(access) => {
                let inherited = tls.clone().filter(|_| access.tls.is_some());
                access.tls = of_sentinels.or(inherited).or(access.tls.take());
            }
            _ if of_sentinels.is_some() => return Err(refused(InvalidUrl::NoSentinels)),
            _ => {}
        }
        self.tls = tls.or(self.tls);
        Ok(self)
    }

    /// The URL of the sentinels themselves.
    pub(crate) fn of_sentinels(&self, access: &SentinelAccess) -> Self {
        Self {
            kind: ServerKind::Standalone,
            credentials: access.credentials.clone(),
            database: 0,
            is_tls: access.tls.is_some(),
            tls: access.tls.clone(),
            ..self.clone()
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        f.debug_struct("ServerUrl")
            .field("endpoints", &self.endpoints)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

pub(crate) fn refused(invalid: InvalidUrl) -> Error {
    let error = Error::new(ErrorKind::Config, Effect::NotApplied);
    error.with_source(invalid).during(Operation::Connect)
}

/// How connections are encrypted.
fn tls(parts: Vec<Part<'_>>) -> Result<Tls, InvalidUrl> {
    let mut tls = Tls::new();
    let (mut certificate, mut key) = (None, None);
    for (name, value) in parts {
        let file = || Pem::file(value.as_ref());
        tls = match &*name {
            "ca" => tls.authorities(file()),
            "roots" if value == "platform" => tls,
            #[cfg(feature = "tls-webpki-roots")]
            "roots" if value == "webpki" => tls.webpki_roots(),
            "roots" => return Err(InvalidUrl::Value("roots")),
            "server_name" => {
                let named = tls.server_name(&value);
                named.map_err(|_| InvalidUrl::Value("server_name"))?
            }
            "cert" => {
                certificate = Some(file());
                tls
            }
            "key" => {
                key = Some(file());
                tls
            }
            _ => return Err(unknown(&name)),
        };
    }
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(tls.client_certificate(certificate, key)),
        (None, None) => Ok(tls),
        (Some(_), None) => Err(InvalidUrl::Value("key")),
        (None, Some(_)) => Err(InvalidUrl::Value("cert")),
    }
}

fn endpoint(host: &str, port: u16) -> Result<Endpoint, InvalidUrl> {
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    if host.is_empty() {
        return Err(InvalidUrl::NotAServer);
    }
    Ok(Endpoint::tcp(host, port))
}

fn unix(url: &Url) -> Result<Endpoint, InvalidUrl> {
    let path = percent_decode_str(url.path()).decode_utf8();
    let path = path.map_err(|_| InvalidUrl::NotAServer)?;
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    if has_host || !path.starts_with('/') || path.len() < 2 {
        return Err(InvalidUrl::NotAServer);
    }
    Ok(Endpoint::unix(Path::new(&*path)))
}

/// `host`, `host:port` or `[IPv6 address]:port`.
fn node(text: &str, port: u16) -> Result<Endpoint, InvalidUrl> {
    let invalid = InvalidUrl::Value("node");
    let url = Url::parse(&format!("redis://{text}")).map_err(|_| invalid.clone())?;
    let is_address = url.path().is_empty()
        && url.query().or(url.fragment()).is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match endpoint(
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or(port),
    ) {
        Ok(endpoint) if is_address => Ok(endpoint),
        _ => Err(invalid),
    }
}

fn number(text: &str) -> Result<u16, InvalidUrl> {
    match text {
        "" => Ok(0),
        text => text.parse().map_err(|_| InvalidUrl::Database),
    }
}

fn decoded(text: Option<&str>) -> Result<Option<String>, InvalidUrl> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| InvalidUrl::Credentials)?;
    Ok(Some(decoded.into_owned()))
}

/// What `CLIENT SETNAME` takes.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A name that somebody might have mistaken for a value is not shown.
fn unknown(name: &str) -> InvalidUrl {
    let is_shown = name.len() <= 24 && name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
    InvalidUrl::UnknownPart(match is_shown {
        true => Cow::Owned(name.to_owned()),
        false => Cow::Borrowed("…"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_servers_and_how_to_use_them() {
        for (url, nodes, user, password, database) in [
            ("redis://h", &[("h", 6379)][..], None, None, 0),
            ("REDIS://[::1]:7000/3", &[("::1", 7000)], None, None, 3),
            ("redis://h:0/", &[("h", 0)], None, None, 0),
            ("valkey://:pw@h", &[("h", 6379)], None, Some("pw"), 0),
            (
                "redis-cluster://user:p%40ss@a:7001/0?node=b:7002&protocol=resp3&node=[::1]:7003&node=c",
                &[("a", 7001), ("b", 7002), ("::1", 7003), ("c", 6379)],
                Some("user"),
                Some("p@ss"),
                0,
            ),
        ] {
            let parsed = ServerUrl::parse(url).unwrap();
            let nodes = nodes.iter().map(|(host, port)| Endpoint::tcp(*host, *port));
            assert_eq!(parsed.endpoints, nodes.collect::<Vec<_>>(), "{url}");
            assert_eq!(parsed.credentials.username.as_deref(), user, "{url}");
            assert_eq!(parsed.credentials.password.as_deref(), password, "{url}");
            assert_eq!(parsed.database, database, "{url}");
            let is_cluster = matches!(parsed.kind, ServerKind::Cluster);
            assert_eq!(is_cluster, url.contains("cluster"), "{url}");
            assert_eq!(parsed.is_resp3, url.contains("resp3"), "{url}");
            assert!(!format!("{parsed:?}").contains("p@ss"));
        }
        let unix = ServerUrl::parse("redis+unix:///run/a%20b.sock?db=2&client_name=shop").unwrap();
        assert_eq!(unix.endpoints, [Endpoint::unix(Path::new("/run/a b.sock"))]);
        assert_eq!(
            (unix.database, unix.client_name.as_deref()),
            (2, Some("shop"))
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let part = |name: &'static str| InvalidUrl::UnknownPart(name.into());
        for (url, reason) in [
            ("", InvalidUrl::NotAServer),
            ("redis", InvalidUrl::NotAServer),
            ("redis:", InvalidUrl::NotAServer),
            ("redis://", InvalidUrl::NotAServer),
            ("redis://:6379", InvalidUrl::NotAServer),
            ("redis://h:65536", InvalidUrl::NotAServer),
            ("redis-cluster://?node=h", InvalidUrl::NotAServer),
            ("redis+unix://h/path", InvalidUrl::NotAServer),
            ("redis+unix:///", InvalidUrl::NotAServer),
            ("http://h", InvalidUrl::UnknownScheme),
            ("redis-clusters://h", InvalidUrl::UnknownScheme),
            ("rediss+unix:///s", InvalidUrl::UnknownScheme),
            ("redis://%FF:%FF@h", InvalidUrl::Credentials),
            ("redis://user@h", InvalidUrl::Credentials),
            ("redis://user:@h", InvalidUrl::Credentials),
            ("redis://h/0#x", InvalidUrl::Credentials),
            ("redis://h/x", InvalidUrl::Database),
            ("redis://h/65536", InvalidUrl::Database),
            ("redis-cluster://h/1", InvalidUrl::Database),
            ("redis://h?node=h:1", part("node")),
            ("redis://h?db=1", part("db")),
            ("redis://h?ca=/ca.pem", part("ca")),
            ("redis://h?timeout=1", part("timeout")),
            ("redis://h?SECRET", part("…")),
            ("redis-sentinel://h", InvalidUrl::Value("service")),
            ("redis-sentinel://h?service=", InvalidUrl::Value("service")),
            ("redis://h?service=s", part("service")),
            ("redis-cluster://h?node=", InvalidUrl::Value("node")),
            ("redis-cluster://h?node=u:p@h", InvalidUrl::Value("node")),
            ("redis-cluster://h?node=h:x", InvalidUrl::Value("node")),
            ("redis://h?protocol=4", InvalidUrl::Value("protocol")),
            (
                "redis://h?client_name=a%20b",
                InvalidUrl::Value("client_name"),
            ),
        ] {
            let error = ServerUrl::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.downcast_ref(), Some(&reason), "{url}");
        }
    }

    #[test]
    fn tls_is_asked_for_by_the_scheme_alone() {
        for (url, is_tls) in [
            ("rediss://h", true),
            ("valkeys-cluster://h?node=i", true),
            (
                "rediss://h?ca=/ca.pem&cert=/c.pem&key=/k.pem&server_name=redis.internal",
                true,
            ),
            ("redis://rediss:x@h", false),
        ] {
            let parsed = ServerUrl::parse(url).unwrap();
            assert_eq!(parsed.tls.is_some(), is_tls, "{url}");
        }
        for url in [
            "rediss://h?cert=/c",
            "rediss://h?key=/k",
            "rediss://h?roots=own",
            "rediss://h?server_name=a/b",
        ] {
            assert!(
                matches!(ServerUrl::of(url), Err(InvalidUrl::Value(_))),
                "{url}"
            );
        }
        assert!(matches!(
            ServerUrl::of("rediss://h?insecure=1"),
            Err(InvalidUrl::UnknownPart(_))
        ));
    }
}

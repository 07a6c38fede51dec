//! URLs of servers.

use session_core::ErrorKind;

use super::assert_hidden;
use crate::{Credentials, Endpoint, ServerKind, ServerUrl};

/// A URL names its servers or is refused, and nothing shows its passwords.
pub fn urls(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(Endpoint::Tcp { host, port }) = text.parse() {
        assert!(
            text.contains(&*host) && text.ends_with(|c: char| c.is_ascii_digit()),
            "{port}"
        );
    }
    let url = match ServerUrl::parse(&text) {
        Ok(url) => url,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Config);
            return assert_hidden(&error);
        }
    };
    let is_cluster = matches!(url.kind, ServerKind::Cluster);
    // What a URL leaves out of account, and what it decodes, is for its parser to say.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%' && byte != b'+';
    if text.bytes().all(is_plain) {
        let query = text.split('#').next().and_then(|it| it.split_once('?'));
        let parts = query.map_or("", |(_, query)| query).split('&');
        let nodes = parts.filter(|part| part.starts_with("node=")).count();
        assert_eq!(url.endpoints.len(), 1 + nodes);
        let scheme = text.split(':').next().unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase().replacen("valkey", "redis", 1);
        let is_sentinel = matches!(url.kind, ServerKind::Sentinel(_));
        assert_eq!(url.is_tls, scheme.starts_with("rediss"));
        assert_eq!(is_sentinel, scheme.ends_with("-sentinel"));
        assert_eq!(is_cluster, scheme.ends_with("-cluster"));
    }
    assert!(!is_cluster || url.database == 0);
    assert_eq!(url.is_tls, url.tls.is_some());
    for endpoint in &url.endpoints {
        match endpoint {
            Endpoint::Tcp { host, .. } => assert!(!host.is_empty()),
            Endpoint::Unix { path } => assert!(path.is_absolute()),
        }
    }
    // It shows the same whoever connections say they are.
    let mut other = url.clone();
    let none = Credentials::default();
    other.credentials = none.clone();
    if let ServerKind::Sentinel(access) = &mut other.kind {
        access.credentials = none;
    }
    assert_eq!(format!("{url:?}"), format!("{other:?}"));
}

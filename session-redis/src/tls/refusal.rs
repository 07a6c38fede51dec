//! Why a connection was refused, for the person who can do something about it.

use rustls::CertificateError as Bad;

/// Why TLS refused a connection. What can be done about it is in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TlsRefused {
    /// The server's certificate was valid before.
    #[error(
        "the server's certificate has expired: it must be renewed (or this machine's clock is wrong)"
    )]
    Expired,
    /// The server's certificate will be valid later.
    #[error("the server's certificate is not valid yet (or this machine's clock is wrong)")]
    NotValidYet,
    /// The server's certificate is another host's.
    #[error(
        "the server's certificate is for another name than the host's: connect by a name that it has, or set the server name"
    )]
    OtherName,
    /// Nobody who is trusted has signed the server's certificate.
    #[error(
        "the server's certificate is signed by no authority that is trusted: name its authority, or use a certificate of a known one"
    )]
    UnknownAuthority,
    /// The server's certificate is for something else than servers.
    #[error(
        "the server's certificate is not one for servers: it must allow server authentication, and be no authority's"
    )]
    OtherPurpose,
    /// The server's certificate was withdrawn.
    #[error("the server's certificate was revoked by its authority: it must be renewed")]
    Revoked,
    /// What the server shows is no certificate, or not its own.
    #[error("the server's certificate is malformed, or its signature is not right")]
    Malformed,
    /// The server wants a certificate of this client, or another one.
    #[error("the server refuses this client's certificate, or wants one and was shown none")]
    ClientCertificate,
    /// The server replies with something else than TLS.
    #[error("the server does not speak TLS on this port: use its TLS port, or a URL without TLS")]
    NotTls,
    /// The two know no common version or algorithm, or one broke the protocol.
    #[error("the server and this client could not agree on how to encrypt the connection")]
    Handshake,
}

impl TlsRefused {
    /// What the library's error means.
    pub(super) fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(bad) => Self::of_certificate(bad),
            error => Self::in_text(&format!("{error:?}")).unwrap_or(Self::Handshake),
        }
    }

    fn of_certificate(bad: &Bad) -> Self {
        match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => Self::Expired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => Self::NotValidYet,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => Self::OtherName,
            Bad::UnknownIssuer => Self::UnknownAuthority,
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => Self::OtherPurpose,
            Bad::Revoked => Self::Revoked,
            // An authority's own certificate in the place of a server's.
            Bad::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                Self::OtherPurpose
            }
            _ => Self::Malformed,
        }
    }

    /// What the library's error means by its text. The clients keep nothing else of an alert, which
    /// comes from the server.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["InvalidContentType", "InvalidMessage"]) {
            return Some(Self::NotTls);
        }
        if !says(&["AlertReceived", "fatal alert"]) {
            return None;
        }
        const OF_CLIENT: [&str; 8] = [
            "CertificateRequired",
            "BadCertificate",
            "UnsupportedCertificate",
            "CertificateRevoked",
            "CertificateExpired",
            "CertificateUnknown",
            "UnknownCA",
            "AccessDenied",
        ];
        Some(match says(&OF_CLIENT) {
            true => Self::ClientCertificate,
            false => Self::Handshake,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_known_by_either_clients_text() {
        use TlsRefused::{ClientCertificate, Handshake, NotTls};
        for (text, expected) in [
            (
                "AlertReceived(CertificateRequired)",
                Some(ClientCertificate),
            ),
            ("received fatal alert: UnknownCA", Some(ClientCertificate)),
            ("received fatal alert: ProtocolVersion", Some(Handshake)),
            ("InvalidMessage(InvalidContentType)", Some(NotTls)),
            ("Connection refused (os error 111)", None),
            ("", None),
        ] {
            assert_eq!(TlsRefused::in_text(text), expected, "{text}");
        }
        let error =
            rustls::Error::PeerIncompatible(rustls::PeerIncompatible::NoCipherSuitesInCommon);
        assert_eq!(TlsRefused::of(&error), Handshake);
    }
}

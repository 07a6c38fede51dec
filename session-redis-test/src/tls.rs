//! Certificates, and an end of TLS before a server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::connect::address;

/// An authority that signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

/// A certificate and its key, as texts.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let name = format!("authority {:x}", rand::random::<u32>());
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// A certificate for the loopback interface, for servers and clients, unless `change` says
    /// otherwise.
    pub fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer);
        Issued {
            certificate: certificate.expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// Accepts connections over TLS and passes what they say on to a server, without.
#[derive(Debug)]
pub struct TlsEnd {
    address: SocketAddr,
    shown: Arc<Mutex<Shown>>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shown {
    server: SocketAddr,
    config: Arc<ServerConfig>,
    connections: JoinSet<()>,
}

impl TlsEnd {
    /// Before this server. Shows this certificate; of clients it wants one of the authority, if one
    /// is given.
    pub async fn start(server: SocketAddr, issued: &Issued, clients: Option<&Authority>) -> Self {
        let listener = TcpListener::bind(address(0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shown = Arc::new(Mutex::new(Shown {
            server,
            config: config(issued, clients),
            connections: JoinSet::new(),
        }));
        let of_task = Arc::clone(&shown);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut shown = of_task.lock().expect("no panic");
                let acceptor = TlsAcceptor::from(Arc::clone(&shown.config));
                let server = shown.server;
                shown.connections.spawn(pass_on(acceptor, stream, server));
            }
        });
        Self {
            address,
            shown,
            task: task.abort_handle(),
        }
    }

    /// Where it accepts connections.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Before this server from now on.
    pub fn move_to(&self, server: SocketAddr) {
        self.shown.lock().expect("no panic").server = server;
    }

    /// Starts again with this certificate: a server that reads a new one ends its connections.
    pub fn restart(&self, issued: &Issued, clients: Option<&Authority>) {
        let mut shown = self.shown.lock().expect("no panic");
        shown.config = config(issued, clients);
        shown.connections.abort_all();
    }
}

impl Drop for TlsEnd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, server: SocketAddr) {
    // A client that refuses the certificate, or is refused, hangs up.
    let Ok(mut client) = acceptor.accept(stream).await else {
        return;
    };
    if let Ok(mut server) = TcpStream::connect(server).await {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

fn config(issued: &Issued, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config
        .with_safe_default_protocol_versions()
        .expect("versions");
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(certificate(&authority.pem))
                .expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().expect("an authority"))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let config = config.with_single_cert(vec![certificate(&issued.certificate)], key);
    Arc::new(config.expect("they belong together"))
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

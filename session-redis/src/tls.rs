//! How connections are encrypted.

mod refusal;
mod verifier;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use session_core::{Effect, Error, ErrorKind, Result};

pub use self::refusal::TlsRefused;
use self::verifier::Noting;

/// How connections are encrypted: by TLS 1.2 or 1.3, with rustls. A server's certificate is always
/// checked, its host name too: nothing turns that off.
///
/// # Who is trusted
/// The platform's authorities, unless [`authorities`](Self::authorities) names others, or
/// [`webpki_roots`](Self::webpki_roots) Mozilla's.
///
/// # Renewed certificates
/// Files are read again for each connection, so new ones count without a restart from the next
/// connection on. The platform's authorities are read again after a certificate was refused.
///
/// # Which cryptography
/// The provider that the application [hands over](Self::provider); else the one that it has
/// installed as the process's default; else that of the cargo feature `tls-ring` or
/// `tls-aws-lc-rs` (ring, if both are on). Without any of these there is no connection, and the
/// error says so. Nothing is installed for the process.
///
/// ```
/// use session_redis::{Pem, Tls};
///
/// let tls = Tls::new()
///     .authorities(Pem::file("/etc/redis/ca.pem"))
///     .client_certificate(Pem::file("/etc/redis/app.pem"), Pem::file("/etc/redis/app.key"))
///     .server_name("redis.internal")?;
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    authorities: Authorities,
    identity: Option<(Pem, Pem)>,
    server_name: Option<ServerName<'static>>,
    provider: Option<Arc<CryptoProvider>>,
    /// What was made of the files when they were last read.
    made: Arc<Mutex<Option<Made>>>,
}

#[derive(Debug, Clone, Default)]
enum Authorities {
    #[default]
    Platform,
    #[cfg(feature = "tls-webpki-roots")]
    Webpki,
    Own(Pem),
}

/// A text in the PEM format: certificates or a key.
#[derive(Clone)]
pub struct Pem(Source);

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Text(Vec<u8>),
}

/// What the files held, and what was made of it.
#[derive(Clone)]
struct Made {
    read: Read,
    config: ClientConfig,
    verifier: Arc<WebPkiServerVerifier>,
}

#[derive(Clone, PartialEq, Eq)]
struct Read {
    authorities: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why connections cannot be encrypted as they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsUnusable {
    /// Nobody says which cryptography is to be used.
    #[error(
        "TLS needs a crypto provider: enable the cargo feature `tls-ring` or `tls-aws-lc-rs`, or install one \
         for the process (rustls::crypto::CryptoProvider::install_default)"
    )]
    NoProvider,
    /// A file cannot be read.
    #[error("the file {0} cannot be read: {1}")]
    File(PathBuf, std::io::ErrorKind),
    /// There is nobody to trust.
    #[error(
        "there is no certificate of an authority among what was named for it, or on this platform"
    )]
    NoAuthority,
    /// The client's certificate or key is not one, or they do not belong together.
    #[error("the client's certificate and key cannot be used: {0}")]
    Identity(String),
    /// It is neither a host's name nor an IP address.
    #[error("not a name that a certificate can be for: expected a host's name or an IP address")]
    ServerName,
}

impl Pem {
    /// The file at this path, which is read again for each connection.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// This text.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self(Source::Text(text.into()))
    }

    fn read(&self) -> Result<Vec<u8>, TlsUnusable> {
        match &self.0 {
            Source::Text(text) => Ok(text.clone()),
            Source::File(path) => {
                std::fs::read(path).map_err(|error| TlsUnusable::File(path.clone(), error.kind()))
            }
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File(path) => f.debug_tuple("Pem").field(path).finish(),
            // It may be a key.
            Source::Text(_) => f.write_str("Pem"),
        }
    }
}

impl Tls {
    /// Trusts the platform's authorities, and shows no certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these authorities and no others.
    #[must_use]
    pub fn authorities(mut self, certificates: Pem) -> Self {
        self.authorities = Authorities::Own(certificates);
        self.changed()
    }

    /// Trusts the authorities that Mozilla's browser trusts, as they were when the crate
    /// `webpki-roots` was published: for images that have none of their own.
    #[cfg(feature = "tls-webpki-roots")]
    #[must_use]
    pub fn webpki_roots(mut self) -> Self {
        self.authorities = Authorities::Webpki;
        self.changed()
    }

    /// Shows this certificate, and those between it and its authority, to servers that ask for one.
    #[must_use]
    pub fn client_certificate(mut self, certificates: Pem, key: Pem) -> Self {
        self.identity = Some((certificates, key));
        self.changed()
    }

    /// The name, or IP address, that certificates must be for, in the place of the host that is
    /// connected to: for servers that are reached through an address of another name, and for the
    /// nodes of a cluster whose certificate names the cluster.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`TlsUnusable::ServerName`] as its source.
    pub fn server_name(mut self, name: &str) -> Result<Self> {
        self.server_name = Some(parsed(name)?);
        Ok(self)
    }

    /// The cryptography.
    #[must_use]
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self.changed()
    }

    /// Clones made before are of other settings.
    fn changed(mut self) -> Self {
        self.made = Arc::default();
        self
    }

    /// The name that the certificate of this host must be for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`TlsUnusable::ServerName`] as its source.
    pub fn name_of(&self, host: &str) -> Result<ServerName<'static>> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => Ok(parsed(host)?),
        }
    }

    /// What one connection is encrypted with. Reads the files.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`TlsUnusable`] as its source.
    pub async fn handshake(&self) -> Result<Handshake> {
        let tls = self.clone();
        let making = tokio::task::spawn_blocking(move || tls.make());
        let made = match making.await {
            Ok(made) => made?,
            // The runtime ends.
            Err(_) => return Err(Error::new(ErrorKind::Unavailable, Effect::NotApplied)),
        };
        let noting = Arc::new(Noting::new(made.verifier));
        let mut config = made.config;
        let verifier = Arc::clone(&noting);
        config.dangerous().set_certificate_verifier(verifier);
        Ok(Handshake {
            config: Arc::new(config),
            noting,
            made: Arc::clone(&self.made),
        })
    }

    fn make(&self) -> Result<Made, TlsUnusable> {
        let identity = self.identity.as_ref();
        let read = Read {
            authorities: match &self.authorities {
                Authorities::Own(certificates) => Some(certificates.read()?),
                _ => None,
            },
            identity: match identity {
                Some((certificates, key)) => Some((certificates.read()?, key.read()?)),
                None => None,
            },
        };
        let mut made = lock(&self.made);
        if let Some(made) = made.as_ref().filter(|made| made.read == read) {
            return Ok(made.clone());
        }
        let provider = self.provider.clone().or_else(provider);
        let provider = provider.ok_or(TlsUnusable::NoProvider)?;
        let roots = self.roots(read.authorities.as_deref());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = verifier.build().map_err(|_| TlsUnusable::NoAuthority)?;
        let unusable = |error: rustls::Error| TlsUnusable::Identity(error.to_string());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let config = config.with_webpki_verifier(Arc::clone(&verifier));
        let mut config = match &read.identity {
            Some((certificates, key)) => {
                let (certificates, key) = identity_of(certificates, key)?;
                config
                    .with_client_auth_cert(certificates, key)
                    .map_err(unusable)?
            }
            None => config.with_no_client_auth(),
        };
        // Each connection checks the certificate.
        config.resumption = Resumption::disabled();
        Ok(made
            .insert(Made {
                read,
                config,
                verifier,
            })
            .clone())
    }

    fn roots(&self, own: Option<&[u8]>) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        match (&self.authorities, own) {
            #[cfg(feature = "tls-webpki-roots")]
            (Authorities::Webpki, _) => {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            (_, Some(own)) => {
                let certificates = CertificateDer::pem_slice_iter(own).flatten();
                roots.add_parsable_certificates(certificates);
            }
            // One that cannot be read is one less to trust.
            (_, None) => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
        }
        roots
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities)
            .field(
                "client_certificate",
                &self.identity.as_ref().map(|it| &it.0),
            )
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// What one connection is encrypted with, and what it says of a server that it refuses.
pub struct Handshake {
    config: Arc<ClientConfig>,
    noting: Arc<Noting>,
    made: Arc<Mutex<Option<Made>>>,
}

impl Handshake {
    /// For the client.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The error of a connection that was not made, with the reason where TLS is it. `text` is what
    /// the client says: some clients keep nothing else of what the server said.
    pub fn explain(&self, error: Error, text: &str) -> Error {
        let noted = self.noting.take();
        let refused = noted
            .map(|error| TlsRefused::of(&error))
            .or_else(|| TlsRefused::in_text(text));
        let Some(refused) = refused else { return error };
        // Authorities may have been added since.
        *lock(&self.made) = None;
        Error::new(ErrorKind::Config, Effect::NotApplied).with_source(refused)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake")
    }
}

impl From<TlsUnusable> for Error {
    fn from(unusable: TlsUnusable) -> Self {
        Self::new(ErrorKind::Config, Effect::NotApplied).with_source(unusable)
    }
}

fn parsed(name: &str) -> Result<ServerName<'static>, TlsUnusable> {
    let name = ServerName::try_from(name).map_err(|_| TlsUnusable::ServerName)?;
    Ok(name.to_owned())
}

/// The process's, else the one that a feature brings.
fn provider() -> Option<Arc<CryptoProvider>> {
    let default = CryptoProvider::get_default().cloned();
    #[cfg(feature = "tls-ring")]
    let default = default.or_else(|| Some(Arc::new(rustls::crypto::ring::default_provider())));
    #[cfg(all(feature = "tls-aws-lc-rs", not(feature = "tls-ring")))]
    let default = default.or_else(|| Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider())));
    default
}

fn identity_of(
    certificates: &[u8],
    key: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsUnusable> {
    let none = |what: &str| TlsUnusable::Identity(format!("there is no {what} in the text"));
    let certificates = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|_| none("certificate"))?;
    if certificates.is_empty() {
        return Err(none("certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| none("key"))?;
    Ok((certificates, key))
}

/// What is in it is whole, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

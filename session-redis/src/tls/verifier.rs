//! Checks certificates as the library does, and remembers why one was refused.

use std::fmt;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::lock;

/// The library's own verifier. Not each client passes on why it refused a certificate.
pub(super) struct Noting {
    verifier: Arc<WebPkiServerVerifier>,
    refused: Mutex<Option<Error>>,
}

impl Noting {
    pub(super) fn new(verifier: Arc<WebPkiServerVerifier>) -> Self {
        let refused = Mutex::default();
        Self { verifier, refused }
    }

    /// Why a certificate was refused, if one was.
    pub(super) fn take(&self) -> Option<Error> {
        lock(&self.refused).take()
    }

    fn note<T>(&self, checked: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &checked {
            *lock(&self.refused) = Some(error.clone());
        }
        checked
    }
}

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noting")
    }
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = &self.verifier;
        self.note(verifier.verify_server_cert(certificate, intermediates, name, ocsp, now))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verifier = &self.verifier;
        self.note(verifier.verify_tls12_signature(message, certificate, signed))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verifier = &self.verifier;
        self.note(verifier.verify_tls13_signature(message, certificate, signed))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.verifier.root_hint_subjects()
    }
}

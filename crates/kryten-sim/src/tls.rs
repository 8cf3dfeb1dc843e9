//! A certificate authority of one simulator, and the certificate that it gives itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use crate::config::TlsConfig;

/// The certificates could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A name is none, or no key could be made.
    #[error("cannot make a certificate; the names must be host names or addresses")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library does not take what was made.
    #[error("the TLS library refuses the certificate that was just made")]
    Library(#[from] rustls::Error),
    /// The authority's certificate cannot be written.
    #[error("cannot write the certificate authority to {}; choose another file", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// What a TLS port needs.
pub(crate) struct Secure {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate as PEM.
    pub(crate) ca: String,
}

/// Makes an authority and a certificate for the loopback, the address and the names, and writes the authority out.
pub(crate) fn secure(config: &TlsConfig, addr: SocketAddr) -> Result<Secure, TlsError> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "kryten-sim certificate authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
        addr.ip().to_string(),
    ];
    names.extend(config.names.iter().cloned());
    names.sort();
    names.dedup();
    let key = KeyPair::generate()?;
    let mut own = CertificateParams::new(names)?;
    own.distinguished_name
        .push(DnType::CommonName, "kryten-sim");
    own.use_authority_key_identifier_extension = true;
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let own = own.signed_by(&key, &issuer)?;

    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )?;
    let ca = certificate.pem();
    if let Some(path) = &config.ca_file {
        std::fs::write(path, &ca).map_err(|source| TlsError::Write {
            path: path.clone(),
            source,
        })?;
    }
    Ok(Secure {
        acceptor: TlsAcceptor::from(Arc::new(tls)),
        ca,
    })
}

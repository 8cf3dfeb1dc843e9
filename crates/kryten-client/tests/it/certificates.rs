//! An authority, a server's certificate and a client's, in a folder that goes away.

use std::path::PathBuf;

use kryten_servers::NatsServer;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The files; each certificate with its key.
pub(crate) struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Self { folder };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of a test");
        let ca = params.self_signed(&key).unwrap();
        std::fs::write(certificates.path("ca.pem"), ca.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        for (name, host) in [
            ("server", "127.0.0.1"),
            ("elsewhere", "nats.example.org"),
            ("client", "a client"),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([host.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let certificate = params.signed_by(&key, &issuer).unwrap();
            let path = |kind: &str| certificates.path(&format!("{name}-{kind}.pem"));
            std::fs::write(path("cert"), certificate.pem()).unwrap();
            std::fs::write(path("key"), key.serialize_pem()).unwrap();
        }
        certificates
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server with TLS; `more` goes into its `tls` section.
    pub(crate) async fn server(&self, name: &str, more: &str) -> NatsServer {
        let path = |name: String| self.path(&name).display().to_string();
        let tls = format!(
            "tls {{ cert_file: '{}', key_file: '{}', ca_file: '{}', {more} }}",
            path(format!("{name}-cert.pem")),
            path(format!("{name}-key.pem")),
            path("ca.pem".into()),
        );
        NatsServer::ephemeral_with(|options| options.extra_config = tls).await
    }
}

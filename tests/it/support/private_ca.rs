//! A certificate authority of the test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Signs server certificates; clients trust it by its PEM.
pub(crate) struct PrivateCa {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl PrivateCa {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "private test CA");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a CA certificate");
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the CA's certificate and returns its path.
    pub(crate) fn write_to(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.pem).expect("the CA file");
        path
    }

    /// Issues a certificate for `name` and puts it and its key in place, each by a rename, as tools that renew
    /// certificates do. Returns the paths of certificate and key.
    pub(crate) fn issue(&self, name: &str, folder: &Path) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()])
            .and_then(|params| params.signed_by(&key, &self.issuer))
            .expect("a certificate");
        let put = |file: String, text: String| {
            let path = folder.join(&file);
            let fresh = folder.join(format!("{file}.new"));
            std::fs::write(&fresh, text).expect("a file");
            std::fs::rename(&fresh, &path).expect("a rename");
            path
        };
        let key_path = put(format!("{name}.key"), key.serialize_pem());
        (put(format!("{name}.pem"), certificate.pem()), key_path)
    }

    /// What a client that trusts only this CA uses.
    pub(crate) fn client_config(&self) -> Arc<rustls::ClientConfig> {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let certificate =
            rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a PEM");
        roots.add(certificate).expect("a CA");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

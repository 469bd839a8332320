//! Which certificates the suite believes: the system's, and those of `--ca-file`.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_tungstenite::Connector;

/// Extra certificate authorities beside the system's.
#[derive(Clone, Default)]
pub struct Trust {
    authorities: Arc<Vec<CertificateDer<'static>>>,
}

impl Trust {
    /// Only the system's authorities.
    pub fn system() -> Self {
        Self::default()
    }

    /// The authorities in a PEM file too.
    pub fn with_file(path: &Path) -> Result<Self, String> {
        let authorities = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if authorities.is_empty() {
            return Err(format!("{}: no certificate in it", path.display()));
        }
        Ok(Self {
            authorities: Arc::new(authorities),
        })
    }

    /// Makes an HTTP client believe them.
    pub fn apply(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, String> {
        for authority in self.authorities.iter() {
            let certificate =
                reqwest::Certificate::from_der(authority).map_err(|error| error.to_string())?;
            builder = builder.add_root_certificate(certificate);
        }
        Ok(builder)
    }

    /// What WebSockets use; `None` is the system's authorities.
    pub fn connector(&self) -> Result<Option<Connector>, String> {
        if self.authorities.is_empty() {
            return Ok(None);
        }
        let mut roots = rustls::RootCertStore::empty();
        for authority in self.authorities.iter() {
            roots
                .add(authority.clone())
                .map_err(|error| error.to_string())?;
        }
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Some(Connector::Rustls(Arc::new(config))))
    }
}

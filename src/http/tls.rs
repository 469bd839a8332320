//! TLS: certificate and key from files, read again when they change.
//!
//! New files that cannot be used are reported and ignored; the old certificate stays. Connections that are open keep theirs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no PEM of the kind that it should.
    #[error("{path} holds no {wanted} in PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that is not supported.
    #[error("certificate and key do not go together")]
    Mismatch(#[source] rustls::Error),
    /// The process has no cryptography.
    #[error("no cryptographic provider is installed")]
    NoProvider,
}

/// The certificate in use, and where it comes from.
pub struct Certificate {
    files: TlsFiles,
    current: RwLock<Loaded>,
}

struct Loaded {
    cert_pem: Vec<u8>,
    key_pem: zeroize::Zeroizing<Vec<u8>>,
    certified: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(Loaded::from(&files)?);
        Ok(Arc::new(Self { files, current }))
    }

    /// What a TLS listener is configured with: HTTP/2 and HTTP/1.1 with this certificate.
    ///
    /// # Errors
    /// The process has no cryptography.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let provider = provider()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Mismatch)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Looks at the files again and again; never returns.
    pub async fn follow_changes(&self) {
        let mut last_complaint = String::new();
        loop {
            tokio::time::sleep(INTERVAL).await;
            match self.reload() {
                Ok(true) => {
                    tracing::info!(file = %self.files.cert.display(), "new certificate in use")
                }
                Ok(false) => last_complaint.clear(),
                Err(error) => {
                    let complaint = describe(&error);
                    if complaint != last_complaint {
                        tracing::error!(
                            file = %self.files.cert.display(),
                            error = complaint,
                            "new certificate refused, the old one stays in use"
                        );
                    }
                    last_complaint = complaint;
                }
            }
        }
    }

    /// Takes the files' content into use if it is another; says whether it was.
    fn reload(&self) -> Result<bool, TlsError> {
        let (cert_pem, key_pem) = read_both(&self.files)?;
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.cert_pem == cert_pem && *current.key_pem == key_pem {
                return Ok(false);
            }
        }
        let new = Loaded::from_pem(&self.files, cert_pem, key_pem)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.certified))
    }
}

impl Loaded {
    fn from(files: &TlsFiles) -> Result<Self, TlsError> {
        let (cert_pem, key_pem) = read_both(files)?;
        Self::from_pem(files, cert_pem, key_pem)
    }

    fn from_pem(files: &TlsFiles, cert_pem: Vec<u8>, key_pem: Vec<u8>) -> Result<Self, TlsError> {
        let not_pem = |path: &Path, wanted| {
            let path = path.to_owned();
            move |source| TlsError::Pem {
                path,
                wanted,
                source,
            }
        };
        let chain = CertificateDer::pem_slice_iter(&cert_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(not_pem(&files.cert, "certificate"))?;
        if chain.is_empty() {
            let nothing = rustls_pki_types::pem::Error::NoItemsFound;
            return Err(not_pem(&files.cert, "certificate")(nothing));
        }
        let key =
            PrivateKeyDer::from_pem_slice(&key_pem).map_err(not_pem(&files.key, "private key"))?;
        let certified =
            CertifiedKey::from_der(chain, key, &*provider()?).map_err(TlsError::Mismatch)?;
        Ok(Self {
            cert_pem,
            key_pem: key_pem.into(),
            certified: Arc::new(certified),
        })
    }
}

fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    CryptoProvider::get_default()
        .cloned()
        .ok_or(TlsError::NoProvider)
}

fn read_both(files: &TlsFiles) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        std::fs::read(&path).map_err(|source| TlsError::Read { path, source })
    };
    Ok((read(&files.cert)?, read(&files.key)?))
}

/// The error with its cause, in one line.
fn describe(error: &TlsError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Folder {
        folder: tempfile::TempDir,
    }

    impl Folder {
        fn new() -> Self {
            // Whichever test comes first installs it.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let folder = tempfile::tempdir().unwrap();
            Self { folder }
        }

        fn files(&self) -> TlsFiles {
            TlsFiles {
                cert: self.folder.path().join("cert.pem"),
                key: self.folder.path().join("key.pem"),
            }
        }

        /// Writes a fresh certificate with its key, and says what a client would see.
        fn renew(&self) -> CertificateDer<'static> {
            let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
            fs::write(self.files().cert, made.cert.pem()).unwrap();
            fs::write(self.files().key, made.signing_key.serialize_pem()).unwrap();
            made.cert.der().clone()
        }
    }

    fn in_use(certificate: &Certificate) -> CertificateDer<'static> {
        let current = certificate.current.read().unwrap();
        current.certified.cert[0].clone()
    }

    #[test]
    fn changed_files_are_taken_into_use() {
        let folder = Folder::new();
        let first = folder.renew();
        let certificate = Certificate::load(folder.files()).unwrap();
        assert_eq!(in_use(&certificate), first);
        assert!(!certificate.reload().unwrap());
        let second = folder.renew();
        assert!(certificate.reload().unwrap());
        assert_eq!(in_use(&certificate), second);
    }

    #[test]
    fn files_that_cannot_be_used_leave_the_old_certificate() {
        let folder = Folder::new();
        let first = folder.renew();
        let certificate = Certificate::load(folder.files()).unwrap();
        let key = fs::read(folder.files().key).unwrap();

        folder.renew();
        fs::write(folder.files().key, &key).unwrap();
        assert!(matches!(certificate.reload(), Err(TlsError::Mismatch(_))));

        fs::write(folder.files().cert, "nonsense").unwrap();
        assert!(matches!(
            certificate.reload(),
            Err(TlsError::Pem {
                wanted: "certificate",
                ..
            })
        ));

        fs::remove_file(folder.files().key).unwrap();
        assert!(matches!(certificate.reload(), Err(TlsError::Read { .. })));
        assert_eq!(in_use(&certificate), first);
    }
}

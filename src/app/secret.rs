//! The server's secret: signs local tokens. Made in the data folder at the first start, readable by the owner only.

use std::io::ErrorKind;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::config::SecretKey;
use crate::entropy::Entropy;
use crate::private_file;

/// The file in the data folder.
pub(crate) const FILE: &str = "secret.key";

/// The secret that was set, or the one in the data folder, made if there is none.
pub(super) fn load(
    set: Option<&SecretKey>,
    data_dir: &Path,
    entropy: &Entropy,
) -> std::io::Result<Zeroizing<[u8; 32]>> {
    if let Some(secret) = set {
        return Ok(Zeroizing::new(*secret.bytes()));
    }
    let path = data_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => decode(&Zeroizing::new(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => make(&path, entropy),
        Err(error) => Err(error),
    }
}

fn decode(text: &str) -> std::io::Result<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).unwrap_or_default());
    let secret: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| std::io::Error::other("it does not hold 32 bytes in base64"))?;
    Ok(Zeroizing::new(secret))
}

fn make(path: &Path, entropy: &Entropy) -> std::io::Result<Zeroizing<[u8; 32]>> {
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(entropy.bytes());
    let text = Zeroizing::new(BASE64_STANDARD.encode(secret.as_slice()));
    private_file::create(path, text.as_bytes())?;
    Ok(secret)
}

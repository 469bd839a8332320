//! Passwords: what they may be, and hashing them with Argon2id beside the async threads.
//!
//! A hash takes 25 ms of a core and 19 MiB, so that few run at once and others wait. Whoever signs in under a name that
//! does not exist waits as long as with a wrong password.

use std::fmt;
use std::sync::{Arc, OnceLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Deserializer};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::Reason;
use crate::http::fields::refuse;

/// Characters that a password has, at least and at most.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// Characters of a one-time password: no two that look alike.
const ONE_TIME_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Length of a one-time password: 100 bits.
const ONE_TIME_LENGTH: usize = 20;

/// A password in the clear: wiped from memory when dropped, never shown.
#[derive(Clone, utoipa::ToSchema)]
#[schema(value_type = String, format = Password)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a text for a password.
    pub fn new(text: String) -> Self {
        Password(Zeroizing::new(text))
    }

    /// A new one-time password, 100 random bits in a form that can be read out.
    pub fn one_time() -> Self {
        let bytes: [u8; ONE_TIME_LENGTH] = rand::random();
        let text = bytes
            .iter()
            .filter_map(|byte| ONE_TIME_ALPHABET.get(usize::from(byte & 31)))
            .map(|letter| char::from(*letter))
            .collect();
        Password::new(text)
    }

    /// Whether an account may have this password.
    pub fn has_good_length(&self) -> bool {
        PASSWORD_LENGTH.contains(&self.0.chars().count())
    }

    /// The text, for the one answer that shows a one-time password.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Password::new)
    }
}

/// A rule for garde: 8 to 256 characters.
///
/// # Errors
/// Another length.
pub fn good(password: &Password, (): &()) -> garde::Result {
    if password.has_good_length() {
        Ok(())
    } else {
        Err(refuse(Reason::Length, "must have 8 to 256 characters"))
    }
}

/// [`good`] where there need not be a password.
///
/// # Errors
/// As [`good`].
pub fn good_if_any(password: &Option<Password>, context: &()) -> garde::Result {
    password
        .as_ref()
        .map_or(Ok(()), |password| good(password, context))
}

/// Hashing failed.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Argon2 refused its input.
    #[error("cannot hash a password: {0}")]
    Argon2(argon2::password_hash::Error),
    /// The thread that hashed went away.
    #[error("the hashing thread ended")]
    Thread,
}

/// Hashes and checks passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// At most `at_once` hashes run side by side.
    pub fn new(at_once: usize) -> Self {
        Passwords {
            permits: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }

    /// The hash of a password in PHC form.
    pub async fn hash(&self, password: &Password) -> Result<String, HashingError> {
        let password = password.clone();
        self.run(move || hash(&password)).await?
    }

    /// Whether `password` is the one that `stored` was made of. Without a stored hash the answer is no, and takes as
    /// long.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<String>,
    ) -> Result<bool, HashingError> {
        let password = password.clone();
        self.run(move || match stored {
            Some(stored) => Ok(matches(&password, &stored)),
            None => {
                matches(&password, decoy()?);
                Ok(false)
            }
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| HashingError::Thread)?;
        // The permit goes along: a request that is dropped meanwhile does not let another thread start.
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| HashingError::Thread)
    }
}

fn hash(password: &Password) -> Result<String, HashingError> {
    Argon2::default()
        .hash_password(password.0.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(HashingError::Argon2)
}

fn matches(password: &Password, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.0.as_bytes(), &hash)
            .is_ok()
    })
}

/// The hash of a password that nobody has.
fn decoy() -> Result<&'static str, HashingError> {
    static DECOY: OnceLock<String> = OnceLock::new();
    if let Some(decoy) = DECOY.get() {
        return Ok(decoy);
    }
    let fresh = hash(&Password::one_time())?;
    Ok(DECOY.get_or_init(|| fresh))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let passwords = Passwords::new(1);
        let stored = passwords.hash(&password("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            passwords
                .verify(&password("correct horse"), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(&password("correct horsE"), Some(stored))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(1);
        assert!(
            !passwords
                .verify(&password("anything at all"), None)
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(&password("x"), Some("not a hash".to_owned()))
                .await
                .unwrap()
        );
    }

    #[test]
    fn lengths_count_characters() {
        assert!(!password("1234567").has_good_length());
        assert!(password("12345678").has_good_length());
        assert!(password(&"ü".repeat(256)).has_good_length());
        assert!(!password(&"ü".repeat(257)).has_good_length());
    }

    #[test]
    fn one_time_passwords_are_long_enough_and_differ() {
        let first = Password::one_time();
        assert!(first.has_good_length());
        assert_eq!(first.reveal().len(), 20);
        assert_ne!(first.reveal(), Password::one_time().reveal());
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", password("hunter42!")), "Password(…)");
    }
}

//! Randomness as a parameter, as time is one: what makes keys, salts and nonces takes an [`Entropy`].
//!
//! The simulation passes one that follows from its seed, so that a play comes out the same down to the last hash. What proves
//! who somebody is (tokens, passwords made for somebody) takes the system's randomness directly and has no such parameter.

#[cfg(test)]
use std::sync::{Arc, Mutex};

use rand::Rng;
#[cfg(test)]
use rand::SeedableRng;
#[cfg(test)]
use rand::rngs::StdRng;

/// Where random bytes come from. Cloning is cheap; clones of a seeded one draw from the same sequence.
#[derive(Clone, Debug)]
pub struct Entropy(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    #[cfg(test)]
    Seeded(Arc<Mutex<StdRng>>),
}

impl Entropy {
    /// A generator for secrets that the operating system seeds.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A sequence that a seed fixes.
    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self(Source::Seeded(Arc::new(Mutex::new(rng))))
    }

    /// The next random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => rand::rng().fill_bytes(&mut bytes),
            #[cfg(test)]
            Source::Seeded(rng) => rng.lock().unwrap().fill_bytes(&mut bytes),
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_never_gives_the_same_twice() {
        let entropy = Entropy::system();
        assert_ne!(entropy.bytes::<16>(), entropy.clone().bytes::<16>());
    }

    #[test]
    fn a_seed_fixes_the_sequence_that_clones_share() {
        let (one, other) = (Entropy::seeded(1), Entropy::seeded(1));
        let (first, second) = (one.bytes::<16>(), one.clone().bytes::<16>());
        assert_ne!(first, second);
        assert_eq!([first, second], [other.bytes(), other.bytes()]);
        assert_ne!(Entropy::seeded(2).bytes(), first);
    }
}

//! Whether a refresh token that somebody presents is still good (client specification, section 2). Pure.
//!
//! A session's refresh tokens are numbered. One number is good at a time; the one before it stays good for a while, for
//! clients whose answer got lost or who asked twice at once, and leads to the *same* successor. Whoever presents one
//! after that holds a copy: the session ends, for the thief and the owner alike.

/// How long a replaced refresh token stays good, in milliseconds.
pub const REPLACED_GRACE_MS: i64 = 30_000;

/// What is stored about the session that a refresh token belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// The number of the token that is good now.
    pub generation: i64,
    /// When the session ends if nobody uses it, Unix milliseconds.
    pub expires_at: i64,
    /// When the presented token was replaced, if that was lately.
    pub replaced_at: Option<i64>,
}

/// What to do about a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good: the token with this number replaces it.
    Replace(i64),
    /// Replaced a moment ago: hand out the token with this number, which is the good one.
    Repeat(i64),
    /// Unused for too long.
    Expired,
    /// Replaced long ago: somebody holds a copy.
    Reused,
}

/// Judges the refresh token with number `presented` at `now`.
pub fn judge(presented: i64, stored: Stored, now: i64) -> Verdict {
    if now >= stored.expires_at {
        return Verdict::Expired;
    }
    // A number beyond the stored one is genuine as well: this server signed it before its database was restored.
    if presented >= stored.generation {
        return Verdict::Replace(presented.saturating_add(1));
    }
    match stored.replaced_at {
        Some(at) if now < at.saturating_add(REPLACED_GRACE_MS) => {
            Verdict::Repeat(stored.generation)
        }
        _ => Verdict::Reused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn stored(generation: i64, replaced_at: Option<i64>) -> Stored {
        Stored {
            generation,
            expires_at: 30 * DAY,
            replaced_at,
        }
    }

    #[test]
    fn the_good_one_is_replaced() {
        assert_eq!(judge(4, stored(4, None), DAY), Verdict::Replace(5));
    }

    #[test]
    fn a_lost_answer_is_repeated_within_thirty_seconds() {
        let replaced = stored(5, Some(DAY));
        assert_eq!(judge(4, replaced, DAY), Verdict::Repeat(5));
        assert_eq!(judge(4, replaced, DAY + 20_000), Verdict::Repeat(5));
        assert_eq!(judge(4, replaced, DAY + 29_999), Verdict::Repeat(5));
    }

    #[test]
    fn later_it_is_a_copy() {
        assert_eq!(
            judge(4, stored(5, Some(DAY)), DAY + 30_000),
            Verdict::Reused
        );
        assert_eq!(judge(4, stored(5, None), DAY), Verdict::Reused);
        assert_eq!(judge(1, stored(5, None), DAY), Verdict::Reused);
    }

    #[test]
    fn two_replacements_within_thirty_seconds_leave_the_first_token_good() {
        // 4 was replaced by 5, then 5 by 6, both within the grace: what 4 gets is the good one, not a dead successor.
        assert_eq!(
            judge(4, stored(6, Some(DAY)), DAY + 10_000),
            Verdict::Repeat(6)
        );
    }

    #[test]
    fn an_unused_session_expires_whatever_is_presented() {
        assert_eq!(judge(4, stored(4, None), 30 * DAY), Verdict::Expired);
        assert_eq!(judge(4, stored(4, None), 30 * DAY - 1), Verdict::Replace(5));
        assert_eq!(judge(3, stored(4, None), 30 * DAY), Verdict::Expired);
    }

    #[test]
    fn a_token_from_before_a_restore_heals_the_session() {
        assert_eq!(judge(9, stored(4, None), DAY), Verdict::Replace(10));
    }
}

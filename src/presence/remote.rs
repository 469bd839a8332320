//! How present somebody of another server is: as the home server says, and only while it goes on saying so. Pure: time
//! comes in as a number.

use super::model::State;

/// How often a server says again who of its people is there, in ms.
pub const REPEATED_EVERY_MS: i64 = 60_000;
/// After two words that did not come, nothing is known any more; the rest is for the network.
const COUNTS_FOR_MS: i64 = 2 * REPEATED_EVERY_MS + 30_000;

/// The latest word of a home server.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    state: State,
    until: i64,
}

impl Report {
    /// A word that has just come.
    pub fn now(state: State, now: i64) -> Report {
        Report {
            state,
            until: now.saturating_add(COUNTS_FOR_MS),
        }
    }

    /// How the person is; of whom nothing is known counts as offline.
    pub fn state(&self, now: i64) -> State {
        if now < self.until {
            self.state
        } else {
            State::Offline
        }
    }

    /// Until when the word counts. `None`: nobody is there.
    pub fn ends_after(&self, now: i64) -> Option<i64> {
        (self.state(now) != State::Offline).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_until_two_more_have_not_come() {
        let report = Report::now(State::Busy, 0);
        assert_eq!(report.state(149_999), State::Busy);
        assert_eq!(report.ends_after(0), Some(150_000));
        assert_eq!(report.state(150_000), State::Offline);
        assert_eq!(report.ends_after(150_000), None);
    }

    #[test]
    fn who_is_said_to_be_offline_is_forgotten() {
        assert_eq!(Report::now(State::Offline, 0).ends_after(0), None);
    }
}

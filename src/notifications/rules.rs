//! Who is told of a message, and why (client specification, section 11). Pure.

use super::model::Reason;
use crate::preferences::DefaultMode;

/// What connects a message with one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// It names the person.
    pub is_mentioned: bool,
    /// It holds one of the person's keywords.
    pub has_keyword: bool,
    /// It is a question directed at the person.
    pub is_asked: bool,
    /// It carries a tag such as `#urgent`.
    pub is_urgent: bool,
}

impl Concern {
    /// Why the person is told of it.
    pub fn reason(self) -> Reason {
        if self.is_mentioned {
            Reason::DirectMention
        } else if self.has_keyword {
            Reason::KeywordAlert
        } else if self.is_asked {
            Reason::Question
        } else if self.is_urgent {
            Reason::PriorityTag
        } else {
            Reason::Message
        }
    }

    /// Whether somebody in this mode is told of it. Keywords pass every mode, and nothing passes a mute.
    pub fn is_told(self, mode: DefaultMode, is_muted: bool) -> bool {
        let passes = match mode {
            DefaultMode::All => true,
            DefaultMode::Mentions => self.is_mentioned,
            DefaultMode::None => false,
        };
        !is_muted && (passes || self.has_keyword)
    }
}

/// The mode of a room for somebody who stored this word for it, if any: where nothing is stored, DMs are on `all` and other
/// rooms on `mentions`; on `inherit` the person's own default counts.
pub fn mode(stored: Option<&str>, is_dm: bool, default: DefaultMode) -> DefaultMode {
    match stored {
        Some("all") => DefaultMode::All,
        Some("mentions") => DefaultMode::Mentions,
        Some("none") => DefaultMode::None,
        Some(_) => default,
        None if is_dm => DefaultMode::All,
        None => DefaultMode::Mentions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Concern = Concern {
        is_mentioned: false,
        has_keyword: false,
        is_asked: false,
        is_urgent: false,
    };
    const MENTION: Concern = Concern {
        is_mentioned: true,
        ..PLAIN
    };
    const KEYWORD: Concern = Concern {
        has_keyword: true,
        ..PLAIN
    };
    const QUESTION: Concern = Concern {
        is_asked: true,
        ..PLAIN
    };

    #[test]
    fn the_first_reason_that_fits_is_given() {
        let all = Concern {
            is_mentioned: true,
            has_keyword: true,
            is_asked: true,
            is_urgent: true,
        };
        assert_eq!(all.reason(), Reason::DirectMention);
        let rest = Concern {
            is_mentioned: false,
            ..all
        };
        assert_eq!(rest.reason(), Reason::KeywordAlert);
        let rest = Concern {
            has_keyword: false,
            ..rest
        };
        assert_eq!(rest.reason(), Reason::Question);
        let rest = Concern {
            is_asked: false,
            ..rest
        };
        assert_eq!(rest.reason(), Reason::PriorityTag);
        assert_eq!(PLAIN.reason(), Reason::Message);
    }

    #[test]
    fn a_mode_lets_through_what_it_names_and_keywords() {
        let told =
            |mode| [PLAIN, QUESTION, MENTION, KEYWORD].map(|concern| concern.is_told(mode, false));
        assert_eq!(told(DefaultMode::All), [true, true, true, true]);
        assert_eq!(told(DefaultMode::Mentions), [false, false, true, true]);
        assert_eq!(told(DefaultMode::None), [false, false, false, true]);
    }

    #[test]
    fn a_mute_is_stronger_than_everything() {
        for mode in [DefaultMode::All, DefaultMode::Mentions, DefaultMode::None] {
            for concern in [PLAIN, MENTION, KEYWORD] {
                assert!(!concern.is_told(mode, true));
            }
        }
    }

    #[test]
    fn rooms_start_on_mentions_dms_on_all_and_inherit_is_the_person_s_own_default() {
        let default = DefaultMode::None;
        assert_eq!(mode(None, false, default), DefaultMode::Mentions);
        assert_eq!(mode(None, true, default), DefaultMode::All);
        assert_eq!(mode(Some("inherit"), true, default), DefaultMode::None);
        assert_eq!(mode(Some("mentions"), true, default), DefaultMode::Mentions);
        assert_eq!(mode(Some("all"), false, default), DefaultMode::All);
        assert_eq!(
            mode(Some("none"), false, DefaultMode::All),
            DefaultMode::None
        );
    }
}

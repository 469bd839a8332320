//! States of presence, and what clients say about them (client specification, section 4).

use serde::{Deserialize, Serialize};

/// How present a person is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Signed in nowhere.
    Offline,
    /// There, but without input for a while.
    Idle,
    /// There.
    Online,
    /// There, and not to be disturbed: only ever set by hand.
    Busy,
    /// There, and shown as offline to most: only ever set by hand.
    AppearOffline,
}

impl State {
    /// What everybody may know.
    pub fn to_public(self) -> State {
        match self {
            State::AppearOffline => State::Offline,
            State::Offline | State::Idle | State::Online | State::Busy => self,
        }
    }

    /// The word in answers and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Offline => "offline",
            State::Idle => "idle",
            State::Online => "online",
            State::Busy => "busy",
            State::AppearOffline => "appear_offline",
        }
    }
}

/// A state set by hand, which stays until it is set to `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// As the devices say.
    Auto,
    /// This one, while a device is alive.
    Fixed(State),
}

/// The text is not a state that can be set by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a presence state that can be set")]
pub struct NotAChoice;

impl Choice {
    /// The word in requests and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Choice::Auto => "auto",
            Choice::Fixed(state) => state.as_str(),
        }
    }
}

impl std::str::FromStr for Choice {
    type Err = NotAChoice;

    fn from_str(word: &str) -> Result<Choice, NotAChoice> {
        match word {
            "auto" => Ok(Choice::Auto),
            "online" => Ok(Choice::Fixed(State::Online)),
            "idle" => Ok(Choice::Fixed(State::Idle)),
            "busy" => Ok(Choice::Fixed(State::Busy)),
            "appear_offline" => Ok(Choice::Fixed(State::AppearOffline)),
            _ => Err(NotAChoice),
        }
    }
}

/// What a device says of itself every 30 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Beat {
    /// Somebody uses it.
    #[default]
    Online,
    /// It is open, and nobody has touched it for five minutes.
    Idle,
}

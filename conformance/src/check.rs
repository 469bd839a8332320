//! What a check is: a named async function that reads like a sentence of the specification, and its possible ends.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use crate::trial::Trial;

/// A group of checks that is chosen on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// Endpoints, fields and frames of the client API.
    Client,
    /// One trigger for each code of the error catalogue.
    Errors,
    /// The protocol between servers, with the suite as the other server.
    Federation,
}

impl Profile {
    /// All profiles, in the order in which they are reported.
    pub const ALL: [Self; 3] = [Self::Client, Self::Errors, Self::Federation];

    /// The name used on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Errors => "errors",
            Self::Federation => "federation",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text)
            .ok_or_else(|| "one of client, errors, federation".to_owned())
    }
}

/// Why a check ended before its last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The server did something else than the specification says.
    Failed(String),
    /// A precondition of the check is not met; this never counts as passed.
    Skipped(String),
}

/// How a check ends: `Ok` is passed.
pub type Verdict = Result<(), Stop>;

/// A failure with its reason.
pub fn failed(reason: impl Into<String>) -> Stop {
    Stop::Failed(reason.into())
}

/// A skip with the precondition that is not met.
pub fn skipped(reason: impl Into<String>) -> Stop {
    Stop::Skipped(reason.into())
}

type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One rule of the specification, checked against a running server.
pub struct Check {
    /// `area/topic: sentence`, unique in its profile.
    pub name: &'static str,
    /// The profile that the check belongs to.
    pub profile: Profile,
    /// The page and section of the specification that states the rule.
    pub section: &'static str,
    /// Whether it changes something that other checks depend on, so that none may run beside it.
    pub alone: bool,
    /// Whether it waits long for a time limit of the server, so that it starts first.
    pub slow: bool,
    run: Box<dyn Fn(Trial) -> Running + Send + Sync>,
}

impl Check {
    /// A check of `profile` for the rule at `section`.
    pub fn new<F, Fut>(
        profile: Profile,
        section: &'static str,
        name: &'static str,
        function: F,
    ) -> Self
    where
        F: Fn(Trial) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Verdict> + Send + 'static,
    {
        Self {
            name,
            profile,
            section,
            alone: false,
            slow: false,
            run: Box::new(move |trial| Box::pin(function(trial))),
        }
    }

    /// The same check, run while no other runs.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The same check, started before the others.
    pub fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// The part of the name before the colon, such as `rooms/kick`.
    pub fn area(&self) -> &'static str {
        self.name
            .split_once(':')
            .map_or(self.name, |(area, _)| area)
    }

    /// Starts the check.
    pub fn start(&self, trial: Trial) -> Running {
        (self.run)(trial)
    }
}

/// A check of the client profile.
pub fn client<F, Fut>(section: &'static str, name: &'static str, function: F) -> Check
where
    F: Fn(Trial) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send + 'static,
{
    Check::new(Profile::Client, section, name, function)
}

/// A check of the errors profile.
pub fn errors<F, Fut>(section: &'static str, name: &'static str, function: F) -> Check
where
    F: Fn(Trial) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send + 'static,
{
    Check::new(Profile::Errors, section, name, function)
}

/// A check of the federation profile. One played peer serves all: checks that need it down, or another policy, run alone.
pub fn federation<F, Fut>(section: &'static str, name: &'static str, function: F) -> Check
where
    F: Fn(Trial) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send + 'static,
{
    Check::new(Profile::Federation, section, name, function)
}

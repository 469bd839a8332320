//! Preferences as clients set and see them (client specification, section 3).

use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize};

use super::rules;
use crate::http::json::nullable;
use crate::participants;

/// Keywords of one person, at most.
const MOST_KEYWORDS: usize = 50;

/// Everything that a person can set, with the defaults of what was not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 3 of the client specification"
)]
pub struct Preferences {
    pub locale: Locale,
    pub timezone: String,
    pub time_format: TimeFormat,
    pub ai_response_mode: ResponseMode,
    pub ai_engagement_mode: EngagementMode,
    pub default_mode: DefaultMode,
    pub quiet_hours: QuietHours,
    pub keyword_alerts: Vec<String>,
    pub read_marker_mode: ReadMarkerMode,
    pub push: bool,
    pub email: bool,
    pub email_address: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Preferences {
            locale: Locale::En,
            timezone: "UTC".to_owned(),
            time_format: TimeFormat::Hours24,
            ai_response_mode: ResponseMode::Conversational,
            ai_engagement_mode: EngagementMode::Always,
            default_mode: DefaultMode::All,
            quiet_hours: QuietHours::default(),
            keyword_alerts: Vec::new(),
            read_marker_mode: ReadMarkerMode::Leave,
            push: true,
            email: false,
            email_address: None,
        }
    }
}

/// The language of texts that the server writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "codes of languages")]
pub enum Locale {
    En,
    Nl,
    De,
}

/// How clients show the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum TimeFormat {
    #[serde(rename = "12h")]
    Hours12,
    #[serde(rename = "24h")]
    Hours24,
}

/// How an AI's answer reaches the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum ResponseMode {
    Streaming,
    Conversational,
}

/// When an AI that the person brings into a new room answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum EngagementMode {
    Always,
    Mention,
    Keyword,
    Autonomous,
}

/// What rooms on `inherit` notify of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DefaultNotificationMode)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum DefaultMode {
    All,
    Mentions,
    None,
}

/// When a client takes messages as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum ReadMarkerMode {
    Leave,
    Scroll,
}

/// A time of every day at which the person is not to be disturbed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 3 of the client specification"
)]
pub struct QuietHours {
    pub enabled: bool,
    pub start: Option<String>,
    pub end: Option<String>,
    pub weekdays_only: bool,
    pub weekends_only: bool,
}

/// `PUT /v1/me/preferences`: any subset; what is absent stays.
#[derive(Debug, Default, Serialize, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[expect(
    missing_docs,
    reason = "named as in section 3 of the client specification"
)]
pub struct NewPreferences {
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub locale: Option<Locale>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(inner(custom(rules::time_zone)))]
    pub timezone: Option<String>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub time_format: Option<TimeFormat>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub ai_response_mode: Option<ResponseMode>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub ai_engagement_mode: Option<EngagementMode>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub default_mode: Option<DefaultMode>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(dive, custom(rules::quiet_hours))]
    pub quiet_hours: Option<NewQuietHours>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(inner(length(max = MOST_KEYWORDS), inner(custom(rules::keyword))))]
    pub keyword_alerts: Option<Vec<String>>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub read_marker_mode: Option<ReadMarkerMode>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub push: Option<bool>,
    #[serde(
        default,
        deserialize_with = "set",
        skip_serializing_if = "Option::is_none"
    )]
    pub email: Option<bool>,
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[garde(custom(participants::rules::email_if_changed))]
    pub email_address: Option<Option<String>>,
}

/// Quiet hours, set as a whole: what is absent is off.
#[derive(Debug, Default, Serialize, Deserialize, Validate, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[expect(
    missing_docs,
    reason = "named as in section 3 of the client specification"
)]
pub struct NewQuietHours {
    pub enabled: bool,
    #[garde(inner(custom(rules::time_of_day)))]
    pub start: Option<String>,
    #[garde(inner(custom(rules::time_of_day)))]
    pub end: Option<String>,
    pub weekdays_only: bool,
    pub weekends_only: bool,
}

/// A key that may be absent, but not null.
fn set<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

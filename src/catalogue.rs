//! The catalogue of error codes: the only place that knows a code's text form, HTTP status and default message.
//!
//! Clients and peers match on the codes, so neither a code nor its status ever changes between releases. The machine-readable
//! twin is `federation-spec/errors.json`; a test compares the two.

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Makes [`Code`] and everything that is known of its variants from the one table below, so that no list can miss a row.
macro_rules! catalogue {
    ($($variant:ident, $text:literal, $status:ident, $message:literal;)+) => {
        /// A stable error code, as in section 12 of the client specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $(
                #[doc = $message]
                #[serde(rename = $text)]
                $variant,
            )+
        }

        impl Code {
            /// Every code, in the catalogue's order.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The stable text form, such as `SW_NOT_FOUND`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $text,)+
                }
            }

            /// The HTTP status that every answer with this code has.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Code::$variant => StatusCode::$status,)+
                }
            }

            /// An English sentence for people, used where nobody has anything more exact to say.
            #[must_use]
            pub const fn default_message(self) -> &'static str {
                match self {
                    $(Code::$variant => $message,)+
                }
            }
        }
    };
}

catalogue! {
    AuthInvalidToken, "SW_AUTH_INVALID_TOKEN", UNAUTHORIZED, "Sign in: the access token is missing, malformed or no longer valid.";
    AuthExpiredToken, "SW_AUTH_EXPIRED_TOKEN", UNAUTHORIZED, "The token has expired. Refresh it.";
    AuthOidcFailed, "SW_AUTH_OIDC_FAILED", BAD_REQUEST, "Signing in with the identity provider failed.";
    AuthRedirectMismatch, "SW_AUTH_REDIRECT_MISMATCH", BAD_REQUEST, "The redirect URI is not the configured one.";
    AuthInsufficientPermission, "SW_AUTH_INSUFFICIENT_PERMISSION", FORBIDDEN, "You lack the permission that this needs.";
    AuthTenantMismatch, "SW_AUTH_TENANT_MISMATCH", FORBIDDEN, "The request names another tenant than the token.";
    TenantNotFound, "SW_TENANT_NOT_FOUND", NOT_FOUND, "There is no such tenant.";
    TenantCapacity, "SW_TENANT_CAPACITY", CONFLICT, "A limit of the tenant has been reached.";
    NotMember, "SW_NOT_MEMBER", FORBIDDEN, "You are not a member.";
    RoomNotFound, "SW_ROOM_NOT_FOUND", NOT_FOUND, "There is no such room.";
    RoomForbidden, "SW_ROOM_FORBIDDEN", FORBIDDEN, "You may not do this in the room.";
    RoomFrozen, "SW_ROOM_FROZEN", CONFLICT, "The room is archived or closed.";
    RoomTypeInvariant, "SW_ROOM_TYPE_INVARIANT", BAD_REQUEST, "Rooms of this type do not allow that.";
    RoomCapacity, "SW_ROOM_CAPACITY", CONFLICT, "The room would have more members than the tenant allows.";
    RoomExportRefused, "SW_ROOM_EXPORT_REFUSED", BAD_REQUEST, "Rooms of this kind cannot be exported.";
    RoomImportRefused, "SW_ROOM_IMPORT_REFUSED", BAD_REQUEST, "Archives of rooms of this kind cannot be imported.";
    EventNotFound, "SW_EVENT_NOT_FOUND", NOT_FOUND, "There is no such event in the room.";
    EventTooOldToEdit, "SW_EVENT_TOO_OLD_TO_EDIT", CONFLICT, "The message is past the edit window.";
    RedactForbidden, "SW_REDACT_FORBIDDEN", FORBIDDEN, "The message is not yours, and your level is too low to redact it.";
    ContentTooLarge, "SW_CONTENT_TOO_LARGE", PAYLOAD_TOO_LARGE, "The content is too large.";
    RateLimitExceeded, "SW_RATE_LIMIT_EXCEEDED", TOO_MANY_REQUESTS, "Too many requests. Try again later.";
    NoteNotFound, "SW_NOTE_NOT_FOUND", NOT_FOUND, "There is no such note.";
    NoteForbidden, "SW_NOTE_FORBIDDEN", FORBIDDEN, "You may not do this with the note.";
    NoteConflict, "SW_NOTE_CONFLICT", CONFLICT, "Somebody else has changed the note meanwhile.";
    NoteQuotaExceeded, "SW_NOTE_QUOTA_EXCEEDED", CONFLICT, "The tenant's limit of notes has been reached.";
    WorkspaceNotFound, "SW_WORKSPACE_NOT_FOUND", NOT_FOUND, "There is no such workspace.";
    WorkspaceForbidden, "SW_WORKSPACE_FORBIDDEN", FORBIDDEN, "You may not do this in the workspace.";
    WorkspaceNeedsOwner, "SW_WORKSPACE_NEEDS_OWNER", FORBIDDEN, "Only an owner of the workspace may do this.";
    WorkspaceSlugTaken, "SW_WORKSPACE_SLUG_TAKEN", CONFLICT, "Another workspace has this slug.";
    AiNoToken, "SW_AI_NO_TOKEN", SERVICE_UNAVAILABLE, "There is no credential for the model service.";
    AiModelNotFound, "SW_AI_MODEL_NOT_FOUND", NOT_FOUND, "The model is not registered with this tenant.";
    AiBusy, "SW_AI_BUSY", CONFLICT, "The AI is already generating an answer.";
    AiBudgetExceeded, "SW_AI_BUDGET_EXCEEDED", TOO_MANY_REQUESTS, "The tenant's monthly token budget is used up.";
    PluginForbidden, "SW_PLUGIN_FORBIDDEN", FORBIDDEN, "The plugin is disabled here.";
    PluginNotFound, "SW_PLUGIN_NOT_FOUND", NOT_FOUND, "There is no such plugin.";
    PluginTimeout, "SW_PLUGIN_TIMEOUT", GATEWAY_TIMEOUT, "The tool did not answer in time.";
    PlanNotFound, "SW_PLAN_NOT_FOUND", NOT_FOUND, "There is no such plan.";
    PlanNotRunning, "SW_PLAN_NOT_RUNNING", BAD_REQUEST, "The plan is not running.";
    PlanNotPausable, "SW_PLAN_NOT_PAUSABLE", BAD_REQUEST, "The plan cannot be paused now.";
    PlanNotRunnable, "SW_PLAN_NOT_RUNNABLE", BAD_REQUEST, "The plan cannot be started now.";
    PlanTooManySteps, "SW_PLAN_TOO_MANY_STEPS", BAD_REQUEST, "A plan has at most 20 steps.";
    PlanEmptySteps, "SW_PLAN_EMPTY_STEPS", BAD_REQUEST, "A plan needs at least one step.";
    PlanEmptyGoal, "SW_PLAN_EMPTY_GOAL", BAD_REQUEST, "A plan needs a goal.";
    PlanUnknownStep, "SW_PLAN_UNKNOWN_STEP", BAD_REQUEST, "The plan has no such step.";
    PlanStepTerminal, "SW_PLAN_STEP_TERMINAL", BAD_REQUEST, "The step has already ended.";
    PlanBadMode, "SW_PLAN_BAD_MODE", BAD_REQUEST, "There is no such plan mode.";
    PlanBadAdvance, "SW_PLAN_BAD_ADVANCE", BAD_REQUEST, "There is no such way to advance a plan.";
    PlanBadNextAction, "SW_PLAN_BAD_NEXT_ACTION", BAD_REQUEST, "There is no such next action.";
    PlanNeedsSidekickRoom, "SW_PLAN_NEEDS_SIDEKICK_ROOM", BAD_REQUEST, "A plan with the venue `sidekick` needs a sidekick room.";
    PlanBadVenue, "SW_PLAN_BAD_VENUE", BAD_REQUEST, "There is no such plan venue.";
    SidekickNotFound, "SW_SIDEKICK_NOT_FOUND", NOT_FOUND, "There is no such sidekick.";
    SidekickCapReached, "SW_SIDEKICK_CAP_REACHED", TOO_MANY_REQUESTS, "Too many sidekicks are at work.";
    SidekickTimeout, "SW_SIDEKICK_TIMEOUT", GATEWAY_TIMEOUT, "The sidekick's task ran out of time.";
    CallNotFound, "SW_CALL_NOT_FOUND", NOT_FOUND, "There is no such call.";
    CallEnded, "SW_CALL_ENDED", GONE, "The call has ended.";
    CallLivekitUnreachable, "SW_CALL_LIVEKIT_UNREACHABLE", SERVICE_UNAVAILABLE, "The call service cannot be reached.";
    CallRecordingDisabled, "SW_CALL_RECORDING_DISABLED", FORBIDDEN, "Recording is switched off here.";
    FedPeerUnknown, "SW_FED_PEER_UNKNOWN", FORBIDDEN, "The sending server is not an allowed peer.";
    FedSignatureMismatch, "SW_FED_SIGNATURE_MISMATCH", UNAUTHORIZED, "The signature does not verify.";
    FedProtocolVersion, "SW_FED_PROTOCOL_VERSION", BAD_REQUEST, "The protocol version is not supported.";
    FedRefused, "SW_FED_REFUSED", FORBIDDEN, "Federation is switched off for this room or tenant.";
    BridgeNotFound, "SW_BRIDGE_NOT_FOUND", NOT_FOUND, "There is no such bridge.";
    BridgeSignatureMismatch, "SW_BRIDGE_SIGNATURE_MISMATCH", UNAUTHORIZED, "The signature of the bridge does not verify.";
    BridgePaused, "SW_BRIDGE_PAUSED", CONFLICT, "The bridge is paused.";
    BridgeTransportError, "SW_BRIDGE_TRANSPORT_ERROR", BAD_GATEWAY, "The system behind the bridge cannot be reached.";
    StudioDisabled, "SW_STUDIO_DISABLED", FORBIDDEN, "The prompt studio is switched off for this tenant.";
    StudioForbidden, "SW_STUDIO_FORBIDDEN", FORBIDDEN, "You are not on the prompt studio's list.";
    StudioNoParticipant, "SW_STUDIO_NO_PARTICIPANT", NOT_FOUND, "No AI participant was found for the prompt studio.";
    NotFound, "SW_NOT_FOUND", NOT_FOUND, "There is nothing here.";
    ValidationError, "SW_VALIDATION_ERROR", UNPROCESSABLE_ENTITY, "The request is not valid.";
    InternalError, "SW_INTERNAL_ERROR", INTERNAL_SERVER_ERROR, "The server made a mistake. Its log has more under this request id.";
    ServiceUnavailable, "SW_SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE, "A part of the service does not answer. Try again later.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no code of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such error code")]
pub struct UnknownCode;

impl std::str::FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or(UnknownCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Published {
        codes: Vec<PublishedCode>,
    }

    #[derive(Deserialize)]
    struct PublishedCode {
        code: String,
        http: u16,
    }

    fn published() -> Vec<PublishedCode> {
        let text = include_str!("../federation-spec/errors.json");
        serde_json::from_str::<Published>(text).unwrap().codes
    }

    #[test]
    fn equals_the_published_catalogue_in_order_and_status() {
        let ours: Vec<_> = Code::ALL
            .iter()
            .map(|code| (code.as_str().to_owned(), code.status().as_u16()))
            .collect();
        let theirs: Vec<_> = published()
            .into_iter()
            .map(|code| (code.code, code.http))
            .collect();
        assert_eq!(ours, theirs);
        assert_eq!(ours.len(), 72);
    }

    #[test]
    fn text_form_and_serde_form_are_the_same() {
        for &code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert_eq!("SW_NO_SUCH_CODE".parse::<Code>(), Err(UnknownCode));
    }
}

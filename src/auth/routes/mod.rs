//! The HTTP side of sign-in: what comes in, what goes out, and nothing else.

mod own;
mod provider_return;
mod sign_in;
mod users;

use crate::app::App;
use crate::http::api::{Routes, delete, get, post, put};

/// Every route of sign-in and of the accounts' administration.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/auth/config", get(sign_in::config))
        .route(
            "/v1/auth/login",
            get(provider_return::show).post(sign_in::login),
        )
        .route("/v1/auth/token", post(sign_in::token))
        .route("/v1/auth/refresh", post(sign_in::refresh))
        .route("/v1/auth/signup", post(sign_in::sign_up))
        .route("/v1/auth/register", post(own::register))
        .route("/v1/auth/logout", post(own::log_out))
        .route("/v1/auth/password", put(own::change_password))
        .route(
            "/v1/me/sessions",
            get(own::sessions).delete(own::end_other_sessions),
        )
        .route("/v1/me/sessions/{session_id}", delete(own::end_session))
        .route(
            "/v1/me/tokens",
            get(own::script_tokens).post(own::make_script_token),
        )
        .route("/v1/me/tokens/{token_id}", delete(own::end_script_token))
        .route("/v1/admin/users", get(users::list).post(users::create))
        .route(
            "/v1/admin/users/{participant_id}",
            get(users::show).patch(users::change),
        )
        .route(
            "/v1/admin/users/{participant_id}/reset-password",
            post(users::reset_password),
        )
        .route(
            "/v1/admin/users/{participant_id}/revoke-sessions",
            post(users::revoke_sessions),
        )
        .route(
            "/v1/admin/users/{participant_id}/roles",
            put(users::set_roles),
        )
}

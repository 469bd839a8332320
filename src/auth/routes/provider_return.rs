//! `GET /v1/auth/login`: where the provider sends a browser back to, and where it goes from there.
//!
//! The code is worth nothing without the verifier, which only the client that asked for it has (PKCE). Nothing is
//! exchanged here: the client does that with `POST /v1/auth/login`.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use garde::Validate;
use http::StatusCode;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::app::App;
use crate::error::{Error, Reason, Result};
use crate::http::api::describe::{Answer, Described, Output};
use crate::http::caller::Visitor;
use crate::http::query::Query;

/// What the provider adds to this address.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ReturnQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl ReturnQuery {
    /// What of it is for the client.
    fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pairs = [
            ("code", &self.code),
            ("state", &self.state),
            ("error", &self.error),
            ("error_description", &self.error_description),
        ];
        let pairs = pairs.into_iter();
        pairs.filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// Where the browser goes from here.
pub(super) enum WayBack {
    /// To the web client.
    Onward(Url),
    /// Nowhere: a page for the person.
    Page(String),
}

impl IntoResponse for WayBack {
    fn into_response(self) -> Response {
        match self {
            WayBack::Onward(to) => Redirect::to(to.as_str()).into_response(),
            WayBack::Page(page) => Html(page).into_response(),
        }
    }
}

impl Output for WayBack {
    fn describe(into: &mut Described) {
        Html::<String>::describe(into);
        into.answers.push(Answer {
            status: StatusCode::SEE_OTHER,
            about: "To the web client, with all of it in the fragment.",
            content: None,
        });
    }
}

pub(super) async fn show(
    State(app): State<App>,
    _: Visitor,
    Query(query): Query<ReturnQuery>,
) -> Result<WayBack> {
    if query.code.is_none() && query.error.is_none() {
        return Err(Error::validation(
            "query.code",
            Reason::Missing,
            "is required",
        ));
    }
    Ok(match &app.config().web_client_url {
        Some(client) => WayBack::Onward(with_fragment(client, &query)),
        None => WayBack::Page(page(&query)),
    })
}

/// In the fragment, which no server gets to see and no log keeps.
fn with_fragment(client: &Url, query: &ReturnQuery) -> Url {
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    fragment.extend_pairs(query.pairs());
    let mut to = client.clone();
    to.set_fragment(Some(&fragment.finish()));
    to
}

/// For clients without a page of their own: the person carries the code over.
fn page(query: &ReturnQuery) -> String {
    let (title, text) = match &query.code {
        Some(code) => (
            "Signed in",
            format!(
                "<p>Give this code to the program that you sign in with:</p><pre>{}</pre>",
                escaped(code)
            ),
        ),
        None => {
            let error = query.error.as_deref().unwrap_or_default();
            let more = query.error_description.as_deref().unwrap_or_default();
            let text = format!(
                "<p>The identity provider says: {} {}</p>",
                escaped(error),
                escaped(more)
            );
            ("Not signed in", text)
        }
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>{text}</html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(code: Option<&str>, state: Option<&str>, error: Option<&str>) -> ReturnQuery {
        ReturnQuery {
            code: code.map(str::to_owned),
            state: state.map(str::to_owned),
            error: error.map(str::to_owned),
            error_description: None,
        }
    }

    #[test]
    fn code_and_state_go_into_the_fragment_encoded() {
        let client = Url::parse("https://app.example/chat?x=1#old").unwrap();
        let to = with_fragment(&client, &query(Some("a&b=c"), Some("s #"), None));
        assert_eq!(
            to.as_str(),
            "https://app.example/chat?x=1#code=a%26b%3Dc&state=s+%23"
        );
        let refused = with_fragment(&client, &query(None, Some("s"), Some("access_denied")));
        assert_eq!(refused.fragment(), Some("state=s&error=access_denied"));
    }

    #[test]
    fn the_page_shows_what_came_and_runs_nothing() {
        let shown = page(&query(Some("<script>alert(1)</script>"), None, None));
        assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!shown.contains("<script>"));
        assert!(page(&query(None, None, Some("access_denied"))).contains("access_denied"));
    }
}

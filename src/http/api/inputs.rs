//! What each extractor takes of a request.

use std::str::FromStr;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::describe::{self, Described, Input, SignIn};
use super::schema;
use crate::http::caller::{Caller, Visitor};
use crate::http::form::JsonOrForm;
use crate::http::idempotency::{IdempotencyKey, LONGEST_KEY};
use crate::http::json::Body;
use crate::http::meter::Meter;
use crate::http::paging::{CursorPage, LARGEST_OFFSET, LONGEST_CURSOR, OffsetPage};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;

impl<S> Input for State<S> {
    fn describe(_: &mut Described) {}
}

impl<T> Input for Extension<T> {
    fn describe(_: &mut Described) {}
}

impl Input for Meter {
    fn describe(into: &mut Described) {
        into.refusals.insert(StatusCode::TOO_MANY_REQUESTS);
    }
}

impl Input for Visitor {
    fn describe(into: &mut Described) {
        Meter::describe(into);
    }
}

impl Input for Caller {
    fn describe(into: &mut Described) {
        Meter::describe(into);
        into.sign_in.push(SignIn::Bearer);
        into.refusals.extend([
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::NOT_FOUND,
            // A newcomer with a provider's token may find no place in the tenant.
            StatusCode::CONFLICT,
        ]);
    }
}

impl<T: ToSchema> Input for Body<T> {
    fn describe(into: &mut Described) {
        let schema = into.takes::<T>();
        into.body = Some(describe::Body {
            schema,
            media_type: "application/json",
            or_form: false,
        });
        into.refusals.extend([
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    }
}

impl<T: ToSchema> Input for JsonOrForm<T> {
    fn describe(into: &mut Described) {
        Body::<T>::describe(into);
        if let Some(body) = &mut into.body {
            body.or_form = true;
        }
    }
}

impl<T: ToSchema> Input for Query<T> {
    fn describe(into: &mut Described) {
        let schema = into.takes_apart::<T>();
        in_query(into, schema::parameters(&schema, "query"));
    }
}

impl<const DEFAULT: i64, const MAX: i64> Input for CursorPage<DEFAULT, MAX> {
    fn describe(into: &mut Described) {
        let cursor = json!({"type": "string", "maxLength": LONGEST_CURSOR});
        let about = "The `next_cursor` of the page before.";
        let from = parameter("query", "from", about, cursor);
        in_query(into, [limit(DEFAULT, MAX), from]);
    }
}

impl<const DEFAULT: i64, const MAX: i64> Input for OffsetPage<DEFAULT, MAX> {
    fn describe(into: &mut Described) {
        let number =
            json!({"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0});
        let offset = parameter("query", "offset", "Rows to leave out first.", number);
        in_query(into, [limit(DEFAULT, MAX), offset]);
    }
}

fn limit(default: i64, max: i64) -> Value {
    let about = format!("Rows of a page; more than {max} count as {max}.");
    let number = json!({"type": "integer", "minimum": 1, "default": default});
    parameter("query", "limit", &about, number)
}

fn in_query(into: &mut Described, parameters: impl IntoIterator<Item = Value>) {
    into.parameters.extend(parameters);
    into.refusals.insert(StatusCode::UNPROCESSABLE_ENTITY);
}

impl Input for IdempotencyKey {
    fn describe(into: &mut Described) {
        let key = json!({"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"});
        let about = "A repeated request with the same key makes nothing new for 24 hours.";
        let header = parameter("header", "Idempotency-Key", about, key);
        into.parameters.push(header);
        into.refusals.insert(StatusCode::UNPROCESSABLE_ENTITY);
    }
}

fn parameter(place: &str, name: &str, about: &str, schema: Value) -> Value {
    json!({"in": place, "name": name, "required": false, "description": about, "schema": schema})
}

impl<T: InPath> Input for Path<T> {
    fn describe(into: &mut Described) {
        T::describe(into);
        into.refusals.insert(StatusCode::NOT_FOUND);
    }
}

/// What can stand in [`Path`]; the route's text has the names.
#[diagnostic::on_unimplemented(
    message = "the API's description does not know what `{Self}` in a path is",
    note = "take `PathId<…>` for ids and `String` for names, or a tuple of two"
)]
pub trait InPath {
    /// Says what it is.
    fn describe(into: &mut Described);
}

impl<Id: FromStr> InPath for PathId<Id> {
    fn describe(into: &mut Described) {
        into.path.push(json!({"type": "string", "format": "uuid"}));
    }
}

impl InPath for String {
    fn describe(into: &mut Described) {
        into.path.push(json!({"type": "string"}));
    }
}

impl<A: InPath, B: InPath> InPath for (A, B) {
    fn describe(into: &mut Described) {
        A::describe(into);
        B::describe(into);
    }
}

//! What each kind of answer looks like.

use axum::response::Html;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::describe::{Answer, Described, Output};
use crate::db::Committed;
use crate::error::Result;
use crate::http::envelope::{Data, DataMeta};

impl<T: Output> Output for Result<T> {
    fn describe(into: &mut Described) {
        into.can_fail = true;
        T::describe(into);
    }
}

impl<T: Output> Output for Committed<T> {
    fn describe(into: &mut Described) {
        T::describe(into);
    }
}

impl<T: ToSchema> Output for Data<T> {
    fn describe(into: &mut Described) {
        let data = into.gives::<T>();
        into.answers.push(enveloped(json!({
            "type": "object",
            "properties": {"data": data},
            "required": ["data"],
        })));
    }
}

impl<T: ToSchema, M: ToSchema> Output for DataMeta<T, M> {
    fn describe(into: &mut Described) {
        let (data, meta) = (into.gives::<T>(), into.gives::<M>());
        into.answers.push(enveloped(json!({
            "type": "object",
            "properties": {"data": data, "meta": meta},
            "required": ["data", "meta"],
        })));
    }
}

fn enveloped(schema: Value) -> Answer {
    Answer {
        status: StatusCode::OK,
        about: "Done.",
        content: Some(("application/json", schema)),
    }
}

impl<T> Output for Html<T> {
    fn describe(into: &mut Described) {
        into.answers.push(Answer {
            status: StatusCode::OK,
            about: "A page.",
            content: Some(("text/html", json!({"type": "string"}))),
        });
    }
}

/// An answer with headers of its own.
impl<const N: usize, T: Output> Output for ([(HeaderName, HeaderValue); N], T) {
    fn describe(into: &mut Described) {
        T::describe(into);
    }
}

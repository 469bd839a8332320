//! What a handler takes and gives, read from its type.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;
use utoipa::ToSchema;

use super::schema::Shape;

/// What one handler takes and gives. Schemas are JSON Schema, as OpenAPI 3.1 has them.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// The handler's path in the source.
    pub handler: &'static str,
    /// The ways to say who calls, each of them enough; none: nobody has to.
    pub sign_in: Vec<SignIn>,
    /// The schemas of the path's parameters, in their order.
    pub path: Vec<Value>,
    /// What else may stand in the query or in headers, as OpenAPI writes parameters.
    pub parameters: Vec<Value>,
    /// The body that it takes.
    pub body: Option<Body>,
    /// What it answers where nothing went wrong.
    pub answers: Vec<Answer>,
    /// The statuses with which its extractors refuse.
    pub refusals: BTreeSet<StatusCode>,
    /// Whether it can fail itself.
    pub can_fail: bool,
    /// Schemas that requests name.
    pub taken: Vec<(String, Value)>,
    /// Schemas that answers name.
    pub given: Vec<(String, Value)>,
}

/// A way to say who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// `Authorization: Bearer`.
    Bearer,
    /// `token` in the query, for browsers' sockets.
    Query,
}

/// A body that a handler takes.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its schema.
    pub schema: Value,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether it may be a form, too.
    pub or_form: bool,
}

/// An answer where nothing went wrong.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// What it says.
    pub about: &'static str,
    /// Its media type and schema, if it has a body.
    pub content: Option<(&'static str, Value)>,
}

impl Described {
    /// The schema of a body; notes those that belong to it.
    pub fn takes<T: ToSchema>(&mut self) -> Value {
        let shape = Shape::of::<T>();
        self.taken.extend(shape.named);
        self.taken.extend(shape.own);
        shape.schema
    }

    /// The schema of what is spread over several parameters; notes those that belong to it.
    pub fn takes_apart<T: ToSchema>(&mut self) -> Value {
        let shape = Shape::of::<T>();
        self.taken.extend(shape.named);
        shape.schema
    }

    /// The schema of an answer's part; notes those that belong to it.
    pub fn gives<T: ToSchema>(&mut self) -> Value {
        let shape = Shape::of::<T>();
        self.given.extend(shape.named);
        self.given.extend(shape.own);
        shape.schema
    }

    /// Every status with which a request by this method can be refused.
    ///
    /// Extractors name theirs. What a handler's own errors are cannot be seen from its type, but what it is for can: all
    /// miss what is not there; what changes something may also be refused for what it says, for who says it, and for the
    /// state of things.
    #[must_use]
    pub fn refused(&self, method: &Method) -> BTreeSet<StatusCode> {
        let mut statuses = self.refusals.clone();
        statuses.insert(StatusCode::INTERNAL_SERVER_ERROR);
        statuses.insert(StatusCode::SERVICE_UNAVAILABLE);
        if self.can_fail {
            statuses.insert(StatusCode::NOT_FOUND);
        }
        if self.can_fail && method != Method::GET {
            statuses.extend([
                StatusCode::BAD_REQUEST,
                StatusCode::UNAUTHORIZED,
                StatusCode::FORBIDDEN,
                StatusCode::CONFLICT,
                StatusCode::UNPROCESSABLE_ENTITY,
            ]);
        }
        statuses
    }

    /// Every status of an answer to this method.
    #[must_use]
    pub fn statuses(&self, method: &Method) -> BTreeSet<StatusCode> {
        let mut statuses = self.refused(method);
        statuses.extend(self.answers.iter().map(|answer| answer.status));
        statuses
    }
}

/// An extractor that says what it takes of a request.
#[diagnostic::on_unimplemented(
    message = "the API's description does not know what the extractor `{Self}` takes of a request",
    label = "not described",
    note = "take the extractors of `http`: `Body`, `JsonOrForm`, `Query`, `Path`, `CursorPage`, `OffsetPage`, `Caller`, `Visitor`",
    note = "what they hold has to say its form: `#[derive(utoipa::ToSchema)]` on the type of the body or query",
    note = "an extractor of your own implements `http::api::describe::Input`; src/http/api/inputs.rs has examples"
)]
pub trait Input {
    /// Says what it takes of a request.
    fn describe(into: &mut Described);
}

/// What a handler answers with, and how it says so.
#[diagnostic::on_unimplemented(
    message = "the API's description does not know what the answer `{Self}` looks like",
    label = "not described",
    note = "answer with `Data` or `DataMeta` of `http::envelope`, in `Result` and, after a write, in `Committed`",
    note = "what they hold has to say its form: `#[derive(utoipa::ToSchema)]` on the type of the answer",
    note = "another kind of answer implements `http::api::describe::Output`; src/http/api/outputs.rs has examples"
)]
pub trait Output {
    /// Says what it is.
    fn describe(into: &mut Described);
}

/// A handler whose extractors and answer are all described. `T` are its extractors.
#[diagnostic::on_unimplemented(
    message = "the API's description cannot be made from this handler",
    label = "not a described handler",
    note = "each of its extractors has to implement `http::api::describe::Input`, its answer `http::api::describe::Output`",
    note = "most often a type in `Body<…>`, `Query<…>` or `Data<…>` lacks `#[derive(utoipa::ToSchema)]`"
)]
pub trait Describe<T> {
    /// What it takes and gives.
    fn describe() -> Described;
}

/// Handlers are functions of so many extractors; the tuples are those of axum's own implementations.
macro_rules! functions {
    ($($input:ident),*) => {
        impl<F, Answering, Answered, M, $($input),*> Describe<(M, $($input,)*)> for F
        where
            F: Fn($($input),*) -> Answering,
            Answering: Future<Output = Answered>,
            Answered: Output,
            $($input: Input),*
        {
            fn describe() -> Described {
                let mut described = Described {
                    handler: std::any::type_name::<F>(),
                    ..Described::default()
                };
                $($input::describe(&mut described);)*
                Answered::describe(&mut described);
                described
            }
        }
    };
}

impl<F, Answering, Answered> Describe<((),)> for F
where
    F: Fn() -> Answering,
    Answering: Future<Output = Answered>,
    Answered: Output,
{
    fn describe() -> Described {
        let mut described = Described {
            handler: std::any::type_name::<F>(),
            ..Described::default()
        };
        Answered::describe(&mut described);
        described
    }
}

functions!(T1);
functions!(T1, T2);
functions!(T1, T2, T3);
functions!(T1, T2, T3, T4);
functions!(T1, T2, T3, T4, T5);
functions!(T1, T2, T3, T4, T5, T6);

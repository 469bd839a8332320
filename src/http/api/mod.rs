//! Routes that know what they take and give, so that the API describes itself (OpenAPI 3.1) by the very types that its
//! handlers have.
//!
//! [`Routes`], [`get`], [`post`] and the others stand where axum's router and method functions would; whoever adds a route
//! has nothing else to do. [`describe`] reads a handler's type, [`inputs`] and [`outputs`] say what each extractor and each
//! answer means, [`document`] puts the description together, [`published`] serves it. In debug builds [`check`] holds
//! every answer against it.

mod check;
pub mod describe;
pub mod document;
mod inputs;
mod outputs;
mod page;
pub mod published;
mod schema;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};
use http::Method;

use self::describe::{Describe, Described};

/// A route and what is known of its methods.
#[derive(Clone, Debug)]
pub struct Documented {
    /// The path, with `{names}` of its parameters.
    pub path: &'static str,
    /// Its methods.
    pub methods: Vec<(Method, Described)>,
}

/// A router that knows what its routes take and give.
pub struct Routes<S> {
    router: Router<S>,
    documented: Vec<Documented>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Without any route.
    #[must_use]
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            documented: Vec::new(),
        }
    }

    /// One more.
    #[must_use]
    pub fn route(mut self, path: &'static str, methods: Methods<S>) -> Self {
        self.router = self.router.route(path, methods.router);
        self.documented.push(Documented {
            path,
            methods: methods.described,
        });
        self
    }

    /// Those of another one, too.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.documented.extend(other.documented);
        self
    }

    /// What is known of the routes.
    #[must_use]
    pub fn documented(&self) -> &[Documented] {
        &self.documented
    }

    /// The router. In debug builds, which all tests use, it gives no answer that its description lacks.
    pub fn into_router(self) -> Router<S> {
        if cfg!(debug_assertions) {
            check::held(self.router, &self.documented)
        } else {
            self.router
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// The methods of one route.
pub struct Methods<S> {
    router: MethodRouter<S>,
    described: Vec<(Method, Described)>,
}

impl<S: Clone + Send + Sync + 'static> Methods<S> {
    fn none() -> Self {
        Self {
            router: MethodRouter::new(),
            described: Vec::new(),
        }
    }

    fn with<H, T>(mut self, (method, filter): (Method, MethodFilter), handler: H) -> Self
    where
        H: Describe<T> + Handler<T, S>,
        T: 'static,
    {
        self.described.push((method, H::describe()));
        self.router = self.router.on(filter, handler);
        self
    }
}

/// Makes for each method the function that begins a route with it, and the one that adds it to a route.
macro_rules! methods {
    ($($name:ident, $method:ident, $text:literal;)+) => {
        $(
            #[doc = concat!("A route that answers ", $text, ".")]
            pub fn $name<H, T, S>(handler: H) -> Methods<S>
            where
                H: Describe<T> + Handler<T, S>,
                T: 'static,
                S: Clone + Send + Sync + 'static,
            {
                Methods::none().$name(handler)
            }
        )+

        impl<S: Clone + Send + Sync + 'static> Methods<S> {
            $(
                #[doc = concat!("Answers ", $text, ", too.")]
                #[must_use]
                pub fn $name<H, T>(self, handler: H) -> Self
                where
                    H: Describe<T> + Handler<T, S>,
                    T: 'static,
                {
                    self.with((Method::$method, MethodFilter::$method), handler)
                }
            )+
        }
    };
}

methods! {
    get, GET, "`GET`";
    post, POST, "`POST`";
    put, PUT, "`PUT`";
    patch, PATCH, "`PATCH`";
    delete, DELETE, "`DELETE`";
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;

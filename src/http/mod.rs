//! What every route uses: extractors, the envelope of answers, paging, request ids, rate limits, the server's accept loop.
//!
//! Knows no database and no domain but sign-in ([`caller`]). Handlers take their input through the extractors here and
//! never through axum's own, whose refusals are plain text: [`json::Body`] and [`form::JsonOrForm`] for bodies, [`query::Query`] and the pages of
//! [`paging`] for query strings, [`path::Path`] with [`path::PathId`] for ids in paths. They answer with
//! [`envelope::Data`], [`envelope::DataMeta`] or [`envelope::ok`], or fail with [`crate::error::Error`].

pub mod api;
pub mod browser;
pub mod caller;
pub mod chunked;
pub mod client_address;
pub mod control;
pub mod envelope;
pub mod fallback;
pub mod fields;
pub mod form;
pub mod health;
pub mod idempotency;
pub mod json;
pub mod layers;
pub mod limits;
pub mod login_backoff;
pub mod meter;
pub mod metrics;
pub mod multipart;
mod named_tenant;
pub mod operations;
pub mod paging;
pub mod path;
pub mod query;
pub mod request_id;
pub mod server;
mod stall;
pub mod timeout;
pub mod tls;

#[cfg(test)]
mod extractor_tests;
#[cfg(test)]
mod server_tests;

//! Why a signature is refused, or cannot be made.

use std::fmt;

use http::HeaderName;
use serde_json::{Value, json};

use super::{MAX_HEADER_BYTES, MAX_SKEW_S, Request};
use crate::catalogue::Code;
use crate::error::Coded;
use crate::events::core::sign::KeyId;

/// A request cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A name or version that a structured field cannot hold.
    #[error("cannot be signed: {0}")]
    Field(#[from] sfv::Error),
    /// A value that a header cannot hold.
    #[error("cannot be signed: {0}")]
    Header(#[from] http::header::InvalidHeaderValue),
}

/// Where a request was sent to, as it arrived here: the operator of a proxy that rewrites it finds the cause in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    method: String,
    authority: String,
    path: String,
    query: Option<String>,
}

impl Target {
    pub(super) fn of(request: &Request<'_>) -> Self {
        Self {
            method: request.method.to_owned(),
            authority: request.authority.to_owned(),
            path: request.path.to_owned(),
            query: request.query.map(ToOwned::to_owned),
        }
    }
}

/// Why a signature is refused: check 5. The message says how the request's target arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureError {
    fault: Fault,
    target: Option<Box<Target>>,
}

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A header of the signature is absent, repeated, over-long or not ASCII.
    #[error("the header {name} must occur once, in ASCII, with at most {MAX_HEADER_BYTES} bytes")]
    Header {
        /// The header.
        name: HeaderName,
    },
    /// A header of the signature is no structured field of the right shape.
    #[error("the header {name} is malformed: {reason}")]
    Malformed {
        /// The header.
        name: HeaderName,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody is named.
    #[error("the signature has no readable keyid of the form <server_name>#<key_id>")]
    KeyId,
    /// `Signature` and `Signature-Input` speak of different signatures.
    #[error("the headers signature and signature-input have different labels")]
    Label,
    /// The signature has not 64 bytes.
    #[error("the signature must have 64 bytes")]
    Length,
    /// A parameter is missing, repeated, unknown, of another type or has another value.
    #[error(
        "the signature parameter {name} is missing, repeated, unknown or not what this protocol gives it"
    )]
    Parameter {
        /// The parameter.
        name: String,
    },
    /// Too little or too much is covered.
    #[error(
        "the signature must cover exactly @method, @authority, @path, @query, x-scaiwave-protocol{}",
        if *has_body { " and content-digest" } else { "" }
    )]
    Coverage {
        /// Whether the request has a body.
        has_body: bool,
    },
    /// The request was sent to another server, or a proxy changed `Host`.
    #[error("the request's authority is none of this server's names{}{}", if own.is_empty() { "" } else { ": " }, own.join(", "))]
    Authority {
        /// What this server answers to.
        own: Vec<String>,
    },
    /// The clocks differ too much, or the request is an old one.
    #[error(
        "the signature was created at {created_s} s, the clock here shows {now_s} s: more than {MAX_SKEW_S} s apart"
    )]
    Clock {
        /// The signature's time, in seconds since 1970.
        created_s: i64,
        /// The receiver's time, in seconds since 1970.
        now_s: i64,
    },
    /// The body is not the one that was signed.
    #[error("the body does not match its content-digest")]
    Digest,
    /// The calling server does not publish this key.
    #[error("the key {key_id} is not one of the calling server's")]
    UnknownKey {
        /// The key.
        key_id: KeyId,
    },
    /// The signature is wrong, or something on the way changed what it covers.
    #[error("the signature was not made by the key {key_id} over this request")]
    Mismatch {
        /// The key.
        key_id: KeyId,
    },
}

impl SignatureError {
    /// A fault of a request that was sent to `target`.
    pub(super) fn about(fault: Fault, target: Target) -> Self {
        Self {
            fault,
            target: Some(Box::new(target)),
        }
    }

    /// The refusal of a request that was sent to another server than this.
    #[must_use]
    pub fn wrong_authority(request: &Request<'_>) -> Self {
        Self::about(Fault::Authority { own: Vec::new() }, Target::of(request))
    }

    /// What is wrong.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

impl From<Fault> for SignatureError {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            target: None,
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.fault)?;
        match (&self.fault, &self.target) {
            (Fault::Mismatch { .. } | Fault::Authority { .. }, Some(target)) => write!(
                out,
                " (received: authority {:?}, path {:?}, query {:?}; a proxy that rewrites them is the usual cause)",
                target.authority,
                target.path,
                target.query.as_deref().unwrap_or_default()
            ),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for SignatureError {}

impl Coded for SignatureError {
    fn code(&self) -> Code {
        Code::FedSignatureMismatch
    }

    fn details(&self) -> Option<Value> {
        let target = self.target.as_ref()?;
        let mut details = json!({
            "method": target.method,
            "authority": target.authority,
            "path": target.path,
            "query": target.query,
        });
        if let Fault::Clock { created_s, now_s } = self.fault {
            details["created"] = created_s.into();
            details["now"] = now_s.into();
        }
        Some(details)
    }
}

//! Vectors of what a server says under its signature: documents, and the descriptors that a reader sees one after another.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::bytes::Validity;
use super::{Ignored, LIMITS, compare, read};
use crate::events::core::json;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::{PublicKey, verify_document};
use crate::federation::core::descriptor::{
    self, BaseUrlError, Descriptor, DescriptorError, PinError, Pinned,
};
use crate::federation::exchange::document::{Request, read_summary};
use crate::rooms::profiles;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDocument {
    #[serde(default, rename = "name")]
    _name: Ignored,
    prefix: String,
    document: Box<RawValue>,
    public_key: PublicKey,
    expect: Validity,
}

pub(super) fn document(vector: &str) -> Result<(), String> {
    let vector: OfDocument = read(vector)?;
    let members = members(&vector.document)?;
    let prefix = format!("{}\n", vector.prefix);
    let valid = verify_document(&prefix, &members, &vector.public_key).is_ok();
    if !valid && is_read(&vector.prefix, &members, &vector.public_key)? {
        return Err("read although its signature does not hold".to_owned());
    }
    compare(&vector.expect, &Validity { valid })
}

fn members(document: &RawValue) -> Result<Map<String, Value>, String> {
    match json::read(document.get().as_bytes(), LIMITS) {
        Ok(Value::Object(members)) => Ok(members),
        other => Err(format!("not a document: {other:?}")),
    }
}

/// Whether what reads documents with this prefix takes this one.
fn is_read(prefix: &str, document: &Map<String, Value>, key: &PublicKey) -> Result<bool, String> {
    let value = Value::Object(document.clone());
    match prefix {
        "scaiwave-profile-v1" => {
            let fqid = document.get("fqid").and_then(Value::as_str);
            let person: Fqid = fqid.unwrap_or_default().parse().map_err(|_| "no fqid")?;
            Ok(profiles::read(&value, &person, key).is_some())
        }
        "scaiwave-summary-v1" => Ok(read_summary(&value, key).is_some()),
        "scaiwave-request-v1" => Ok(Request::read(document, key).is_some()),
        other => Err(format!("nobody reads documents with {other:?}")),
    }
}

/// A vector may be valid and yet no whole document, when it is about unknown members.
#[test]
fn documents_of_each_prefix_are_read() {
    let text = std::fs::read_to_string(super::folder().join("documents.json")).unwrap();
    let file: super::File = serde_json::from_str(&text).unwrap();
    for prefix in ["profile", "summary", "request"] {
        let prefix = format!("scaiwave-{prefix}-v1");
        let mut vectors = file.vectors.iter().map(|vector| vector.get());
        let is_read = vectors.any(|vector| {
            let vector: OfDocument = read(vector).unwrap();
            vector.prefix == prefix
                && is_read(
                    &prefix,
                    &members(&vector.document).unwrap(),
                    &vector.public_key,
                )
                .unwrap()
        });
        assert!(is_read, "{prefix}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDescriptors {
    #[serde(rename = "name")]
    _name: Ignored,
    server_name: ServerName,
    steps: Vec<Step>,
    expect: Faults,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    descriptor: Box<RawValue>,
    now: i64,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Faults {
    faults: Vec<Option<String>>,
}

pub(super) fn descriptor(vector: &str) -> Result<(), String> {
    let vector: OfDescriptors = read(vector)?;
    let (mut pinned, mut faults) = (None, Vec::new());
    for step in &vector.steps {
        let bytes = step.descriptor.get().as_bytes();
        let believed = descriptor::read(bytes, &vector.server_name, step.now)
            .map_err(|error| unreadable(&error))
            .and_then(|descriptor| pin(pinned.as_ref(), &descriptor, step.now));
        faults.push(match believed {
            Ok(next) => {
                pinned = Some(next);
                None
            }
            Err(fault) => Some(fault.to_owned()),
        });
    }
    compare(&vector.expect, &Faults { faults })
}

fn pin(pinned: Option<&Pinned>, descriptor: &Descriptor, now: i64) -> Result<Pinned, &'static str> {
    let Some(pinned) = pinned else {
        return Ok(Pinned::first(descriptor));
    };
    pinned.accept(descriptor, now).map_err(|error| match error {
        PinError::Outdated => "outdated",
        PinError::Replaced { .. } => "replaced",
    })
}

/// What a reader says of keys that do not fit each other.
const ABOUT_KEYS: [&str; 5] = [
    "too many keys",
    "a key_id is not derived from its public_key",
    "a key is listed twice",
    "key_id is not that of public_key",
    "public_key is not among the keys",
];

fn unreadable(error: &DescriptorError) -> &'static str {
    match error {
        DescriptorError::Shape(reason) if ABOUT_KEYS.contains(&reason.as_str()) => "keys",
        DescriptorError::Shape(reason)
            if [BaseUrlError::Form, BaseUrlError::Address]
                .iter()
                .any(|error| *reason == error.to_string()) =>
        {
            "base_url"
        }
        DescriptorError::Json(_) | DescriptorError::Shape(_) => "shape",
        DescriptorError::Name { .. } => "name",
        DescriptorError::Version { .. } => "version",
        DescriptorError::Expired { .. } => "expired",
        DescriptorError::CurrentKey => "current_key",
        DescriptorError::Signature(_) => "signature",
    }
}

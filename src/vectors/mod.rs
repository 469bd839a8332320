//! The server held against the test vectors of the federation protocol, `conformance/vectors`, which were made without it
//! and which another implementation (`verify.py` beside them) confirms.
//!
//! Nothing can be left out in silence: a file, a kind, a member or a word that is not known here fails. [`bytes`] has the
//! canonical form, ids, names and signatures, [`logs`] events and chains, [`servers`] documents and descriptors,
//! [`requests`] signed requests, [`rooms`] whole rooms and the judgement of every event in them. Each hands a vector's bytes to the function that reads them from the network, as they stand
//! in the file.

mod bytes;
mod logs;
mod requests;
mod rooms;
mod servers;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};
use serde_json::value::RawValue;

use crate::events::core::json::{Limits, MAX_DEPTH};

/// Says of a vector, given as JSON, what differs.
type Check = fn(&str) -> Result<(), String>;

/// Every kind of vector there is, by the word in its file.
const KINDS: [(&str, Check); 10] = [
    ("canonical", bytes::canonical),
    ("chains", logs::chain),
    ("descriptors", servers::descriptor),
    ("documents", servers::document),
    ("events", logs::event),
    ("http_signatures", requests::signature),
    ("ids", bytes::id),
    ("names", bytes::name),
    ("rooms", rooms::room),
    ("signatures", bytes::signature),
];

/// What stands beside the vectors.
const OTHERS: [&str; 2] = ["README.md", "__pycache__"];

/// How many vectors there are at least: none goes away unnoticed.
const LEAST: usize = 295;

/// Above what any vector needs: their own limits are checked by what reads them.
const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_depth: MAX_DEPTH,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: String,
    #[serde(rename = "about")]
    _about: String,
    vectors: Vec<Box<RawValue>>,
}

/// What a vector is called, where it is called something.
#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

/// A vector as its kind has it. Others may ignore members that they do not know; here they would be a check left out.
fn read<T: DeserializeOwned>(vector: &str) -> Result<T, String> {
    serde_json::from_str(vector).map_err(|error| format!("not of its kind: {error}"))
}

/// A member that may be null but has to be there.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A member that says nothing to be checked.
type Ignored = IgnoredAny;

fn compare<T: PartialEq + Debug>(stated: &T, found: &T) -> Result<(), String> {
    if stated == found {
        Ok(())
    } else {
        Err(format!("stated {stated:?}, found {found:?}"))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/vectors")
}

/// The files of vectors; whatever else lies there has to be a program or one of the [`OTHERS`].
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let is_program = |path: &Path| path.extension().is_some_and(|extension| extension == "py");
    paths.retain(|path| !is_program(path) && !OTHERS.contains(&file_name(path)));
    paths.sort();
    paths
}

fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn the_server_finds_what_every_vector_states() {
    let (mut checked, mut differing, mut kinds) = (0, Vec::new(), BTreeSet::new());
    for path in files() {
        let name = file_name(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (kind, check) = KINDS
            .into_iter()
            .find(|(kind, _)| *kind == file.kind)
            .unwrap_or_else(|| panic!("{name}: nobody checks vectors of kind {:?}", file.kind));
        kinds.insert(kind);
        for (index, vector) in file.vectors.iter().enumerate() {
            let Named { name: called } = serde_json::from_str(vector.get()).unwrap();
            let called = called.unwrap_or_else(|| index.to_string());
            if let Err(difference) = check(vector.get()) {
                differing.push(format!("{name}, {called}: {difference}"));
            }
            checked += 1;
        }
    }
    let all = KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, all, "there are vectors of every kind");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(checked >= LEAST, "only {checked} vectors were checked");
}

#[test]
fn a_vector_that_is_not_understood_is_not_passed_over() {
    for vector in [
        r#"{"name": "x", "json": "1", "expect": {"canonical": "1", "sha256": "", "later": true}}"#,
        r#"{"name": "x", "json": "1", "later": true, "expect": {"refused": true}}"#,
        r#"{"name": "x", "json": "1"}"#,
    ] {
        let difference = bytes::canonical(vector).unwrap_err();
        assert!(difference.starts_with("not of its kind"), "{difference}");
    }
    assert!(bytes::id(r#"{"of": "moon", "expect": {"id": "x"}}"#).is_err());
    assert!(bytes::name(r#"{"of": "moon", "name": "x", "expect": {"valid": false}}"#).is_err());
}

//! The seeds and the inputs that once showed a fault, played like any other; and that seeds reach what they are for.

use std::path::Path;

use super::pages::made_to_fit;
use super::{
    backfill, backfill_page, descriptor, descriptors, event, json, request_signature, requests,
    upload_form,
};

/// What is kept of one kind of input, by its name.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let entries = std::fs::read_dir(folder.join(target)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut kept: Vec<_> = paths
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    kept.sort();
    assert!(!kept.is_empty());
    kept
}

fn is_kept_for(target: &str, name: &str) -> Vec<u8> {
    let kept = kept(target).into_iter();
    kept.into_iter().find(|(kept, _)| kept == name).unwrap().1
}

#[test]
fn everything_that_is_kept_holds() {
    let all = |target: &str, play: fn(&[u8])| {
        for (_, bytes) in kept(target) {
            play(&bytes);
        }
    };
    all("event", event);
    all("request_signature", request_signature);
    all("descriptor", descriptor);
    all("backfill_page", backfill_page);
    all("upload_form", upload_form);
}

#[test]
fn seeds_of_requests_are_signed_over_what_they_name() {
    for (name, bytes) in kept("request_signature") {
        if name == "delivery" || name == "no_body" || name == "base_url" {
            assert!(requests::can_be_signed(&bytes), "{name}");
        }
    }
}

#[test]
fn a_seed_of_descriptors_is_believed_when_it_is_made_to_fit() {
    let bytes = is_kept_for("descriptor", "first");
    assert!(descriptors::is_taken(&bytes));
}

#[test]
fn the_logs_of_a_seed_are_placed_whole() {
    for (name, bytes) in kept("backfill_page") {
        let page = json(&bytes).unwrap();
        let written = page["events"].as_array().unwrap().len();
        let fitting = made_to_fit(page);
        assert_eq!(fitting.len(), written, "{name}");
        assert_eq!(backfill::believed(fitting).len(), written, "{name}");
    }
}

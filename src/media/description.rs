//! What a message says of the files that it names: the member `_media` of its content, which the sender's server writes
//! (federation specification, "Media"). Pure.
//!
//! It is signed with the message and holds the hash, and the file's id is made from that hash: whoever passes the message on
//! or delivers the bytes can put nothing else in their place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kind;
use super::model::Facts;
use crate::events::core::hash::Hash;
use crate::events::core::ids::MediaId;
use crate::events::core::names::Fqid;

/// The member of a content that only the sender's server writes.
const KEY: &str = "_media";
/// The members of a content that name files.
const NAMING: [&str; 2] = ["media_id", "thumbnail_id"];
/// The largest number that every implementation reads exactly.
const MOST_BYTES: i64 = (1 << 53) - 1;

/// What a message says of one file.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    uploader: Fqid,
    sha256: String,
    size: i64,
    mime_type: String,
    filename: String,
}

/// The files that a content names, each once.
#[must_use]
pub fn named(content: &Value) -> Vec<MediaId> {
    let mut ids: Vec<MediaId> = NAMING
        .iter()
        .filter_map(|key| content.get(key)?.as_str()?.parse().ok())
        .collect();
    ids.dedup();
    ids
}

/// Takes away what a client wrote in the server's place: a client that edits sends back what it was shown.
pub fn clear(content: &mut Value) {
    if let Some(members) = content.as_object_mut() {
        members.remove(KEY);
    }
}

/// Writes what is known of the files that a content names.
pub fn write(content: &mut Value, files: &[Facts]) {
    let described: BTreeMap<String, Description> = files
        .iter()
        .map(|file| {
            let description = Description {
                uploader: file.uploader.clone(),
                sha256: file.sha256.hex(),
                size: file.size,
                mime_type: file.mime_type.clone(),
                filename: file.filename.clone(),
            };
            (file.media_id.to_string(), description)
        })
        .collect();
    if let Some(members) = content.as_object_mut() {
        members.insert(KEY.to_owned(), json!(described));
    }
}

/// The files that a content names and describes so that it can be true; `at` is when, in ms.
#[must_use]
pub fn read(content: &Value, at: i64) -> Vec<Facts> {
    let described = |media_id: MediaId| {
        let description = content.get(KEY)?.get(media_id.to_string())?;
        let description = Description::deserialize(description).ok()?;
        let sha256 = Hash::from_hex(&description.sha256).ok()?;
        let is_possible = MediaId::derive(&description.uploader, &sha256) == media_id
            && (1..=MOST_BYTES).contains(&description.size);
        is_possible.then(|| Facts {
            media_id,
            uploader: description.uploader,
            sha256,
            size: description.size,
            mime_type: kind::known_form(&description.mime_type),
            filename: kind::clean_name(Some(&description.filename)),
            created_at: at,
        })
    };
    named(content).into_iter().filter_map(described).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let uploader: Fqid = "@alice:a.example".parse().unwrap();
        let sha256 = Hash::of(b"bytes");
        Facts {
            media_id: MediaId::derive(&uploader, &sha256),
            uploader,
            sha256,
            size: 5,
            mime_type: "image/png".to_owned(),
            filename: "a.png".to_owned(),
            created_at: 7,
        }
    }

    fn described() -> Value {
        let mut content = json!({"msgtype": "swp.media", "media_id": facts().media_id});
        write(&mut content, &[facts()]);
        content
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(read(&described(), 7), [facts()]);
    }

    #[test]
    fn a_thumbnail_is_a_file_like_any_other_and_the_same_one_counts_once() {
        let mut content = described();
        content["thumbnail_id"] = content["media_id"].clone();
        assert_eq!(read(&content, 7), [facts()]);
        content["media_id"] = Value::Null;
        assert_eq!(read(&content, 7), [facts()]);
    }

    #[test]
    fn a_description_that_cannot_be_true_counts_as_none() {
        let id = facts().media_id.to_string();
        let wrong = [
            ("sha256", json!(Hash::of(b"others").hex())),
            ("sha256", json!("short")),
            ("uploader", json!("@mallory:b.example")),
            ("uploader", json!(null)),
            ("size", json!(0)),
            ("size", json!("5")),
            ("filename", json!(7)),
        ];
        for (key, value) in wrong {
            let mut content = described();
            content["_media"][&id][key] = value;
            assert_eq!(read(&content, 7), [], "{key}");
        }
        let mut content = described();
        content["_media"] = json!([]);
        assert_eq!(read(&content, 7), []);
    }

    #[test]
    fn a_foreign_type_or_name_does_no_harm() {
        let id = facts().media_id.to_string();
        let mut content = described();
        content["_media"][&id]["mime_type"] = json!("text/html\r\nX: y");
        content["_media"][&id]["filename"] = json!("../../etc/passwd");
        let [read] = read(&content, 7).try_into().unwrap();
        assert_eq!(read.mime_type, "application/octet-stream");
        assert_eq!(read.filename, "passwd");
    }

    #[test]
    fn what_a_client_puts_there_goes() {
        let mut content = described();
        clear(&mut content);
        assert_eq!(content.get("_media"), None);
    }
}

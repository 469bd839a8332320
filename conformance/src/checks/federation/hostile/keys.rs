//! Descriptors that say what they may not: unsigned, expired, of small order, over their bounds, or with a key that comes from
//! nowhere. None is taken, and what was known of the peer before goes on.

use serde_json::{Value, json};

use super::order::in_case;
use super::{HEADS, answers_peer, goes_on};
use crate::check::{Check, Verdict, federation, skipped};
use crate::clock;
use crate::judge::must;
use crate::peer::descriptor;
use crate::peer::mischief::Ill;
use crate::protocol::forged::{SmallOrder, non_canonical};
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation identity, descriptor and pinning";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/keys: a descriptor that breaks a rule is not taken, and the pinned key goes on",
            broken,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/keys: a key that replaces the pinned one without its word is not believed",
            replaced,
        )
        .alone(),
    ]
}

/// A lawful document with one change, signed anew.
fn changed(name: &str, key: &Key, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = descriptor::document(name, key, clock::now_ms());
    change(&mut document);
    document["signature"] = json!(key.sign(&descriptor::signed_bytes(&document)));
    document
}

/// Documents that break one rule each.
fn broken_ones(name: &str, key: &Key) -> Vec<(&'static str, Value)> {
    let now = clock::now_ms();
    let with = |change: &dyn Fn(&mut Value)| changed(name, key, change);
    let mut unsigned = with(&|_| ());
    unsigned["signature"] = json!("");
    let mut left_out = with(&|_| ());
    if let Some(members) = left_out.as_object_mut() {
        members.remove("signature");
    }
    let mut by_another = with(&|_| ());
    by_another["signature"] = json!(Key::random().sign(&descriptor::signed_bytes(&by_another)));
    let mut large_s = with(&|_| ());
    let raw = key.sign_raw(&descriptor::signed_bytes(&large_s));
    large_s["signature"] = json!(crate::protocol::base64url(&non_canonical(raw)));
    let mut altered = with(&|_| ());
    altered["unknown"] = json!("covered all the same");
    let weak = SmallOrder::neutral();
    let mut small_order = with(&|document| {
        document["public_key"] = json!(weak.public_key());
        document["keys"][0]["public_key"] = json!(weak.public_key());
        document["keys"][0]["key_id"] = json!(weak.key_id());
    });
    small_order["signature"] = json!(weak.sign());
    let nested = |levels: usize| (1..levels).fold(json!([]), |inner, _| json!([inner]));
    vec![
        ("an empty signature", unsigned),
        ("no signature", left_out),
        ("a signature by another key", by_another),
        ("S of L or more", large_s),
        ("a member that was added", altered),
        ("a key of small order", small_order),
        (
            "another name",
            with(&|d| d["server_name"] = json!("other.example")),
        ),
        (
            "an end that has passed",
            with(&|d| d["valid_until"] = json!(now - 1)),
        ),
        (
            "no version in common",
            with(&|d| d["protocol_versions"] = json!(["v999"])),
        ),
        ("no versions", with(&|d| d["protocol_versions"] = json!([]))),
        ("no keys", with(&|d| d["keys"] = json!([]))),
        (
            "17 keys",
            with(&|d| {
                let keys = (0..17).map(|_| key_row(&Key::random(), now));
                d["keys"] = keys.collect();
                d["keys"][0] = key_row(key, now);
            }),
        ),
        (
            "a key twice",
            with(&|d| d["keys"] = json!([key_row(key, now), key_row(key, now)])),
        ),
        (
            "its key not among them",
            with(&|d| d["keys"] = json!([key_row(&Key::random(), now)])),
        ),
        (
            "a key that is not valid yet",
            with(&|d| {
                d["keys"][0]["valid_from"] = json!(now + 3_600_000);
            }),
        ),
        (
            "a key that has expired",
            with(&|d| d["keys"][0]["expires_at"] = json!(now - 1)),
        ),
        (
            "a key_id that does not follow",
            with(&|d| {
                d["keys"][0]["key_id"] = json!("ed25519:0011223344556677");
            }),
        ),
        (
            "a base_url with a path",
            with(&|d| d["base_url"] = json!("https://other.example/x")),
        ),
        (
            "a base_url over http",
            with(&|d| d["base_url"] = json!("http://other.example")),
        ),
        (
            "a base_url of an address",
            with(&|d| d["base_url"] = json!("https://127.0.0.1")),
        ),
        (
            "a base_url with a user",
            with(&|d| d["base_url"] = json!("https://x@other.example")),
        ),
        ("nine levels", with(&|d| d["x"] = nested(8))),
        (
            "over 64 KiB",
            with(&|d| d["x"] = json!("x".repeat(64 << 10))),
        ),
    ]
}

fn key_row(key: &Key, now: i64) -> Value {
    json!({
        "key_id": key.key_id(), "public_key": key.public_key(), "valid_from": now - 1_000,
        "expires_at": null, "signed_by_previous": null,
    })
}

async fn broken(t: Trial) -> Verdict {
    let (admin, peer) = (t.admin()?, t.peer()?);
    let path = format!("/v1/admin/federation/peers/{}/confirm-key", peer.name());
    let shown = json!({"key_id": peer.key().key_id()});
    if admin.post(path.clone(), shown.clone()).await?.status == 404 {
        return Err(skipped("the server has no endpoint that confirms keys"));
    }
    for (name, document) in broken_ones(peer.name(), peer.key()) {
        let current = document["public_key"] == peer.key().public_key();
        let weak = json!({"key_id": SmallOrder::neutral().key_id()});
        let asked = if current { shown.clone() } else { weak };
        let mischief = peer.misbehaves(Ill::Json(document), |request| {
            request.path == descriptor::PATH
        });
        let answer = admin.post(path.clone(), asked).await?;
        let refused = answer.refused("SW_SERVICE_UNAVAILABLE").map(drop);
        refused.map_err(|stop| in_case(name, stop))?;
        must(mischief.times() == 1, || {
            format!("{name}: asked {} times", mischief.times())
        })?;
        answers_peer(&t, &peer).await?;
    }
    let twice = descriptor::document(peer.name(), peer.key(), clock::now_ms()).to_string();
    let twice = twice.replacen('{', "{\"server_name\":\"x.example\",", 1);
    let mischief = peer.misbehaves(Ill::Text(twice), |request| request.path == descriptor::PATH);
    let answer = admin.post(path.clone(), shown.clone()).await?;
    answer.refused("SW_SERVICE_UNAVAILABLE")?;
    drop(mischief);
    admin.post(path, shown).await?.ok().map(drop)
}

async fn replaced(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let now = clock::now_ms();
    let (new, thief) = (Key::random(), Key::random());
    let word_of = |signer: &Key, id: &str| {
        let statement = json!({
            "key_id": new.key_id(), "public_key": new.public_key(),
            "server_name": peer.name(), "valid_from": now - 1_000,
        });
        let bytes = crate::protocol::canonical::canonical(&statement);
        let signature = signer.sign(format!("scaiwave-key-v1\n{bytes}").as_bytes());
        json!({"key_id": id, "signature": signature})
    };
    let old_id = peer.key().key_id();
    for (name, word) in [
        ("no word", Value::Null),
        (
            "the word of a stranger's key",
            word_of(&thief, &thief.key_id()),
        ),
        (
            "a stranger's word under the old key's id",
            word_of(&thief, &old_id),
        ),
    ] {
        let document = changed(peer.name(), &new, |document| {
            let mut row = key_row(&new, now);
            row["signed_by_previous"] = word.clone();
            document["keys"] = json!([row, key_row(peer.key(), now)]);
        });
        let mischief = peer.misbehaves(Ill::Json(document), |request| {
            request.path == descriptor::PATH
        });
        let id = format!("{}#{}", peer.name(), new.key_id());
        let request = peer.request("GET", HEADS, None).with_key(new.clone());
        let request = request.manner(|manner| manner.key_id = id);
        let answer = request.send(&t.stranger()).await?;
        answer
            .refused("SW_FED_SIGNATURE_MISMATCH")
            .map_err(|stop| in_case(name, stop))?;
        drop(mischief);
        answers_peer(&t, &peer).await?;
    }
    goes_on(&t).await
}

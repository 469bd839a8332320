//! `GET /.well-known/scaiwave/server`.

use serde_json::Value;

use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must, shape::shape};
use crate::peer::descriptor::{PATH, is_self_signed};
use crate::protocol::key::PublicKey;
use crate::trial::Trial;

const SECTION: &str = "federation 4, descriptor";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "descriptor/document: is served to everybody, with every field and no envelope",
            fields,
        ),
        federation(
            SECTION,
            "descriptor/document: names the server as its clients know it",
            name,
        ),
        federation(
            SECTION,
            "descriptor/document: is signed by its own current key",
            self_signature,
        ),
        federation(
            SECTION,
            "descriptor/keys: each key_id follows from its key, the current one is among them",
            keys,
        ),
        federation(
            SECTION,
            "descriptor/document: is valid now and speaks v1",
            valid,
        ),
    ]
}

async fn document(t: &Trial) -> Result<Value, Stop> {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let call = t
        .stranger()
        .call("GET", PATH)
        .header("Host", judge::text(&config, "/server_name")?);
    let answer = call.send().await?;
    must(answer.status == 200, || {
        format!("the descriptor answers {}", answer.outline())
    })?;
    answer.body().cloned()
}

async fn fields(t: Trial) -> Verdict {
    let document = document(&t).await?;
    shape(
        "descriptor",
        &document,
        "server_name str, public_key str, protocol_versions [str], endpoints obj, valid_until int, signature str, \
         base_url str?, keys [{key_id str, public_key str, valid_from int, expires_at int~, signed_by_previous obj~}]",
    )
}

async fn name(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let document = document(&t).await?;
    judge::equal(&document, "/server_name", config["server_name"].clone())
}

async fn self_signature(t: Trial) -> Verdict {
    let document = document(&t).await?;
    let right = is_self_signed(&document).map_err(failed)?;
    must(right, || {
        "the signature is not that of public_key".to_owned()
    })
}

async fn keys(t: Trial) -> Verdict {
    let document = document(&t).await?;
    let keys = judge::list(&document, "/keys")?;
    for key in &keys {
        let public = PublicKey::from_text(&judge::text(key, "/public_key")?).map_err(failed)?;
        judge::equal(key, "/key_id", public.key_id())?;
    }
    judge::row(&keys, "/public_key", document["public_key"].clone()).map(drop)
}

async fn valid(t: Trial) -> Verdict {
    let document = document(&t).await?;
    let until = judge::int(&document, "/valid_until")?;
    must(until > crate::clock::now_ms(), || {
        format!("valid_until is {until}")
    })?;
    let versions = judge::list(&document, "/protocol_versions")?;
    must(versions.contains(&Value::from("v1")), || {
        format!("it speaks {versions:?}")
    })
}

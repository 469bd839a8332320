//! Which bodies are refused before anything is done: strict JSON, sizes, shapes.

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client};
use crate::client::answer::Answer;
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 1, Shape and Validation";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "conventions/json: a body that is not JSON gets SW_VALIDATION_ERROR",
            not_json,
        ),
        client(
            SECTION,
            "conventions/json: a body that is not UTF-8 gets SW_VALIDATION_ERROR",
            not_utf8,
        ),
        client(
            SECTION,
            "conventions/json: another content type gets SW_VALIDATION_ERROR",
            wrong_content_type,
        ),
        client(
            SECTION,
            "conventions/json: an empty body gets SW_VALIDATION_ERROR",
            empty_body,
        ),
        client(
            SECTION,
            "conventions/json: text after the value gets SW_VALIDATION_ERROR",
            trailing_text,
        ),
        client(
            SECTION,
            "conventions/json: a duplicate key gets SW_VALIDATION_ERROR for `duplicate`",
            duplicate_key,
        ),
        client(
            SECTION,
            "conventions/json: a duplicate key deep inside content is found",
            duplicate_key_in_content,
        ),
        client(
            SECTION,
            "conventions/json: 9007199254740991 is kept, 9007199254740992 refused",
            integer_limit,
        ),
        client(
            SECTION,
            "conventions/json: an integer written as 1e300 or 9007199254740992.0 is judged by value",
            integers_by_value,
        ),
        client(
            SECTION,
            "conventions/json: a lone surrogate is refused in values and keys",
            lone_surrogates,
        ),
        client(
            SECTION,
            "conventions/json: U+0000 is refused in values and keys",
            nul_character,
        ),
        client(
            SECTION,
            "conventions/json: content may be 60 levels deep and not 61",
            content_depth,
        ),
        client(
            SECTION,
            "conventions/json: a body over 64 levels deep is refused",
            body_depth,
        ),
        client(
            SECTION,
            "conventions/json: a body over 1 MiB gets SW_CONTENT_TOO_LARGE",
            body_size,
        ),
        client(
            SECTION,
            "conventions/json: unknown fields are ignored",
            unknown_fields,
        ),
        client(
            SECTION,
            "conventions/validation: a missing field is named with `missing`",
            missing_field,
        ),
        client(
            SECTION,
            "conventions/validation: a field of the wrong type is named with `type`",
            wrong_type,
        ),
        client(
            SECTION,
            "conventions/validation: null where it is not allowed is refused",
            null_field,
        ),
        client(
            SECTION,
            "conventions/validation: a value outside a list is named with `enum`",
            wrong_enum,
        ),
        client(
            SECTION,
            "conventions/validation: a text that is too long is named with `length`",
            wrong_length,
        ),
        client(
            SECTION,
            "conventions/validation: a number out of range is named with `range`",
            wrong_range,
        ),
        client(
            SECTION,
            "conventions/validation: sent values are not echoed",
            no_echo,
        ),
    ]
}

async fn sends_raw(person: &Person, body: impl Into<Vec<u8>>) -> Result<Answer, Stop> {
    let room = person.group_with(&[]).await?;
    let call = person.call("POST", room.at("/send"));
    call.raw("application/json", body).send().await
}

fn names_the_body(answer: &Answer) -> Verdict {
    let error = answer.refused("SW_VALIDATION_ERROR")?;
    let fields = judge::list(&error, "/details/fields")?;
    let path = fields.first().map(|field| field["path"].clone());
    let path = path.as_ref().and_then(Value::as_str).unwrap_or("");
    must(path.starts_with("body"), || {
        format!("the path is {path:?}, expected one that begins with `body`")
    })
}

async fn not_json(t: Trial) -> Verdict {
    let person = t.person().await?;
    for body in [
        "{",
        "hello",
        "{\"content\": {'a': 1}}",
        "{\"content\": NaN}",
        "{\"content\": {\"n\": 01}}",
    ] {
        let answer = sends_raw(&person, body).await?;
        names_the_body(&answer)?;
        let error = answer.refused("SW_VALIDATION_ERROR")?;
        judge::equal(&error, "/details/fields/0/reason", "json")?;
    }
    Ok(())
}

async fn not_utf8(t: Trial) -> Verdict {
    let person = t.person().await?;
    let body = b"{\"content\": {\"body\": \"\xFF\"}}".to_vec();
    names_the_body(&sends_raw(&person, body).await?)
}

async fn wrong_content_type(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let call = person.call("POST", room.at("/send"));
    let body = json!({"content": {"body": "x"}}).to_string();
    let answer = call.raw("text/plain", body).send().await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}

async fn empty_body(t: Trial) -> Verdict {
    let person = t.person().await?;
    names_the_body(&sends_raw(&person, "").await?)
}

async fn trailing_text(t: Trial) -> Verdict {
    let person = t.person().await?;
    names_the_body(&sends_raw(&person, "{\"content\": {\"body\": \"x\"}} {}").await?)
}

async fn duplicate_key(t: Trial) -> Verdict {
    let person = t.person().await?;
    let body = "{\"content\": {\"body\": \"a\"}, \"content\": {\"body\": \"b\"}}";
    let answer = sends_raw(&person, body).await?;
    names_the_body(&answer)?;
    let error = answer.refused("SW_VALIDATION_ERROR")?;
    judge::equal(&error, "/details/fields/0/reason", "duplicate")
}

async fn duplicate_key_in_content(t: Trial) -> Verdict {
    let person = t.person().await?;
    // The second spelling of the key is an escape: equal keys are equal after decoding.
    let body = r#"{"content": {"body": "x", "deep": [{"a": 1, "\u0061": 2}]}}"#;
    names_the_body(&sends_raw(&person, body).await?)
}

async fn integer_limit(t: Trial) -> Verdict {
    let person = t.person().await?;
    for kept in [9_007_199_254_740_991_i64, -9_007_199_254_740_991] {
        let body = format!("{{\"content\": {{\"body\": \"x\", \"n\": {kept}}}}}");
        let event = sends_raw(&person, body).await?.ok()?;
        judge::equal(&event, "/content/n", kept)?;
    }
    for refused in ["9007199254740992", "-9007199254740992", "9007199254740993"] {
        let body = format!("{{\"content\": {{\"body\": \"x\", \"n\": {refused}}}}}");
        names_the_body(&sends_raw(&person, body).await?)?;
    }
    Ok(())
}

async fn integers_by_value(t: Trial) -> Verdict {
    let person = t.person().await?;
    for refused in ["1e300", "9007199254740992.0", "-1e16", "1e400"] {
        let body = format!("{{\"content\": {{\"body\": \"x\", \"n\": {refused}}}}}");
        names_the_body(&sends_raw(&person, body).await?)?;
    }
    Ok(())
}

async fn lone_surrogates(t: Trial) -> Verdict {
    let person = t.person().await?;
    for inside in [
        r#""body": "\uD83D""#,
        r#""body": "\uDE00\uD83D""#,
        r#""\uDC00": 1"#,
    ] {
        let body = format!("{{\"content\": {{{inside}}}}}");
        names_the_body(&sends_raw(&person, body).await?)?;
    }
    Ok(())
}

async fn nul_character(t: Trial) -> Verdict {
    let person = t.person().await?;
    for inside in [r#""body": "a\u0000b""#, r#""a\u0000": 1"#] {
        let body = format!("{{\"content\": {{{inside}}}}}");
        names_the_body(&sends_raw(&person, body).await?)?;
    }
    Ok(())
}

/// An object that is `levels` levels deep, counted from itself.
fn nested(levels: usize) -> String {
    let lists = levels.saturating_sub(1);
    format!("{{\"deep\":{}{}}}", "[".repeat(lists), "]".repeat(lists))
}

async fn content_depth(t: Trial) -> Verdict {
    let person = t.person().await?;
    sends_raw(&person, format!("{{\"content\": {}}}", nested(60)))
        .await?
        .ok()?;
    names_the_body(&sends_raw(&person, format!("{{\"content\": {}}}", nested(61))).await?)
}

async fn body_depth(t: Trial) -> Verdict {
    let person = t.person().await?;
    let call = person.call("PUT", "/v1/me");
    let body = format!("{{\"ignored\": {}}}", nested(64));
    names_the_body(&call.raw("application/json", body).send().await?)?;
    let call = person.call("PUT", "/v1/me");
    let bomb = "[".repeat(200_000);
    names_the_body(&call.raw("application/json", bomb).send().await?)
}

async fn body_size(t: Trial) -> Verdict {
    let person = t.person().await?;
    let filling = "x".repeat(1_048_576);
    let body = json!({"content": {"body": "x"}, "ignored": filling}).to_string();
    let answer = sends_raw(&person, body).await?;
    answer.refused("SW_CONTENT_TOO_LARGE").map(drop)
}

async fn unknown_fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Room", "no_such_field": [1, 2, 3]});
    person.post("/v1/rooms", request).await?.ok().map(drop)
}

async fn missing_field(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let answer = person.post(room.at("/send"), json!({})).await?;
    answer.invalid("body.content", Some("missing"))
}

async fn wrong_type(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person.post("/v1/rooms", json!({"name": 5})).await?;
    answer.invalid("body.name", Some("type"))?;
    let room = person.group_with(&[]).await?;
    let answer = person
        .post(room.at("/send"), json!({"content": "text"}))
        .await?;
    answer.invalid("body.content", Some("type"))
}

async fn null_field(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let answer = person
        .post(room.at("/send"), json!({"content": null}))
        .await?;
    answer.invalid("body.content", None)
}

async fn wrong_enum(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Room", "room_type": "castle"});
    let answer = person.post("/v1/rooms", request).await?;
    answer.invalid("body.room_type", Some("enum"))
}

async fn wrong_length(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "x".repeat(201)});
    let answer = person.post("/v1/rooms", request).await?;
    answer.invalid("body.name", Some("length"))
}

async fn wrong_range(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let answer = person
        .put(
            room.at("/settings"),
            json!({"edit_window_seconds": 2_592_001}),
        )
        .await?;
    answer.invalid("body.edit_window_seconds", Some("range"))
}

async fn no_echo(t: Trial) -> Verdict {
    let secret = "a-value-that-must-not-come-back";
    let answer = t
        .stranger()
        .post(
            "/v1/auth/token",
            json!({"grant_type": secret, "username": [secret], "password": {"p": secret}}),
        )
        .await?;
    answer.refused("SW_VALIDATION_ERROR")?;
    must(!answer.text.contains(secret), || {
        "the sent value is in the answer".to_owned()
    })
}

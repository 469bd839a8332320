use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::events::core::content::ContentFlaw;
use crate::events::core::testing::{LIMITS, draft, key, message_after};
use crate::events::core::verified::{ContentStatus, verify};

fn event_text(body: &str) -> String {
    message_after(None, body).to_value().to_string()
}

/// An event whose content is the given text, whatever it is.
fn event_with_content(content: &str) -> String {
    let mut event = draft(json!({"placeholder": 1}))
        .sign(&key())
        .unwrap()
        .to_value();
    event["content"] = json!("CONTENT");
    event.to_string().replace("\"CONTENT\"", content)
}

fn send(events: &[String]) -> Result<Vec<Received>, BodyError> {
    read_send(
        format!("{{\"events\":[{}]}}", events.join(",")).as_bytes(),
        LIMITS,
    )
}

#[test]
fn one_event_or_a_list_of_them_is_read() {
    let single = read_send(event_text("a").as_bytes(), LIMITS).unwrap();
    let listed = send(&[event_text("a"), event_text("b")]).unwrap();
    assert_eq!(
        single,
        [Event::from_value(message_after(None, "a").to_value())]
    );
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0], single[0]);
    assert_eq!(send(&[]).unwrap(), []);
}

/// Case F-01: an integer of 2^53 in one content stays with that event.
#[test]
fn a_flawed_content_concerns_its_event_alone() {
    let bad = event_with_content(r#"{"msgtype":"swp.text","body":"x","n":9007199254740992}"#);
    let received = send(&[event_text("a"), bad, event_text("c")]).unwrap();
    let events: Vec<_> = received.into_iter().map(Result::unwrap).collect();
    assert!(events[0].content.is_some() && events[2].content.is_some());
    let flaw = JsonError::Number {
        path: "content.n".to_owned(),
    };
    assert_eq!(events[1].content_flaw, Some(ContentFlaw::Json(flaw)));
    let verified = verify(events[1].clone(), key().public_key()).unwrap();
    assert_eq!(verified.content_status(), ContentStatus::Unhashable);
}

#[test]
fn every_rule_of_strict_json_may_be_broken_inside_a_content() {
    let deep = format!("{}1{}", "{\"o\":".repeat(65), "}".repeat(65));
    let deeper = format!("{{\"o\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for content in [
        r#"{"n":1e400}"#,
        r#"{"n":-1e16}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"\udc00":[true,false,null,-0.5e-3,"\\ \" \/ \b\f\n\r\t \u00e9 é 😀"]}"#,
        r#"{"a":"\u0000"}"#,
        r#"{"a":"\u0000", "b" : { } , "c" : [ [ ] , { "d" : 1 } ] }"#,
        &deep,
        &deeper,
    ] {
        let bad = event_with_content(content);
        let single = read_send(bad.as_bytes(), LIMITS)
            .unwrap()
            .remove(0)
            .unwrap();
        assert!(
            matches!(single.content_flaw, Some(ContentFlaw::Json(_))),
            "{content}"
        );
        assert_eq!((&single.content, &single.salt), (&None, &None));
        let listed = send(&[bad, event_text("b")]).unwrap();
        assert_eq!(listed[0], Ok(single));
        assert!(
            listed[1]
                .as_ref()
                .is_ok_and(|event| event.content.is_some())
        );
    }
}

#[test]
fn content_depth_is_counted_from_its_own_root() {
    let content = format!("{}{}", "{\"o\":".repeat(63) + "{", "}".repeat(64));
    let received = send(&[event_with_content(&content)]).unwrap();
    assert_eq!(received[0].as_ref().unwrap().content_flaw, None);
}

#[test]
fn a_content_that_is_not_json_fails_the_body() {
    for content in [
        r#"{"a":"\u0000""#,
        r#"{"a":1,"a":tru}"#,
        r#"{"n":1e16,}"#,
        r#"{"n":1e16 "b":1}"#,
        r#"{"a":"\u0000","b":"\x"}"#,
        r#"{"n":1e16,"b":"unfinished}"#,
        r#"{"n":1e16,"b":01}"#,
        r#"{"n":1e16]"#,
        r#"{"n":1e16,b:1}"#,
        "{\"a\":\"\0\"}",
        "{\"n\":1e16,\"b\":\"\n\"}",
    ] {
        let verdict = send(&[event_with_content(content)]);
        assert!(
            matches!(verdict, Err(BodyError::Json(JsonError::Syntax { .. }))),
            "{content:?} {verdict:?}"
        );
    }
}

#[test]
fn a_fault_outside_of_contents_fails_the_body() {
    let nul = event_text("a").replace("a.example", "a\\u0000.example");
    assert!(matches!(
        send(&[nul]),
        Err(BodyError::Json(JsonError::Nul { .. }))
    ));
    let twice = event_text("a").replacen('{', r#"{"content":{"n":1e16},"#, 1);
    let path = "events[0].content".to_owned();
    assert_eq!(
        send(&[twice]),
        Err(BodyError::Json(JsonError::Duplicate { path }))
    );
    let beside = br#"{"events":[],"content":{"n":1e16}}"#;
    assert!(matches!(
        read_send(beside, LIMITS),
        Err(BodyError::Json(JsonError::Number { .. }))
    ));
}

#[test]
fn a_malformed_envelope_is_its_own_error() {
    let received = send(&[event_text("a"), "{}".to_owned(), "1".to_owned()]).unwrap();
    assert!(received[0].is_ok());
    assert_eq!(received[1], Err(EventError::Missing { field: "v" }));
    assert_eq!(received[2], Err(EventError::NotAnObject));
}

#[test]
fn a_body_of_another_shape_is_refused() {
    for (text, path) in [
        ("[]", ""),
        ("1", ""),
        (r#"{"events":{}}"#, "events"),
        (r#"{"events":[],"x":1}"#, "x"),
    ] {
        assert_eq!(
            read_send(text.as_bytes(), LIMITS),
            Err(BodyError::Shape {
                path: path.to_owned()
            }),
            "{text}"
        );
    }
}

#[test]
fn lists_are_found_under_their_keys_and_the_rest_is_left() {
    let text = format!(
        r#"{{"heads":{{"n":1}},"events":[{}],"state":[{},{}]}}"#,
        event_text("a"),
        event_text("b"),
        event_with_content(r#"{"n":1e16}"#)
    );
    let lists = read_lists(text.as_bytes(), LIMITS, &["state", "events", "missing"]).unwrap();
    let counts: Vec<_> = lists.events.iter().map(Vec::len).collect();
    assert_eq!(counts, [2, 1, 0]);
    assert!(lists.events[0][1].as_ref().unwrap().content_flaw.is_some());
    assert_eq!(lists.rest, *json!({"heads": {"n": 1}}).as_object().unwrap());
}

#[test]
fn limits_hold_for_the_body() {
    let limits = Limits {
        max_bytes: 10,
        ..LIMITS
    };
    let verdict = read_send(event_text("a").as_bytes(), limits);
    assert_eq!(
        verdict,
        Err(BodyError::Json(JsonError::TooLarge { limit: 10 }))
    );
    let limits = Limits {
        max_depth: 2,
        ..LIMITS
    };
    let verdict = read_send(br#"{"events":[{}]}"#, limits);
    assert!(matches!(
        verdict,
        Err(BodyError::Json(JsonError::TooDeep { .. }))
    ));
}

proptest! {
    #[test]
    fn hostile_bodies_never_panic(content in r#"[\[\]{}",:\\u0dDtrefalsn 1.eE+-]{0,60}"#) {
        let text = event_with_content(&content);
        if let Ok(received) = read_send(text.as_bytes(), LIMITS) {
            // What is tolerated is JSON all the same.
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
            prop_assert_eq!(received.len(), 1);
        }
    }
}

use proptest::prelude::*;
use serde_json::{Number, json};

use super::*;
use crate::events::core::canonical;
use crate::events::core::testing::LIMITS;

fn read_text(text: &str) -> Result<Value, JsonError> {
    read(text.as_bytes(), LIMITS)
}

fn at(path: &str) -> String {
    path.to_owned()
}

#[test]
fn values_of_every_kind_are_read() {
    let text =
        r#" { "null" : null , "yes":true,"no":false, "list":[ 1 , [ ] , { } ], "text":"aé😀" } "#;
    let expected =
        json!({"null": null, "yes": true, "no": false, "list": [1, [], {}], "text": "aé😀"});
    assert_eq!(read_text(text), Ok(expected));
    assert_eq!(read_text("\t\r\n 1 \n"), Ok(json!(1)));
}

#[test]
fn escapes_become_what_they_stand_for() {
    let text = r#""\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00\uffff""#;
    assert_eq!(
        read_text(text),
        Ok(json!("\"\\/\u{8}\u{c}\n\r\tAé😀\u{ffff}"))
    );
}

#[test]
fn strings_of_every_length_end_where_they_end() {
    for length in 0..40 {
        for special in ["\\n", "\\\"", "é", "😀", "\u{7f}"] {
            let plain = "x".repeat(length);
            let text = format!("[\"{plain}{special}{plain}\",1]");
            let expected: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read_text(&text), Ok(expected));
        }
    }
}

#[test]
fn integers_by_value_become_integers() {
    for text in [
        "1",
        "1.0",
        "1e0",
        "10e-1",
        "0.1e1",
        "1.000000000000000000000000",
    ] {
        assert_eq!(
            read_text(text),
            Ok(Value::Number(Number::from(1))),
            "{text}"
        );
    }
    for text in [
        "0", "-0", "0.0", "-0.0", "0e9", "-0E-9", "1e-400", "-1e-400",
    ] {
        assert_eq!(
            read_text(text),
            Ok(Value::Number(Number::from(0))),
            "{text}"
        );
    }
    assert_eq!(
        read_text("-9007199254740991"),
        Ok(json!(-9_007_199_254_740_991_i64))
    );
    assert_eq!(
        read_text("9007199254740991.0"),
        Ok(json!(9_007_199_254_740_991_i64))
    );
}

#[test]
fn fractions_are_the_nearest_double() {
    assert_eq!(read_text("4.35"), Ok(json!(4.35)));
    assert_eq!(
        read_text("333333333.33333329"),
        Ok(json!(333_333_333.333_333_3))
    );
    assert_eq!(read_text("5e-324"), Ok(json!(5e-324)));
    assert_eq!(
        read_text("2.2250738585072011e-308"),
        Ok(json!(2.225_073_858_507_201e-308))
    );
}

#[test]
fn integers_beyond_2_to_the_53_are_refused_in_every_spelling() {
    for text in [
        "9007199254740992",
        "-9007199254740992",
        "9007199254740993",
        "9007199254740992.0",
        "9007199254740991.5",
        "1e16",
        "1E+300",
        "-1e16",
        "0.9007199254740992e16",
        "18446744073709551615",
        "18446744073709551616",
        "100000000000000000000000000000000000000000",
    ] {
        assert_eq!(
            read_text(text),
            Err(JsonError::Number { path: at("") }),
            "{text}"
        );
    }
}

#[test]
fn numbers_that_overflow_are_refused() {
    for text in ["1e309", "-1e309", "1e999999999999999999999999"] {
        assert_eq!(
            read_text(text),
            Err(JsonError::Number { path: at("") }),
            "{text}"
        );
    }
}

#[test]
fn a_refused_number_names_its_place() {
    let error = read_text(r#"{"content":{"list":[1,{"n":1e16}]}}"#).unwrap_err();
    assert_eq!(error.path(), Some("content.list[1].n"));
    assert_eq!(read_text("[[1e16]]").unwrap_err().path(), Some("[0][0]"));
}

#[test]
fn nan_and_infinity_are_no_json() {
    for text in ["NaN", "Infinity", "-Infinity", "nan", "inf"] {
        assert!(
            matches!(read_text(text), Err(JsonError::Syntax { .. })),
            "{text}"
        );
    }
}

#[test]
fn duplicate_keys_are_refused() {
    assert_eq!(
        read_text(r#"{"a":1,"a":1}"#),
        Err(JsonError::Duplicate { path: at("a") })
    );
    assert_eq!(
        read_text(r#"{"o":{"é":1,"\u00e9":2}}"#),
        Err(JsonError::Duplicate { path: at("o.é") })
    );
    assert!(read_text(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
}

#[test]
fn lone_surrogates_are_refused_in_strings_and_keys() {
    for text in [
        r#""\uD83D""#,
        r#""\uDE00\uD83D""#,
        r#""\uD83Dx""#,
        r#""\uD83D\n""#,
        r#""\uD83D\uD83D""#,
        r#""\uD83D\u0041""#,
        r#"{"\uDC00":1}"#,
    ] {
        assert_eq!(
            read_text(text),
            Err(JsonError::Surrogate { path: at("") }),
            "{text}"
        );
    }
    assert_eq!(
        read_text(r#"{"a":"\ud800"}"#),
        Err(JsonError::Surrogate { path: at("a") })
    );
}

#[test]
fn u_0000_is_refused_in_strings_and_keys() {
    for text in ["\"\\u0000\"", "\"a\0b\"", "{\"\\u0000\":1}", "{\"\0\":1}"] {
        assert_eq!(
            read_text(text),
            Err(JsonError::Nul { path: at("") }),
            "{text:?}"
        );
    }
    assert_eq!(
        read_text(r#"{"a":"x\u0000"}"#),
        Err(JsonError::Nul { path: at("a") })
    );
}

#[test]
fn raw_control_characters_are_refused() {
    for byte in 1..0x20_u8 {
        let text = [b'"', b'a', byte, b'"'];
        assert_eq!(read(&text, LIMITS), Err(JsonError::Syntax { offset: 2 }));
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc0\x80\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\xc3\"",
    ] {
        assert_eq!(
            read(bytes, LIMITS),
            Err(JsonError::Utf8 { offset: 1 }),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_byte_order_mark_is_refused() {
    assert_eq!(
        read(b"\xef\xbb\xbf{}", LIMITS),
        Err(JsonError::Syntax { offset: 0 })
    );
    assert!(read(b"\xff\xfe{\0}\0", LIMITS).is_err());
}

#[test]
fn bytes_after_the_value_are_refused() {
    for (text, offset) in [
        ("{}x", 2),
        ("1 2", 2),
        ("null,", 4),
        ("[]\0", 2),
        ("truefalse", 4),
        ("01", 1),
    ] {
        assert_eq!(
            read_text(text),
            Err(JsonError::Syntax { offset }),
            "{text:?}"
        );
    }
}

#[test]
fn text_that_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"\\",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\x\"",
        "\"\\U0041\"",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:1}",
        "{a:1}",
        "{'a':1}",
        "[1,]",
        "[,]",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "tru",
        "True",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "- 1",
        "--1",
        "// 1",
        "/**/1",
        "\u{a0}1",
        "\u{b}1",
        "{\"a\":1 \"b\":2}",
    ] {
        assert!(
            matches!(read_text(text), Err(JsonError::Syntax { .. })),
            "{text:?} {:?}",
            read_text(text)
        );
    }
}

#[test]
fn more_bytes_than_allowed_are_refused() {
    let limits = Limits {
        max_bytes: 4,
        max_depth: 1,
    };
    assert_eq!(read(b"1234", limits), Ok(json!(1234)));
    assert_eq!(
        read(b"1234 ", limits),
        Err(JsonError::TooLarge { limit: 4 })
    );
}

#[test]
fn nesting_is_counted_from_the_outermost_value() {
    let limits = |max_depth| Limits {
        max_bytes: 100,
        max_depth,
    };
    assert!(read(b"1", limits(0)).is_ok());
    assert_eq!(
        read(b"[]", limits(0)),
        Err(JsonError::TooDeep { path: at("") })
    );
    assert!(read(br#"{"a":[1]}"#, limits(2)).is_ok());
    assert_eq!(
        read(br#"{"a":[[1]]}"#, limits(2)),
        Err(JsonError::TooDeep { path: at("a[0]") })
    );
}

#[test]
fn no_limit_allows_nesting_that_would_exhaust_the_stack() {
    let limits = Limits {
        max_bytes: usize::MAX,
        max_depth: usize::MAX,
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(MAX_DEPTH).as_bytes(), limits).is_ok());
    for depth in [MAX_DEPTH + 1, 1_000_000] {
        let verdict = read(nested(depth).as_bytes(), limits);
        assert!(matches!(verdict, Err(JsonError::TooDeep { .. })));
        let objects = "{\"a\":".repeat(depth);
        assert!(matches!(
            read(objects.as_bytes(), limits),
            Err(JsonError::TooDeep { .. })
        ));
    }
}

#[test]
fn long_keys_are_shortened_in_paths() {
    let text = format!("{{\"{}\":1e16}}", "k".repeat(10_000));
    assert_eq!(
        read_text(&text).unwrap_err().path(),
        Some("k".repeat(SHOWN_KEY_CHARS).as_str())
    );
}

#[test]
fn values_built_elsewhere_are_held_to_the_same_rules() {
    assert_eq!(check_value(&json!({"a": [1, -1.5, "x", null]}), 2), Ok(()));
    for (value, error) in [
        (
            json!({"a": 9_007_199_254_740_992_u64}),
            JsonError::Number { path: at("a") },
        ),
        (json!([u64::MAX]), JsonError::Number { path: at("[0]") }),
        (json!(i64::MIN), JsonError::Number { path: at("") }),
        (json!(1e16), JsonError::Number { path: at("") }),
        (
            json!({"a": {"b": "\0"}}),
            JsonError::Nul { path: at("a.b") },
        ),
        (json!({"a": {"\0": 1}}), JsonError::Nul { path: at("a") }),
        (json!({"a": [[]]}), JsonError::TooDeep { path: at("a[0]") }),
    ] {
        assert_eq!(check_value(&value, 2), Err(error), "{value}");
    }
}

#[test]
fn a_value_too_deep_to_recurse_into_is_refused() {
    let deep = (0..1_000).fold(json!(1), |inner, _| json!([inner]));
    assert!(matches!(
        check_value(&deep, usize::MAX),
        Err(JsonError::TooDeep { .. })
    ));
}

/// Values as the reader makes them: doubles that are integers by value are integers.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).prop_map(Value::from),
        (-1e15..1e15)
            .prop_filter("no integer", |double: &f64| double.fract() != 0.0)
            .prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}

proptest! {
    #[test]
    fn reading_the_canonical_form_gives_the_value_back(value in any_value()) {
        let bytes = canonical::to_vec(&value);
        let read = read(&bytes, LIMITS).unwrap();
        prop_assert_eq!(check_value(&read, LIMITS.max_depth), Ok(()));
        prop_assert_eq!(canonical::to_vec(&read), bytes);
        prop_assert_eq!(read, value);
    }

    #[test]
    fn what_is_read_agrees_with_a_lenient_reader(value in any_value()) {
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(read(&pretty, LIMITS), Ok(value));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _verdict = read(&bytes, LIMITS);
    }

    #[test]
    fn hostile_text_of_json_characters_never_panics(text in r#"[\[\]{}",:\\u0dDtrefalsn 1.eE+-]{0,60}"#) {
        if read_text(&text).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn a_damaged_document_never_panics(value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = canonical::to_vec(&value);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = read(&bytes, LIMITS) {
            prop_assert_eq!(check_value(&read, LIMITS.max_depth), Ok(()));
        }
    }
}

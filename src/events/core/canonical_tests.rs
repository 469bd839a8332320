use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::events::core::json::{JsonError, read};
use crate::events::core::testing::LIMITS;

fn text_of(value: &Value) -> String {
    String::from_utf8(to_vec(value)).unwrap()
}

/// RFC 8785 appendix B, without the two that are no numbers.
const APPENDIX_B: [(u64, &str); 24] = [
    (0x0000_0000_0000_0000, "0"),
    (0x8000_0000_0000_0000, "0"),
    (0x0000_0000_0000_0001, "5e-324"),
    (0x8000_0000_0000_0001, "-5e-324"),
    (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
    (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
    (0x4340_0000_0000_0000, "9007199254740992"),
    (0xc340_0000_0000_0000, "-9007199254740992"),
    (0x4430_0000_0000_0000, "295147905179352830000"),
    (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
    (0x44b5_2d02_c7e1_4af6, "1e+23"),
    (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
    (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
    (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
    (0x444b_1ae4_d6e2_ef50, "1e+21"),
    (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
    (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
    (0x41b3_de43_5555_5553, "333333333.3333332"),
    (0x41b3_de43_5555_5554, "333333333.33333325"),
    (0x41b3_de43_5555_5555, "333333333.3333333"),
    (0x41b3_de43_5555_5556, "333333333.3333334"),
    (0x41b3_de43_5555_5557, "333333333.33333343"),
    (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
];

#[test]
fn rfc_8785_appendix_b_numbers() {
    for (bits, expected) in APPENDIX_B {
        assert_eq!(text_of(&json!(f64::from_bits(bits))), expected);
    }
}

#[test]
fn rfc_8785_section_3_2_2_literals_and_strings() {
    let text = r#"{"numbers":[333333333.33333329,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(text_of(&read(text.as_bytes(), LIMITS).unwrap()), expected);
}

#[test]
fn rfc_8785_section_3_2_3_sorting() {
    let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let canonical = text_of(&read(text.as_bytes(), LIMITS).unwrap());
    let places: Vec<_> = [
        "Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew",
    ]
    .iter()
    .map(|name| canonical.find(name).unwrap())
    .collect();
    assert!(places.is_sorted(), "{canonical}");
}

/// Case S-02: a key of two surrogates sorts before U+FB33, and halves of surrogate pairs are refused.
#[test]
fn keys_are_sorted_by_utf_16_and_lone_surrogates_refused() {
    let bytes = to_vec(&read(br#"{"\uFB33":1,"\uD83D\uDE00":2}"#, LIMITS).unwrap());
    assert_eq!(hex::encode(&bytes), "7b22f09f9880223a322c22efacb3223a317d");
    let hash = "ec4e7d8c2963caa38dccc3d42693719ac9c6ecd783891b583d333565620ac2be";
    assert_eq!(hex::encode(Sha256::digest(&bytes)), hash);
    for text in [r#""\uD83D""#, r#""\uDE00\uD83D""#, r#"{"\uDC00":1}"#] {
        let error = JsonError::Surrogate {
            path: String::new(),
        };
        assert_eq!(read(text.as_bytes(), LIMITS), Err(error));
    }
    assert_eq!(
        read(b"\"\xff\"", LIMITS),
        Err(JsonError::Utf8 { offset: 1 })
    );
}

#[test]
fn length_and_appending_agree_with_the_bytes() {
    let value = json!({"b": [1, 2.5], "a": "é"});
    assert_eq!(canonical_len(&value), to_vec(&value).len());
    let mut bytes = b"prefix".to_vec();
    append(&mut bytes, &value);
    assert_eq!(bytes, [b"prefix".to_vec(), to_vec(&value)].concat());
}

/// The generator of `tests/vectors/make_jcs_oracle.js`, draw for draw.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    fn double(&mut self) -> f64 {
        let kind = self.below(4);
        loop {
            let bits = self.next();
            let double = match kind {
                0 => f64::from_bits(bits),
                1 => {
                    let power: f64 = format!("1e{}", self.below(23)).parse().unwrap();
                    (bits % 1_000_000) as f64 / power
                }
                2 => (bits >> 11) as f64 / (1_u64 << self.below(12)) as f64,
                _ => f64::from_bits(bits >> 10),
            };
            if double.is_finite() {
                return double;
            }
        }
    }

    fn safe_double(&mut self) -> f64 {
        loop {
            let double = self.double();
            if double.abs() <= 9_007_199_254_740_991.0 {
                return double;
            }
        }
    }

    fn string(&mut self) -> String {
        const RANGES: [(u64, u64); 6] = [
            (0x20, 0x7e),
            (0x01, 0x1f),
            (0x7f, 0x7ff),
            (0x800, 0xd7ff),
            (0xe000, 0xffff),
            (0x10000, 0x0010_ffff),
        ];
        let length = self.below(12);
        let draw = |_| {
            let (first, last) = RANGES[self.below(6) as usize];
            char::from_u32((first + self.below(last - first + 1)) as u32).unwrap()
        };
        (0..length).map(draw).collect()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.below(if depth > 0 { 7 } else { 5 }) {
            0 => Value::Null,
            1 => (self.below(2) == 1).into(),
            2 => self.safe_double().into(),
            3 | 4 => self.string().into(),
            5 => {
                let length = self.below(6);
                (0..length)
                    .map(|_| self.value(depth - 1))
                    .collect::<Vec<_>>()
                    .into()
            }
            _ => {
                let length = self.below(8);
                let members = (0..length).map(|_| (self.string(), self.value(depth - 1)));
                Value::Object(members.collect())
            }
        }
    }
}

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/jcs_oracle.json")).unwrap()
}

fn compare_chunks(kind: &str, mut make: impl FnMut() -> Value) {
    for (chunk, expected) in oracle()[kind].as_array().unwrap().iter().enumerate() {
        let texts: Vec<_> = (0..1_000)
            .map(|_| {
                let value = make();
                let text = text_of(&value);
                if let Ok(read) = read(text.as_bytes(), LIMITS) {
                    assert_eq!(text_of(&read), text);
                } else {
                    assert!(
                        value
                            .as_f64()
                            .is_some_and(|double| double.abs() > 9_007_199_254_740_991.0),
                        "{text}"
                    );
                }
                text
            })
            .collect();
        let hash = hex::encode(Sha256::digest(texts.join("\n")));
        assert_eq!(hash, *expected, "make_jcs_oracle.js --chunk {kind} {chunk}");
    }
}

#[test]
fn two_hundred_thousand_doubles_are_written_as_javascript_writes_them() {
    let mut random = Random(8785);
    compare_chunks("doubles", || random.double().into());
}

#[test]
fn twenty_thousand_nested_values_are_written_as_javascript_writes_them() {
    let mut random = Random(8259);
    compare_chunks("values", || random.value(5));
}

#[test]
fn oddly_written_documents_have_the_canonical_form_of_javascript() {
    for document in oracle()["documents"].as_array().unwrap() {
        let text = document["text"].as_str().unwrap();
        assert_eq!(
            text_of(&read(text.as_bytes(), LIMITS).unwrap()),
            document["canonical"]
        );
    }
}

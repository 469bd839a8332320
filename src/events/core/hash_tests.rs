use super::*;

// FIPS 180-2 appendix B.1.
const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn a_hash_has_one_text_form() {
    assert_eq!(Hash::of(b"abc").to_string(), ABC);
    assert_eq!(ABC.parse(), Ok(Hash::of(b"abc")));
    assert_eq!(
        serde_json::to_string(&Hash::of(b"abc")).unwrap(),
        format!("\"{ABC}\"")
    );
    assert_eq!(
        serde_json::from_str::<Hash>(&format!("\"{ABC}\"")).unwrap(),
        Hash::of(b"abc")
    );
}

#[test]
fn other_spellings_of_a_hash_are_refused() {
    let digits = &ABC["sha256:".len()..];
    for text in [
        digits.to_owned(),
        ABC.to_uppercase(),
        format!("sha256:{}", digits.to_uppercase()),
        format!("SHA256:{digits}"),
        format!("{ABC}0"),
        format!("sha256:{}", &digits[1..]),
        format!("sha256:+{}", &digits[1..]),
        format!("sha256:{}é", &digits[2..]),
        format!(" {ABC}"),
        String::new(),
    ] {
        assert_eq!(text.parse::<Hash>(), Err(HashFormatError), "{text:?}");
    }
}

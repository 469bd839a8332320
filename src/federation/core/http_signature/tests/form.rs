//! What stands in the headers of a signature.

use super::*;

#[test]
fn missing_extra_and_qualified_components_are_refused() {
    let full: Vec<&str> = FULL.split(' ').collect();
    for index in 0..full.len() {
        let mut fewer = full.clone();
        fewer.remove(index);
        let fault = fault(&POST, &signed_as(&fewer.join(" "), &params()));
        assert_eq!(fault, Fault::Coverage { has_body: true }, "{fewer:?}");
    }
    for more in [
        r#""date""#,
        r#""content-type""#,
        r#""@method""#,
        r#""@target-uri""#,
        r#""content-digest";sf"#,
    ] {
        let fault = fault(&POST, &signed_as(&format!("{FULL} {more}"), &params()));
        assert_eq!(fault, Fault::Coverage { has_body: true }, "{more}");
    }
    let qualified = FULL.replace(r#""content-digest""#, r#""content-digest";sf"#);
    assert_eq!(
        fault(&POST, &signed_as(&qualified, &params())),
        Fault::Coverage { has_body: true }
    );
}

#[test]
fn parameters_are_exactly_the_four_with_their_types_and_values() {
    let wrong = |params: &str| fault(&POST, &signed_as(FULL, params));
    let named = |name: &str| Fault::Parameter {
        name: name.to_owned(),
    };
    let all = params();
    assert_eq!(
        wrong(&all.replace(r#"alg="ed25519""#, "alg=ed25519")),
        named("alg")
    );
    assert_eq!(
        wrong(&all.replace(r#"alg="ed25519""#, r#"alg="hmac-sha256""#)),
        named("alg")
    );
    assert_eq!(
        wrong(&all.replace("federation-v1", "event-v1")),
        named("tag")
    );
    assert_eq!(
        wrong(&all.replace("created=", "created=@")),
        named("created")
    );
    assert_eq!(
        wrong(&format!("{all};expires=1880000000")),
        named("expires")
    );
    assert_eq!(wrong(&format!("{all};nonce=\"x\"")), named("nonce"));
    for (name, index) in [("created", 0), ("alg", 2), ("tag", 3)] {
        let mut parts: Vec<&str> = all.split(';').collect();
        let twice = parts[index];
        assert_eq!(wrong(&format!("{all};{twice}")), named(name));
        parts.remove(index);
        assert_eq!(wrong(&parts.join(";")), named(name));
    }
}

#[test]
fn a_caller_that_is_not_named_once_is_refused() {
    let all = params();
    let id = format!("a.example#{}", key().key_id());
    for params in [
        all.replace(&id, "a.example"),
        all.replace(&id, "127.0.0.1#ed25519:0000000000000000"),
        all.replace(&id, "a.example#ed25519:00"),
        all.replace(&id, "A.example#ed25519:0000000000000000"),
        all.replace("keyid=", "keyId2="),
        format!("{all};keyid=\"{id}\""),
        format!("{all};keyid=x"),
    ] {
        let error =
            Parsed::read(&signed_as(FULL, &params.replace("keyId2", "keyid2"))).unwrap_err();
        assert_eq!(*error.fault(), Fault::KeyId, "{params}");
    }
}

#[test]
fn repeated_headers_and_labels_are_refused() {
    for name in [SIGNATURE, SIGNATURE_INPUT, CONTENT_DIGEST, PROTOCOL_HEADER] {
        let mut headers = signed(&POST);
        let value = headers[&name].clone();
        headers.append(&name, value);
        assert_eq!(fault(&POST, &headers), Fault::Header { name });
    }
    for name in [SIGNATURE, SIGNATURE_INPUT] {
        let mut headers = signed(&POST);
        let value = headers[&name].to_str().unwrap().to_owned();
        for other in [
            format!("{value}, {value}"),
            format!("{value}, x{value}"),
            "()".to_owned(),
            String::new(),
        ] {
            headers.insert(&name, other.parse().unwrap());
            assert!(
                matches!(fault(&POST, &headers), Fault::Malformed { .. }),
                "{name}: {other}"
            );
        }
    }
    let mut headers = signed(&POST);
    let value = headers[SIGNATURE]
        .to_str()
        .unwrap()
        .replace("scaiwave=", "other=");
    headers.insert(SIGNATURE, value.parse().unwrap());
    assert_eq!(fault(&POST, &headers), Fault::Label);
}

#[test]
fn absent_and_over_long_headers_are_refused() {
    for name in [SIGNATURE, SIGNATURE_INPUT, CONTENT_DIGEST, PROTOCOL_HEADER] {
        let mut headers = signed(&POST);
        headers.remove(&name);
        assert_eq!(fault(&POST, &headers), Fault::Header { name });
    }
    let mut headers = signed(&POST);
    let padded = format!(
        "{};x={}",
        headers[SIGNATURE_INPUT].to_str().unwrap(),
        "1".repeat(MAX_HEADER_BYTES)
    );
    headers.insert(SIGNATURE_INPUT, padded.parse().unwrap());
    assert_eq!(
        fault(&POST, &headers),
        Fault::Header {
            name: SIGNATURE_INPUT
        }
    );
}

#[test]
fn components_and_parameters_may_stand_in_any_order() {
    let components =
        r#""content-digest" "x-scaiwave-protocol" "@query" "@path" "@authority" "@method""#;
    let mut parts: Vec<String> = params().split(';').map(ToOwned::to_owned).collect();
    parts.reverse();
    assert_eq!(
        judge(&POST, &signed_as(components, &parts.join(";"))),
        Ok(())
    );
}

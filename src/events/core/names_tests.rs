use super::*;

fn server(text: &str) -> Result<String, NameError> {
    text.parse::<ServerName>().map(|name| name.to_string())
}

#[test]
fn hosts_with_and_without_port_are_server_names() {
    for text in [
        "a.example",
        "chat.a-b.example:8448",
        "localhost",
        "localhost:1",
        "localhost:65535",
        "1.example",
        "0xg",
        "xn--bcher-kva.example",
        "a",
    ] {
        assert_eq!(server(text).as_deref(), Ok(text));
    }
}

#[test]
fn host_and_port_can_be_told_apart() {
    let name: ServerName = "a.example:8448".parse().unwrap();
    assert_eq!((name.host(), name.port()), ("a.example", Some(8448)));
    let name: ServerName = "a.example".parse().unwrap();
    assert_eq!((name.host(), name.port()), ("a.example", None));
}

#[test]
fn upper_case_is_refused_not_folded() {
    assert_eq!(server("A.example"), Err(NameError::Character));
}

#[test]
fn characters_outside_of_host_names_are_refused() {
    for text in [
        "bücher.example",
        "a_b.example",
        "a b",
        "a/b",
        "a@b",
        "a\0",
        "a.example\n",
        "%61",
    ] {
        assert_eq!(server(text), Err(NameError::Character), "{text:?}");
    }
}

#[test]
fn malformed_labels_are_refused() {
    for text in [
        "a..b",
        ".a",
        "a.",
        "-a.b",
        "a-.b",
        "a.-b:1",
        "xn--\u{61}",
        "xn--a--.b",
        "xn--0.example",
    ] {
        assert_eq!(server(text), Err(NameError::Label), "{text:?}");
    }
}

#[test]
fn names_over_the_length_of_dns_are_refused() {
    let label = "a".repeat(63);
    assert!(server(&label).is_ok());
    assert_eq!(server(&"a".repeat(64)), Err(NameError::TooLong));
    let host = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(host.len(), 253);
    assert!(server(&host).is_ok());
    assert!(server(&format!("{host}:1")).is_ok());
    assert_eq!(server(&format!("{host}:8448")), Err(NameError::TooLong));
    assert_eq!(server(&format!("{host}a")), Err(NameError::TooLong));
}

#[test]
fn malformed_ports_are_refused() {
    for text in ["a:", "a:0", "a:080", "a:65536", "a:+1", "a:x"] {
        assert_eq!(server(text), Err(NameError::Port), "{text:?}");
    }
    assert_eq!(server("a:1:2"), Err(NameError::Character));
    assert_eq!(server(":1"), Err(NameError::Empty));
    assert_eq!(server(""), Err(NameError::Empty));
}

#[test]
fn ip_addresses_in_every_spelling_are_refused() {
    for text in [
        "127.0.0.1",
        "127.0.0.1:80",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0x",
        "1.2.3.4.5",
        "a.1",
        "[::1]",
        "[::1]:8448",
        "[2001:db8::1]",
        "10.0.0.1:8448",
        "[",
        "[a]",
    ] {
        assert_eq!(server(text), Err(NameError::IpAddress), "{text:?}");
    }
}

#[test]
fn local_ids_hold_their_alphabet() {
    for text in ["a", "0", "alice", "a.b_c-d", &"a".repeat(64)] {
        assert_eq!(
            text.parse::<LocalId>().map(|id| id.to_string()).as_deref(),
            Ok(text)
        );
    }
    for text in ["Alice", "a b", "ä", ".a", "_a", "-a", "a:b", "a@b", "a\0"] {
        assert_eq!(
            text.parse::<LocalId>(),
            Err(NameError::Character),
            "{text:?}"
        );
    }
    assert_eq!("".parse::<LocalId>(), Err(NameError::Empty));
    assert_eq!("a".repeat(65).parse::<LocalId>(), Err(NameError::TooLong));
}

#[test]
fn a_full_name_is_local_id_and_server() {
    let fqid: Fqid = "@alice:a.example:8448".parse().unwrap();
    assert_eq!(fqid.local_id().as_str(), "alice");
    assert_eq!(fqid.server_name().as_str(), "a.example:8448");
    assert_eq!(
        fqid,
        Fqid::new(fqid.local_id().clone(), fqid.server_name().clone())
    );
    assert_eq!(fqid.to_string(), "@alice:a.example:8448");
}

#[test]
fn malformed_full_names_are_refused() {
    for (text, error) in [
        ("alice:a.example", NameError::NotFqid),
        ("@alice", NameError::NotFqid),
        ("@:a.example", NameError::Empty),
        ("@alice:", NameError::Empty),
        ("@@alice:a.example", NameError::Character),
        ("@alice:127.0.0.1", NameError::IpAddress),
        ("", NameError::NotFqid),
    ] {
        assert_eq!(text.parse::<Fqid>(), Err(error), "{text:?}");
    }
}

#[test]
fn full_names_are_ordered_as_text() {
    let mut names: Vec<Fqid> = ["@a:x", "@a-b:x", "@a.b:x"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    names.sort();
    let texts: Vec<_> = names.iter().map(Fqid::as_str).collect();
    assert_eq!(texts, ["@a-b:x", "@a.b:x", "@a:x"]);
}

#[test]
fn names_are_strings_in_json_and_checked_there() {
    let fqid: Fqid = serde_json::from_str("\"@alice:a.example\"").unwrap();
    assert_eq!(
        serde_json::to_string(&fqid).unwrap(),
        "\"@alice:a.example\""
    );
    assert!(serde_json::from_str::<ServerName>("\"A.example\"").is_err());
    assert!(serde_json::from_str::<LocalId>("1").is_err());
}

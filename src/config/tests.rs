//! What operators get from right and wrong settings.

use super::*;

fn load(settings: &[(&str, &str)]) -> Result<load::Loaded, Problems> {
    let owned = |(name, value): &(&str, &str)| (format!("SCAIWAVE_{name}"), (*value).to_owned());
    Config::load(settings.iter().map(owned))
}

fn config(settings: &[(&str, &str)]) -> Config {
    load(settings).unwrap().config
}

/// The lines of the message that stops the start.
fn problems(settings: &[(&str, &str)]) -> Vec<String> {
    let problems = load(settings).unwrap_err();
    problems.0.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_needs_to_be_set() {
    let loaded = load(&[]).unwrap();
    let config = loaded.config;
    assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8000/");
    assert_eq!(config.server_name.name.as_str(), "localhost");
    assert!(!config.server_name.is_explicit);
    assert_eq!(config.database.url.as_str(), "sqlite:./data/scaiwave.db");
    assert_eq!(config.auth.mode, AuthMode::Local);
    assert_eq!(config.rates.tenant_sends, 6_000);
    assert_eq!(loaded.warnings, [""; 0]);
}

#[test]
fn every_setting_of_the_table_is_read_and_no_other() {
    let read: Vec<_> = config(&[]).shown.iter().map(|shown| shown.name).collect();
    let mut read = read;
    let mut listed: Vec<_> = settings::ALL.iter().map(|setting| setting.name).collect();
    read.sort_unstable();
    listed.sort_unstable();
    assert_eq!(read, listed);
}

#[test]
fn the_reference_page_is_what_the_table_says() {
    let page = include_str!("../../docs/settings.md");
    assert!(
        page == reference::markdown(),
        "make it anew: scaiwave show-config --reference > docs/settings.md"
    );
}

#[test]
fn every_wrong_value_is_reported_at_once_with_what_would_be_right() {
    let wrong = [
        ("BIND", "localhost"),
        ("PUBLIC_URL", "https://example.org/chat"),
        ("DB_POOL", "0"),
        ("CLOCK_SKEW", "1m"),
        ("LOG_FORMAT", "xml"),
    ];
    assert_eq!(
        problems(&wrong),
        [
            "SCAIWAVE_BIND is \"localhost\", but must be an IP address and a port, such as 127.0.0.1:8000",
            "SCAIWAVE_PUBLIC_URL is \"https://example.org/chat\", but must be an http or https URL without a path, such as https://chat.example.org",
            "SCAIWAVE_DB_POOL is \"0\", but must be from 1 to 1000",
            "SCAIWAVE_CLOCK_SKEW is \"1m\", but must be a whole number of seconds",
            "SCAIWAVE_LOG_FORMAT is \"xml\", but must be text or json",
        ]
    );
}

#[test]
fn wrong_values_of_each_form_are_refused() {
    for (name, value) in [
        ("BIND", "127.0.0.1"),
        ("PUBLIC_URL", "ftp://example.org"),
        ("PUBLIC_URL", "https://user:pw@example.org"),
        ("PUBLIC_URL", "https://under_score.example"),
        ("WEB_CLIENT_URL", "example.org"),
        ("SERVER_NAME", "Example.org"),
        ("SERVER_NAME", "exa mple"),
        ("SERVER_NAME", "192.168.1.20:8000"),
        ("SERVER_NAME", "[2001:db8::1]"),
        ("SECRET_KEY", "c2hvcnQ="),
        ("TLS_CERT_FILE", "/nowhere/cert.pem"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "*"),
        ("ALLOW_PRIVATE_HOSTS", "a b"),
        ("DB_URL", "redis://localhost"),
        ("DB_URL", "sqlite:"),
        ("AUTH_MODE", "ldap"),
        ("MOCK_ANYWHERE", "maybe"),
        ("FEDERATION_PEER_URLS", "b.example"),
        ("FEDERATION_PEER_URLS", "b.example=not-a-url"),
        ("FEDERATION_PEER_URLS", "10.0.0.7=https://10.0.0.7"),
        ("MAX_CONTENT", "65537"),
        ("MAX_BODY", "12"),
        ("MAX_UPLOAD", "0"),
        ("MAX_FOREIGN_MEDIA", "10G"),
        ("REQUEST_TIMEOUT", "0"),
        ("RATE_SENDS", "-1"),
        ("LOG", "scaiwave=loud"),
        ("METRICS_BIND", "9100"),
    ] {
        assert_eq!(problems(&[(name, value)]).len(), 1, "{name}={value}");
    }
}

#[test]
fn an_empty_value_counts_as_not_set() {
    assert_eq!(
        config(&[("BIND", ""), ("METRICS_BIND", "")]).bind.port(),
        8000
    );
}

#[test]
fn the_server_name_follows_the_public_url() {
    for (url, name) in [
        ("https://chat.example.org", "chat.example.org"),
        ("https://chat.example.org:443", "chat.example.org"),
        ("https://chat.example.org:8443/", "chat.example.org:8443"),
        ("http://127.0.0.1:8000", "localhost"),
        ("http://127.8.7.6", "localhost"),
        ("http://[::1]:8000", "localhost"),
        ("http://localhost:3000", "localhost"),
    ] {
        assert_eq!(
            config(&[("PUBLIC_URL", url)]).server_name.name.as_str(),
            name,
            "{url}"
        );
    }
    let chosen = config(&[("SERVER_NAME", "example.org:8448")]).server_name;
    assert_eq!(
        (chosen.name.as_str(), chosen.is_explicit),
        ("example.org:8448", true)
    );
}

#[test]
fn an_ip_address_is_no_server_name_and_the_refusal_says_what_to_set() {
    for set in [
        ("PUBLIC_URL", "http://192.168.1.20:8000"),
        ("PUBLIC_URL", "https://[2001:db8::1]"),
        ("BIND", "192.168.1.20:8000"),
    ] {
        let said = problems(&[set]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("SCAIWAVE_SERVER_NAME must be set to a name such as chat.example"),
            "{said:?}"
        );
        let named = config(&[set, ("SERVER_NAME", "chat.example")]).server_name;
        assert_eq!(named.name.as_str(), "chat.example");
    }
}

#[test]
fn a_free_port_becomes_known_when_the_listener_is_bound() {
    let bound = "127.0.0.1:4711".parse().unwrap();
    let derived = config(&[("BIND", "127.0.0.1:0")]).bound_to(bound);
    assert_eq!(derived.public_url.as_str(), "http://127.0.0.1:4711/");
    let set = config(&[
        ("BIND", "127.0.0.1:0"),
        ("PUBLIC_URL", "https://example.org"),
    ]);
    assert_eq!(
        set.bound_to(bound).public_url.as_str(),
        "https://example.org/"
    );
}

#[test]
fn listening_everywhere_is_announced_as_this_machine_with_a_warning() {
    let loaded = load(&[("BIND", "0.0.0.0:8000")]).unwrap();
    assert_eq!(loaded.config.public_url.as_str(), "http://localhost:8000/");
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn mock_needs_a_loopback_address_or_consent() {
    assert_eq!(config(&[("AUTH_MODE", "mock")]).auth.mode, AuthMode::Mock);
    let everywhere = [
        ("AUTH_MODE", "mock"),
        ("BIND", "0.0.0.0:8000"),
        ("PUBLIC_URL", "http://a.example"),
    ];
    assert!(
        problems(&everywhere)[0]
            .starts_with("SCAIWAVE_AUTH_MODE is \"mock\", but with it everybody is let in")
    );
    let consent = [everywhere.as_slice(), &[("MOCK_ANYWHERE", "true")]].concat();
    assert_eq!(config(&consent).auth.mode, AuthMode::Mock);
}

#[test]
fn hybrid_lets_mock_tokens_in_and_needs_the_same_consent() {
    let everywhere = [
        ("AUTH_MODE", "hybrid"),
        ("OIDC_ISSUER", "https://id.example"),
        ("OIDC_CLIENT_ID", "scaiwave"),
        ("BIND", "0.0.0.0:8000"),
        ("PUBLIC_URL", "https://a.example"),
    ];
    assert!(problems(&everywhere)[0].contains("\"hybrid\", but with it everybody is let in"));
    let consent = [everywhere.as_slice(), &[("MOCK_ANYWHERE", "true")]].concat();
    assert_eq!(config(&consent).auth.mode, AuthMode::Hybrid);
}

#[test]
fn modes_with_an_identity_provider_say_what_they_need() {
    for mode in ["scaikey", "hybrid"] {
        let said = problems(&[("AUTH_MODE", mode)]);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with(&format!(
                "SCAIWAVE_OIDC_ISSUER must be set, or SCAIWAVE_SCAIKEY_URL, because SCAIWAVE_AUTH_MODE is {mode}"
            )),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("SCAIWAVE_OIDC_CLIENT_ID must be set"),
            "{said:?}"
        );
    }
    assert!(config(&[]).auth.provider.is_none());
}

#[test]
fn a_provider_is_found_below_its_issuer() {
    for (issuer, discovery) in [
        (
            "https://id.example",
            "https://id.example/.well-known/openid-configuration",
        ),
        (
            "https://id.example/",
            "https://id.example/.well-known/openid-configuration",
        ),
        (
            "https://id.example/realms/a",
            "https://id.example/realms/a/.well-known/openid-configuration",
        ),
    ] {
        let provider = config(&[
            ("AUTH_MODE", "scaikey"),
            ("OIDC_ISSUER", issuer),
            ("OIDC_CLIENT_ID", "scaiwave"),
            ("OIDC_CLIENT_SECRET", "hunter2"),
        ])
        .auth
        .provider
        .unwrap();
        assert_eq!(provider.issuer.as_deref(), Some(issuer));
        assert_eq!(provider.discovery.as_str(), discovery);
        assert_eq!(provider.audience, "scaiwave");
        assert_eq!(provider.tenant_claim, "tenant_id");
        assert!(!format!("{provider:?}").contains("hunter2"));
    }
}

#[test]
fn scaikey_is_found_at_its_own_path() {
    let provider = config(&[
        ("AUTH_MODE", "scaikey"),
        ("SCAIKEY_URL", "https://keys.example"),
        ("OIDC_CLIENT_ID", "scaiwave"),
        ("OIDC_AUDIENCE", "chat"),
    ])
    .auth
    .provider
    .unwrap();
    assert_eq!(
        provider.discovery.as_str(),
        "https://keys.example/api/v1/platform/oauth/.well-known/openid-configuration"
    );
    assert_eq!(provider.issuer, None);
    assert_eq!(provider.audience, "chat");
}

#[test]
fn a_provider_without_tls_is_warned_of_unless_it_is_on_this_machine() {
    let warnings = |issuer| {
        let settings = [
            ("AUTH_MODE", "scaikey"),
            ("OIDC_ISSUER", issuer),
            ("OIDC_CLIENT_ID", "scaiwave"),
        ];
        load(&settings).unwrap().warnings.len()
    };
    assert_eq!(warnings("http://id.internal"), 1);
    assert_eq!(warnings("https://id.internal"), 0);
    assert_eq!(warnings("http://127.0.0.1:9000"), 0);
    assert_eq!(warnings("http://localhost:9000"), 0);
}

#[test]
fn mysql_is_refused_without_showing_the_password() {
    let problems = problems(&[("DB_URL", "mysql://root:hunter2@db/scaiwave")]);
    assert!(problems[0].contains("MySQL and MariaDB are not supported"));
    assert!(problems[0].contains("mysql://root:***@db/scaiwave"));
    assert!(!problems[0].contains("hunter2"));
}

#[test]
fn a_wrong_secret_is_named_but_not_shown() {
    assert_eq!(
        problems(&[("SECRET_KEY", "hunter2")]),
        ["SCAIWAVE_SECRET_KEY must be 32 bytes in base64"]
    );
}

#[test]
fn a_secret_may_come_from_a_file_but_not_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db-url");
    std::fs::write(&file, "postgres://sw:hunter2@db/scaiwave\n").unwrap();
    let file = file.to_str().unwrap();
    let config = config(&[("DB_URL_FILE", file)]);
    assert_eq!(
        config.database.url.as_str(),
        "postgres://sw:hunter2@db/scaiwave"
    );
    assert!(!config.database.url.is_sqlite());
    let both = [("DB_URL_FILE", file), ("DB_URL", "sqlite:x.db")];
    assert_eq!(
        problems(&both),
        ["SCAIWAVE_DB_URL must not be set together with SCAIWAVE_DB_URL_FILE"]
    );
    assert!(problems(&[("DB_URL_FILE", "/nowhere")])[0].contains("must name a readable text file"));
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let key = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=";
    for url in [
        "postgres://sw:hunter2@db/scaiwave",
        "postgres://sw:hunter2:x@y@db/scaiwave",
        "postgres://db/scaiwave?user=sw&password=hunter2",
    ] {
        let config = config(&[("DB_URL", url), ("SECRET_KEY", key)]);
        for text in [
            format!("{config:?}"),
            serde_json::to_string(&config.shown).unwrap(),
        ] {
            assert!(!text.contains("hunter2") && !text.contains(key), "{text}");
        }
    }
}

#[test]
fn certificate_and_key_belong_together() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    assert!(
        config(&[("TLS_CERT_FILE", file), ("TLS_KEY_FILE", file)])
            .tls
            .is_some()
    );
    let alone = problems(&[("TLS_CERT_FILE", file)]);
    assert_eq!(
        alone,
        ["SCAIWAVE_TLS_KEY_FILE must be set together with SCAIWAVE_TLS_CERT_FILE"]
    );
}

#[test]
fn lists_are_separated_by_commas() {
    let config = config(&[
        ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,,::1"),
        ("ALLOW_PRIVATE_HOSTS", "Models.Internal,127.0.0.1,::1"),
        (
            "FEDERATION_PEER_URLS",
            "b.example=https://127.0.0.1:9000, c.example:8448=http://c.internal",
        ),
    ]);
    assert_eq!(config.trusted_proxies.len(), 3);
    assert_eq!(
        config.allow_private_hosts,
        ["models.internal", "127.0.0.1", "[::1]"]
    );
    let peers: Vec<_> = config
        .federation
        .peer_urls
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(peers, ["b.example", "c.example:8448"]);
}

#[test]
fn unknown_names_and_the_outer_search_engine_are_warned_of() {
    let loaded = load(&[
        ("BINDD", "x"),
        ("WEAVIATE_URL", "http://w"),
        ("SECRET_KEY_FILES", "x"),
    ])
    .unwrap();
    assert_eq!(
        loaded.warnings,
        [
            "SCAIWAVE_WEAVIATE_URL is ignored: search is built in",
            "SCAIWAVE_BINDD is not a setting of this version; it is ignored",
            "SCAIWAVE_SECRET_KEY_FILES is not a setting of this version; it is ignored",
        ]
    );
}

#[test]
fn other_variables_are_none_of_our_business() {
    let other = [
        ("PATH".to_owned(), "/bin".to_owned()),
        ("XSCAIWAVE_BIND".to_owned(), "x".to_owned()),
    ];
    assert_eq!(Config::load(other).unwrap().warnings, [""; 0]);
}

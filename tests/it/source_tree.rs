//! The layers hold: SQL, HTTP and the clock appear only where they belong, and files stay small.

use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 500;

struct Source {
    /// Relative to the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(&format!("src/{folder}/"))
            || self.path.contains(&format!("/{folder}/"))
    }

    /// Tests beside a module use what they need; so does what only they use.
    fn is_test(&self) -> bool {
        let name = self.file_name();
        name == "tests.rs"
            || name == "test_support.rs"
            || name.ends_with("_tests.rs")
            || self.path.contains("tests/")
            || self.path.starts_with("src/simulation/")
    }

    /// Lines of code that hold `word`, without comments.
    fn lines_with(&self, word: &str) -> Vec<String> {
        let lines = self.text.lines().enumerate();
        lines
            .filter(|(_, line)| {
                line.split("//")
                    .next()
                    .is_some_and(|code| has_word(code, word))
            })
            .map(|(number, line)| format!("{}:{}: {}", self.path, number + 1, line.trim()))
            .collect()
    }
}

fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let relative = |path: &PathBuf| {
        path.strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/")
    };
    files
        .iter()
        .map(|path| Source {
            path: relative(path),
            text: std::fs::read_to_string(path).unwrap(),
        })
        .collect()
}

/// Fails with every place where `word` stands in a file that `allowed` does not let have it.
fn only_where(word: &str, allowed: impl Fn(&Source) -> bool) {
    let strays: Vec<_> = sources("src")
        .iter()
        .filter(|source| !source.is_test() && !allowed(source))
        .flat_map(|source| source.lines_with(word))
        .collect();
    assert!(
        strays.is_empty(),
        "`{word}` does not belong here:\n{}",
        strays.join("\n")
    );
}

#[test]
fn sql_stays_in_stores() {
    only_where("sqlx", |source| {
        source.is_in("db")
            || source.is_in("store")
            || source.file_name() == "store.rs"
            || source.path.starts_with("src/events/append")
    });
}

#[test]
fn http_stays_in_routes() {
    only_where("axum", |source| {
        source.is_in("http")
            || source.is_in("app")
            || source.is_in("routes")
            || source.file_name() == "routes.rs"
            // The extractor of other servers' signed requests.
            || source.path == "src/federation/signed.rs"
            || source.path == "src/error.rs"
    });
}

#[test]
fn the_clock_of_the_system_is_read_in_one_place() {
    only_where("SystemTime", |source| source.path == "src/clock.rs");
}

#[test]
fn pure_cores_do_no_io() {
    let doing_io = [
        "tokio",
        "reqwest",
        "sqlx",
        "axum",
        "std::fs",
        "std::env",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
    ];
    for word in doing_io {
        only_where(word, |source| !source.is_in("core"));
    }
}

#[test]
fn files_stay_small_and_say_what_they_are_for() {
    let all = ["src", "conformance/src", "fuzz/fuzz_targets", "tests"]
        .map(sources)
        .into_iter()
        .flatten();
    let mut wrong = Vec::new();
    for source in all {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
        // Tests beside a module speak of what that module is for.
        if !source.text.starts_with("//!") && !source.path.ends_with("_tests.rs") {
            wrong.push(format!("{}: does not open with `//!`", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names under `[dependencies]` and `[dev-dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).unwrap();
    let mut names = Vec::new();
    let mut listed = false;
    for line in text.lines() {
        if line.starts_with('[') {
            listed = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once([' ', '.']).filter(|_| listed) {
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn every_dependency_has_its_reason() {
    let page = include_str!("../../docs/dependencies.md");
    let manifests = [
        "Cargo.toml",
        "benches/Cargo.toml",
        "conformance/Cargo.toml",
        "fuzz/Cargo.toml",
    ];
    let named = manifests.map(dependencies).concat();
    assert!(named.len() > 40, "the manifests were read: {named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "not in docs/dependencies.md: {missing:?}"
    );
}

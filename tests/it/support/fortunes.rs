//! Real texts in several languages and scripts: the data files of Debian's fortune packages.

use std::path::{Path, PathBuf};

/// Every text of every package that is installed, in a fixed order.
pub(crate) fn fortunes() -> Vec<String> {
    let folder = std::env::var_os("TEST_FORTUNES_FOLDER")
        .map_or_else(|| PathBuf::from("/usr/share/games/fortunes"), PathBuf::from);
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let texts: Vec<String> = files.iter().flat_map(|file| texts_of(file)).collect();
    assert!(
        texts.len() > 10_000,
        "only {} texts in {}: start the tests with tests/run, which installs the fortune packages",
        texts.len(),
        folder.display()
    );
    texts
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // Links lead to files that are met anyway; `.dat` is an index.
        let kind = entry.file_type().expect("a file type");
        if kind.is_dir() {
            collect(&path, files);
        } else if kind.is_file() && path.extension().is_none_or(|extension| extension != "dat") {
            files.push(path);
        }
    }
}

/// Texts are separated by lines that hold a single `%`. Bytes that are no UTF-8 are a file of another encoding.
fn texts_of(file: &Path) -> Vec<String> {
    let Ok(whole) = std::fs::read_to_string(file) else {
        return Vec::new();
    };
    let mut texts = vec![String::new()];
    for line in whole.lines() {
        if line.trim_end() == "%" {
            texts.push(String::new());
        } else if let Some(text) = texts.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    texts.retain(|text| !text.trim().is_empty() && !text.contains('\0'));
    texts
}

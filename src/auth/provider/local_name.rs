//! From the name that a provider knows somebody by to a local id. Pure.
//!
//! Two names of a provider may come out the same. A local id is never shared for that: whoever comes second gets one
//! with a number, and a local id says nothing about who somebody is at the provider.

use crate::events::core::names::LocalId;

/// Longest part that comes from the provider, in bytes; the rest is for a number.
const LONGEST: usize = 40;
/// Names that are tried with a small number.
const SMALL_NUMBERS: u32 = 20;
/// What somebody is called whose name leaves nothing.
const NAMELESS: &str = "user";

/// The local ids to try for somebody, the best first: the name itself, then with numbers, at last with one so large
/// that it is free. `random` is random.
pub(crate) fn candidates(name: Option<&str>, random: u64) -> impl Iterator<Item = LocalId> {
    let base = clean(name.unwrap_or_default());
    let numbered = (2..=SMALL_NUMBERS).map(u64::from).chain([random]);
    let texts =
        std::iter::once(base.clone()).chain(numbered.map(move |number| format!("{base}-{number}")));
    texts.filter_map(|text| text.parse().ok())
}

/// A name in the alphabet of local ids. Of an address, the part before the `@`.
fn clean(name: &str) -> String {
    let name = name
        .split('@')
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    let mut clean = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' | '.' | '_' | '-' => clean.push(letter),
            _ => match plain(letter) {
                Some(plain) => clean.push_str(plain),
                None if clean.ends_with('-') => {}
                None => clean.push('-'),
            },
        }
        if clean.len() >= LONGEST {
            break;
        }
    }
    let is_separator = |letter: char| matches!(letter, '.' | '_' | '-');
    let clean = clean.trim_matches(is_separator);
    if clean.is_empty() {
        NAMELESS.to_owned()
    } else {
        clean.to_owned()
    }
}

/// A letter of Western Europe without its marks, as people there write it where they have to.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' | 'æ' => "ae",
        'ö' | 'ø' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'å' => "aa",
        'à' | 'á' | 'â' | 'ã' => "a",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' => "o",
        'ù' | 'ú' | 'û' => "u",
        'ý' | 'ÿ' => "y",
        'ð' => "d",
        'þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, expected) in [
            ("alice", "alice"),
            ("Alice.Liddell", "alice.liddell"),
            ("a_b", "a_b"),
            ("Alice Liddell", "alice-liddell"),
            ("alice  /  b", "alice-b"),
            ("alice@example.org", "alice"),
            ("@alice:example.org", "alice-example.org"),
            ("Zoë Müller", "zoe-mueller"),
            ("-.alice_", "alice"),
            ("Алиса", "user"),
            ("", "user"),
            ("@", "user"),
            ("42", "42"),
        ] {
            assert_eq!(clean(name), expected, "{name:?}");
        }
        assert!(clean(&"ß".repeat(100)).len() <= LONGEST + 1);
    }

    #[test]
    fn whoever_comes_later_gets_a_number() {
        let ids: Vec<String> = candidates(Some("A B"), u64::MAX)
            .map(|id| id.to_string())
            .collect();
        assert_eq!(ids.first().map(String::as_str), Some("a-b"));
        assert_eq!(ids.get(1).map(String::as_str), Some("a-b-2"));
        assert_eq!(ids.last().unwrap(), &format!("a-b-{}", u64::MAX));
        assert_eq!(ids.len(), 21);
        let long = candidates(Some(&"x".repeat(500)), u64::MAX).last().unwrap();
        assert!(long.as_str().len() <= 64, "{long}");
    }
}

//! Words of a text, as keywords are compared: any case, whole words (client specification, section 11). Pure.

/// Characters of a text that are looked at for keywords: what lies beyond is a pasted file rather than a message.
const MOST_CHARACTERS: usize = 20_000;

/// The words of a text, each in one spelling. A word is a run of letters and digits; whatever else is visible stands for
/// itself, so that `C++` is no `C`.
pub fn of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut goes_on = false;
    for letter in text.chars().take(MOST_CHARACTERS) {
        let is_part = is_part_of_word(letter) && !stands_alone(letter);
        if letter.is_whitespace() {
            goes_on = false;
            continue;
        }
        match words.last_mut().filter(|_| goes_on && is_part) {
            Some(word) => word.extend(fold(letter)),
            None => words.push(fold(letter).collect()),
        }
        goes_on = is_part;
    }
    words
}

/// A keyword in the form in which keywords are stored and compared; empty for one without anything visible.
pub fn key(keyword: &str) -> String {
    of(keyword).join(" ")
}

/// One letter in any case. Through upper case first: so `ß` is `SS`, and both forms of the Greek sigma are one.
fn fold(letter: char) -> impl Iterator<Item = char> {
    letter.to_uppercase().flat_map(char::to_lowercase)
}

/// Accents that follow their letter belong to its word.
fn is_part_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&letter)
}

/// Signs of scripts that put no space between words: each is a word.
fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_and_signs_stand_for_themselves() {
        assert_eq!(
            of("Release 2.0, now!"),
            ["release", "2", ".", "0", ",", "now", "!"]
        );
        assert_eq!(of("C++"), ["c", "+", "+"]);
        assert_eq!(of(" \n\t"), Vec::<String>::new());
        assert_eq!(of("東京タワー").len(), 5);
        assert_eq!(of("v2の話"), ["v2", "の", "話"]);
    }

    #[test]
    fn any_case_is_one_spelling() {
        assert_eq!(key("STRASSE"), key("Straße"));
        assert_eq!(key("ΟΔΟΣ"), key("οδος"));
        assert_eq!(key("Release   Plan"), "release plan");
        assert_eq!(key("e\u{301}te\u{301}").split(' ').count(), 1);
    }

    #[test]
    fn a_text_of_any_length_is_looked_at_for_a_while_only() {
        assert_eq!(of(&"!".repeat(MOST_CHARACTERS + 5)).len(), MOST_CHARACTERS);
    }
}

//! What the text of a message says about itself (client specification, section 11). Pure.

use serde_json::Value;

use super::model::Changes;
use crate::events::model::Placed;

/// Characters of a snippet, at most.
const MAX_SNIPPET: usize = 200;
/// What marks a message as urgent.
const TAGS: [&str; 3] = ["#urgent", "#important", "#priority"];
/// What ends a question, in the scripts that have a sign for it.
const QUESTION_MARKS: [char; 3] = ['?', '？', '؟'];

/// The readable text of a content; empty without one.
pub fn body(content: &Value) -> &str {
    content
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The readable text of a message as it is now; `None` once it is redacted, or while its content is missing.
pub fn present_body<'a>(message: &'a Placed, changes: Option<&'a Changes>) -> Option<&'a str> {
    if changes.is_some_and(|changes| changes.redaction.is_some()) {
        return None;
    }
    let edit = changes.and_then(|changes| changes.edit.as_ref());
    let content = edit.map(|edit| &edit.content);
    content.or(message.event.content.as_ref()).map(body)
}

/// The beginning of a text on one line, at most 200 characters.
pub fn snippet(body: &str) -> String {
    let mut line = String::new();
    for word in body.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // Longer than that in bytes, it is longer than a snippet in characters.
        if line.len() > MAX_SNIPPET * 4 {
            break;
        }
    }
    if line.chars().count() <= MAX_SNIPPET {
        return line;
    }
    line.chars().take(MAX_SNIPPET - 1).chain(['…']).collect()
}

/// Whether a text ends as a question.
pub fn is_question(body: &str) -> bool {
    body.trim_end().ends_with(QUESTION_MARKS)
}

/// Whether a text carries a tag that marks it as urgent.
pub fn is_urgent(body: &str) -> bool {
    let body = body.to_lowercase();
    TAGS.iter().any(|tag| {
        body.match_indices(tag).any(|(at, _)| {
            let before = body.get(..at).and_then(|text| text.chars().next_back());
            let after = body.get(at + tag.len()..);
            let after = after.and_then(|text| text.chars().next());
            // Neither part of a longer word, nor of an address.
            !before.is_some_and(|letter| letter.is_alphanumeric() || "#/&=".contains(letter))
                && !after.is_some_and(char::is_alphanumeric)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_one_line_of_at_most_200_characters() {
        assert_eq!(snippet(" one\n two\t"), "one two");
        assert_eq!(snippet(""), "");
        let long = "é".repeat(300);
        assert_eq!(snippet(&long).chars().count(), MAX_SNIPPET);
        let words = "word ".repeat(100);
        let short = snippet(&words);
        assert!(short.chars().count() <= MAX_SNIPPET && short.ends_with('…'));
        let exact = "x".repeat(MAX_SNIPPET);
        assert_eq!(snippet(&exact), exact);
        let barely = format!("{exact} y");
        assert_eq!(snippet(&barely).chars().count(), MAX_SNIPPET);
    }

    #[test]
    fn a_question_ends_with_its_mark() {
        for text in ["really?", "really? \n", "本当？"] {
            assert!(is_question(text), "{text}");
        }
        for text in ["", "really", "why? because."] {
            assert!(!is_question(text), "{text}");
        }
    }

    #[test]
    fn tags_are_whole_words_in_any_case() {
        for text in [
            "#urgent",
            "look: #Important!",
            "a (#PRIORITY)",
            "**#urgent**",
        ] {
            assert!(is_urgent(text), "{text}");
        }
        for text in [
            "urgent",
            "#urgently",
            "x#urgent",
            "##urgent",
            "# urgent",
            "https://a.example/#urgent",
        ] {
            assert!(!is_urgent(text), "{text}");
        }
    }
}

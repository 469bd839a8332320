//! What a file is: its type by its content, what browsers may show of it, its name. Pure.

/// How much of a file's beginning tells its type.
pub const HEAD_BYTES: usize = 8 * 1024;
/// A type that says nothing.
const UNKNOWN: &str = "application/octet-stream";
/// The longest type, in bytes.
const LONGEST_TYPE: usize = 127;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;
/// What a file without a usable name is called.
const NAMELESS: &str = "file";

/// Types that browsers may show in place; everything else is only ever saved.
const INLINE: [&str; 12] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/mp4",
    "video/mp4",
    "video/webm",
    "text/plain",
];

/// The type of a file that begins with these bytes, up to [`HEAD_BYTES`] of it. What the client claimed plays no part.
#[must_use]
pub fn mime_type(head: &[u8]) -> &'static str {
    match infer::get(head).map(|found| found.mime_type()) {
        Some("audio/x-wav") => "audio/wav",
        Some("audio/m4a") => "audio/mp4",
        Some(found) => found,
        None if !is_text(head) => UNKNOWN,
        None if looks_like_svg(head) => "image/svg+xml",
        None => "text/plain",
    }
}

/// UTF-8 without control characters, as far as one sees; a letter may be cut in two at the end.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_control = |letter: char| letter.is_control() && !"\t\n\r\u{c}".contains(letter);
    !text.is_empty() && !text.contains(is_control)
}

fn looks_like_svg(head: &[u8]) -> bool {
    head.windows(4)
        .any(|window| window.eq_ignore_ascii_case(b"<svg"))
}

/// Whether browsers may show it in place.
#[must_use]
pub fn is_inline(mime_type: &str) -> bool {
    INLINE.contains(&mime_type)
}

/// The type as `Content-Type` says it.
#[must_use]
pub fn content_type(mime_type: &str) -> &str {
    match mime_type {
        "text/plain" => "text/plain; charset=utf-8",
        other => other,
    }
}

/// A type that another server states, if it has the form of one.
#[must_use]
pub fn known_form(stated: &str) -> String {
    let is_word = |word: &str| {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !word.is_empty() && word.bytes().all(is_fit)
    };
    let is_fit = stated.len() <= LONGEST_TYPE
        && stated
            .split_once('/')
            .is_some_and(|(kind, rest)| is_word(kind) && is_word(rest));
    if is_fit { stated } else { UNKNOWN }.to_ascii_lowercase()
}

/// A file's name without folders and control characters, at most 255 bytes.
#[must_use]
pub fn clean_name(given: Option<&str>) -> String {
    let given = given.unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name = String::new();
    for letter in last.chars().filter(|letter| !is_unsafe(*letter)) {
        if name.len() + letter.len_utf8() > LONGEST_NAME {
            break;
        }
        name.push(letter);
    }
    match name.trim() {
        "" | "." | ".." => NAMELESS.to_owned(),
        name => name.to_owned(),
    }
}

/// Control characters, and those that turn the direction of writing, so that a name shows its end where it has it.
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// `Content-Disposition` (RFC 6266): with the name in ASCII for old clients and in full for all others.
#[must_use]
pub fn disposition(mime_type: &str, filename: &str) -> String {
    let how = if is_inline(mime_type) {
        "inline"
    } else {
        "attachment"
    };
    let ascii: String = filename
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '%' => '_',
            ' '..='~' => letter,
            _ => '_',
        })
        .collect();
    let mut full = String::new();
    for byte in filename.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                full.push(char::from(byte));
            }
            _ => full.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{full}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_says_the_type() {
        for (head, mime) in [
            (&b"\x89PNG\r\n\x1a\n\0\0"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a<script>alert(1)</script>", "image/gif"),
            (b"%PDF-1.7", "application/pdf"),
            (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
            (b"<!DOCTYPE html><p>hi", "text/html"),
            (
                b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
                "image/svg+xml",
            ),
            ("Grüße\r\n".as_bytes(), "text/plain"),
            (b"\x01\x02\x03\x04", UNKNOWN),
            (b"text\0with nul", UNKNOWN),
        ] {
            assert_eq!(mime_type(head), mime, "{}", String::from_utf8_lossy(head));
        }
        let cut = "ü".repeat(5);
        assert_eq!(mime_type(&cut.as_bytes()[..9]), "text/plain");
    }

    #[test]
    fn pages_scripts_and_documents_are_only_saved() {
        for saved in [
            "text/html",
            "image/svg+xml",
            "application/pdf",
            "text/xml",
            UNKNOWN,
        ] {
            assert!(!is_inline(saved), "{saved}");
        }
        assert!(is_inline("image/png") && is_inline("text/plain"));
    }

    #[test]
    fn names_lead_nowhere() {
        for (given, name) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\alice\\cat.png", "cat.png"),
            ("a\r\nb\0.txt", "ab.txt"),
            ("gnp.\u{202e}exe", "gnp.exe"),
            ("..", "file"),
            (" ", "file"),
            ("", "file"),
        ] {
            assert_eq!(clean_name(Some(given)), name, "{given:?}");
        }
        assert_eq!(clean_name(None), "file");
        assert_eq!(clean_name(Some(&"ü".repeat(200))).len(), 254);
    }

    #[test]
    fn a_name_cannot_end_its_header() {
        assert_eq!(
            disposition("image/png", "Größe \"1\".png"),
            "inline; filename=\"Gr__e _1_.png\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.png"
        );
        assert!(disposition("text/html", "x").starts_with("attachment; "));
    }
}

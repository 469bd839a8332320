//! What a profile may hold, and where its texts come from. Pure.

use uuid::Uuid;

/// Characters of a display name, at most.
pub const MAX_DISPLAY_NAME: usize = 100;
/// Characters of a bio, at most.
pub const MAX_BIO: usize = 2_000;
/// Bytes of an address, at most.
pub const MAX_URL: usize = 8 * 1024;
/// Characters of an e-mail address, at most (RFC 5321, section 4.5.3.1).
pub const MAX_EMAIL: usize = 254;

/// Where an own picture's path begins.
pub const MEDIA_PATH: &str = "/v1/media/download/";

/// A picture's address, told apart by who answers for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Avatar {
    /// Media of this server, which must be readable.
    Media(Uuid),
    /// An `https` address anywhere.
    Web,
}

/// Why a text cannot be part of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Too short or too long.
    Length,
    /// Of the wrong form.
    Form,
}

/// Checks a display name: 1 to 100 characters, not only spaces, no control characters.
pub fn check_display_name(name: &str) -> Result<(), Unfit> {
    if name.trim().is_empty() || name.chars().count() > MAX_DISPLAY_NAME {
        return Err(Unfit::Length);
    }
    if name.chars().any(char::is_control) {
        Err(Unfit::Form)
    } else {
        Ok(())
    }
}

/// Checks a bio: at most 2,000 characters.
pub fn check_bio(bio: &str) -> Result<(), Unfit> {
    if bio.chars().count() > MAX_BIO {
        Err(Unfit::Length)
    } else {
        Ok(())
    }
}

/// Reads a picture's address.
pub fn check_avatar(url: &str) -> Result<Avatar, Unfit> {
    if url.len() > MAX_URL {
        return Err(Unfit::Length);
    }
    if let Some(id) = url.strip_prefix(MEDIA_PATH) {
        return Uuid::try_parse(id)
            .map(Avatar::Media)
            .map_err(|_| Unfit::Form);
    }
    match url::Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "https" && parsed.has_host() => Ok(Avatar::Web),
        _ => Err(Unfit::Form),
    }
}

/// Checks an e-mail address: something before and after one `@`, no spaces or control characters. Only a mail that
/// arrives could say more.
pub fn check_email(email: &str) -> Result<(), Unfit> {
    if email.chars().count() > MAX_EMAIL {
        return Err(Unfit::Length);
    }
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match email.split_once('@') {
        Some((name, host))
            if !name.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !email.contains(odd) =>
        {
            Ok(())
        }
        _ => Err(Unfit::Form),
    }
}

/// What the directory compares a search with: local id, display name and e-mail, a line each, in lower case.
pub fn search_key(local_id: &str, display_name: &str, email: Option<&str>) -> String {
    format!("{local_id}\n{display_name}\n{}", email.unwrap_or_default()).to_lowercase()
}

/// A `LIKE` pattern, with `\` as escape, for texts that contain `q` in any case.
pub fn contains_pattern(q: &str) -> String {
    let mut pattern = String::from("%");
    for letter in q.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_to_a_hundred_characters() {
        assert_eq!(check_display_name("Zoë"), Ok(()));
        assert_eq!(check_display_name(&"ü".repeat(100)), Ok(()));
        assert_eq!(check_display_name(&"ü".repeat(101)), Err(Unfit::Length));
        assert_eq!(check_display_name(" "), Err(Unfit::Length));
        assert_eq!(check_display_name("a\nb"), Err(Unfit::Form));
    }

    #[test]
    fn pictures_are_https_or_own_media() {
        assert_eq!(check_avatar("https://example.org/a.png"), Ok(Avatar::Web));
        assert_eq!(
            check_avatar("/v1/media/download/018f0000-0000-7000-8000-000000000001"),
            Ok(Avatar::Media(Uuid::from_u128(
                0x018f_0000_0000_7000_8000_0000_0000_0001
            )))
        );
        for url in [
            "http://example.org/a.png",
            "javascript:alert(1)",
            "https://",
            "/v1/media/download/x",
            "/etc",
            "",
        ] {
            assert_eq!(check_avatar(url), Err(Unfit::Form), "{url}");
        }
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL));
        assert_eq!(check_avatar(&long), Err(Unfit::Length));
    }

    #[test]
    fn e_mail_addresses_have_two_sides() {
        assert_eq!(check_email("a@b"), Ok(()));
        for email in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            assert_eq!(check_email(email), Err(Unfit::Form), "{email:?}");
        }
    }

    #[test]
    fn a_search_finds_its_text_literally_and_in_any_case() {
        assert_eq!(contains_pattern("50%_Ä"), "%50\\%\\_ä%");
        assert_eq!(
            search_key("zoe", "Zoë", Some("Z@B.example")),
            "zoe\nzoë\nz@b.example"
        );
    }
}

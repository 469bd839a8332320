//! Which part of a file is wanted (RFC 9110, sections 13 and 14). Pure.

/// What a request says about the part that it wants and about the copy that its client has. Bytes of headers, if there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `Range`
    pub range: Option<String>,
    /// `If-Range`
    pub if_range: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing: the client has it.
    NotModified,
    /// All of it.
    Whole,
    /// So many bytes from there.
    Range {
        /// The first byte.
        from: u64,
        /// How many, at least one.
        length: u64,
    },
    /// Nothing: there is no such part.
    Unsatisfiable,
}

impl Wanted {
    /// What of a file with this tag and size is to be sent. Several ranges, and what is no range, ask for all of it.
    #[must_use]
    pub fn part(&self, tag: &str, size: u64) -> Part {
        if let Some(known) = &self.if_none_match
            && names(known, tag)
        {
            return Part::NotModified;
        }
        let is_same = self
            .if_range
            .as_ref()
            .is_none_or(|known| known.trim() == tag);
        match self.range.as_deref().filter(|_| is_same) {
            Some(range) => range_of(range, size).unwrap_or(Part::Whole),
            None => Part::Whole,
        }
    }
}

/// Whether a list of tags has this one; how strong they are plays no part here.
fn names(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn range_of(range: &str, size: u64) -> Option<Part> {
    let (unit, range) = range.trim().split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (from, end) = match (first.trim(), last.trim()) {
        ("", suffix) => (size.saturating_sub(number(suffix)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    Some(match end.checked_sub(from) {
        None | Some(0) => Part::Unsatisfiable,
        Some(length) => Part::Range { from, length },
    })
}

/// A number of digits alone; one that is too large is beyond every file.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn part(range: &str) -> Part {
        let wanted = Wanted {
            range: Some(range.to_owned()),
            ..Wanted::default()
        };
        wanted.part(TAG, 10)
    }

    #[test]
    fn one_range_is_a_part() {
        for (range, from, length) in [
            ("bytes=0-0", 0, 1),
            ("bytes=2-5", 2, 4),
            ("bytes=2-", 2, 8),
            ("bytes=-3", 7, 3),
            ("bytes=-99", 0, 10),
            ("bytes=9-99999999999999999999", 9, 1),
            ("Bytes = 2 - 5", 2, 4),
        ] {
            assert_eq!(part(range), Part::Range { from, length }, "{range}");
        }
    }

    #[test]
    fn what_lies_beyond_the_end_is_not_there() {
        for range in [
            "bytes=10-",
            "bytes=10-12",
            "bytes=-0",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(part(range), Part::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn several_ranges_and_no_ranges_are_all_of_it() {
        for range in [
            "bytes=0-1,3-4",
            "bytes=5-2",
            "bytes=-",
            "bytes=a-b",
            "lines=1-2",
            "",
            "bytes=+1-2",
        ] {
            assert_eq!(part(range), Part::Whole, "{range}");
        }
    }

    #[test]
    fn who_has_it_gets_nothing() {
        for (known, outcome) in [
            ("\"abc\"", Part::NotModified),
            ("\"x\", W/\"abc\"", Part::NotModified),
            ("*", Part::NotModified),
            ("\"x\"", Part::Whole),
        ] {
            let wanted = Wanted {
                if_none_match: Some(known.to_owned()),
                ..Wanted::default()
            };
            assert_eq!(wanted.part(TAG, 10), outcome, "{known}");
        }
    }

    #[test]
    fn a_part_of_another_content_is_no_part() {
        for (known, outcome) in [
            ("\"abc\"", Part::Range { from: 1, length: 1 }),
            ("W/\"abc\"", Part::Whole),
            ("\"x\"", Part::Whole),
        ] {
            let wanted = Wanted {
                range: Some("bytes=1-1".to_owned()),
                if_range: Some(known.to_owned()),
                if_none_match: None,
            };
            assert_eq!(wanted.part(TAG, 10), outcome, "{known}");
        }
    }
}

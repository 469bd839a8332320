//! `multipart/form-data` (RFC 7578), taken apart while it arrives: what is held in memory is one chunk of the body and the
//! head of one part, whatever a client sends.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};

/// The longest boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// The head of a part, in bytes, at most.
const LONGEST_HEAD: usize = 8 * 1024;
/// What may stand between a boundary and the end of its line.
const LONGEST_PADDING: usize = 64;
/// Parts of one body, at most.
const MOST_PARTS: usize = 32;

/// The body is no form that this server reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// What comes next in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A part begins.
    Begin(Head),
    /// Bytes of the part.
    Data(Bytes),
    /// The part ends.
    End,
    /// The form ends.
    Done,
}

/// The head of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The field's name.
    pub name: String,
    /// The file's name, as the client gave it.
    pub filename: Option<String>,
}

/// Where a form is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before a boundary: in a part, or before the first one.
    Text { is_part: bool },
    /// Right after a boundary.
    Boundary,
    /// In the head of a part.
    Head,
    /// After the last boundary.
    Done,
}

/// A form that is being read.
#[derive(Debug)]
pub struct Form {
    /// `\r\n--` and the boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    at: At,
    parts: usize,
}

impl Form {
    /// The form that these headers announce; `None`: they announce something else.
    #[must_use]
    pub fn announced(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let (essence, parameters) = value.to_str().ok()?.split_once(';')?;
        if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = Parameters(parameters).find(|(name, _)| name == "boundary")?;
        Self::new(&boundary.1)
    }

    fn new(boundary: &str) -> Option<Self> {
        let is_fit = (1..=LONGEST_BOUNDARY).contains(&boundary.len())
            && boundary.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        is_fit.then(|| Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first boundary has no line before it.
            buffer: BytesMut::from("\r\n"),
            at: At::Text { is_part: false },
            parts: 0,
        })
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at != At::Done {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What comes next; `None`: that takes more of the body.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn piece(&mut self) -> Result<Option<Piece>, Malformed> {
        loop {
            match self.at {
                At::Done => return Ok(Some(Piece::Done)),
                At::Text { is_part } => {
                    let (text, ends) = self.text();
                    if is_part && !text.is_empty() {
                        return Ok(Some(Piece::Data(text)));
                    }
                    if !ends {
                        return Ok(None);
                    }
                    let _ = self.buffer.split_to(self.delimiter.len());
                    self.at = At::Boundary;
                    if is_part {
                        return Ok(Some(Piece::End));
                    }
                }
                At::Boundary => match self.boundary()? {
                    Some(next) => self.at = next,
                    None => return Ok(None),
                },
                At::Head => {
                    return match self.head()? {
                        Some(head) => {
                            self.at = At::Text { is_part: true };
                            Ok(Some(Piece::Begin(head)))
                        }
                        None => Ok(None),
                    };
                }
            }
        }
    }

    /// What lies before the next boundary, as far as that is certain by now, and whether the boundary follows.
    fn text(&mut self) -> (Bytes, bool) {
        let mut from = 0;
        while let Some(rest) = self.buffer.get(from..) {
            let Some(found) = rest.iter().position(|byte| *byte == b'\r') else {
                break;
            };
            let at = from + found;
            let rest = self.buffer.get(at..).unwrap_or_default();
            if rest.starts_with(&self.delimiter) {
                return (self.buffer.split_to(at).freeze(), true);
            }
            if self.delimiter.starts_with(rest) {
                return (self.buffer.split_to(at).freeze(), false);
            }
            from = at + 1;
        }
        (self.buffer.split().freeze(), false)
    }

    /// What a boundary's line says: another part, or the end.
    fn boundary(&mut self) -> Result<Option<At>, Malformed> {
        if self.buffer.starts_with(b"--") {
            self.buffer.clear();
            return Ok(Some(At::Done));
        }
        let Some(end) = find(&self.buffer, b"\r\n") else {
            // One byte of the end may be here already.
            return match self.buffer.len() > LONGEST_PADDING + 1 {
                true => Err(Malformed("has a boundary that does not end its line")),
                false => Ok(None),
            };
        };
        let padding = self.buffer.split_to(end + 2);
        if end > LONGEST_PADDING || !padding.trim_ascii().is_empty() {
            return Err(Malformed("has a boundary that does not end its line"));
        }
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(Malformed("has too many parts"));
        }
        Ok(Some(At::Head))
    }

    fn head(&mut self) -> Result<Option<Head>, Malformed> {
        let Some(end) = find(&self.buffer, b"\r\n\r\n") else {
            return match self.buffer.len() > LONGEST_HEAD + 3 {
                true => Err(Malformed("has a part whose head is too long")),
                false => Ok(None),
            };
        };
        if end > LONGEST_HEAD {
            return Err(Malformed("has a part whose head is too long"));
        }
        let head = self.buffer.split_to(end + 4);
        let text = std::str::from_utf8(&head)
            .map_err(|_| Malformed("has a part whose head is not UTF-8"))?;
        read_head(text)
            .map(Some)
            .ok_or(Malformed("has a part without a name"))
    }
}

/// Where `wanted` begins.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn read_head(text: &str) -> Option<Head> {
    let line = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let (kind, parameters) = line.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename, mut encoded) = (None, None, None);
    for (key, value) in Parameters(parameters) {
        match key.as_str() {
            "name" => name = name.or(Some(value)),
            "filename" => filename = filename.or(Some(value)),
            "filename*" => encoded = encoded.or_else(|| decoded(&value)),
            _ => {}
        }
    }
    Some(Head {
        name: name?,
        filename: encoded.or(filename),
    })
}

/// A value in the form of RFC 8187, which some clients use for names beyond ASCII.
fn decoded(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (char::from(rest.next()?), char::from(rest.next()?));
                u8::try_from(high.to_digit(16)? << 4 | low.to_digit(16)?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Parameters of a header's value: `name=token; name="quoted"`, the names in lower case. In quotes only `\"` is an escape:
/// what browsers send has no other, and backslashes in paths.
struct Parameters<'a>(&'a str);

impl Iterator for Parameters<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([';', ' ', '\t']);
        let (name, rest) = text.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let rest = rest.trim_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let (value, after) = rest.split_once(';').unwrap_or((rest, ""));
            self.0 = after;
            return Some((name, value.trim().to_owned()));
        };
        let mut value = String::new();
        let mut letters = quoted.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            match (letter, letters.peek()) {
                ('"', _) => {
                    self.0 = quoted.get(at + 1..).unwrap_or_default();
                    return Some((name, value));
                }
                ('\\', Some((_, '"'))) => {
                    value.push('"');
                    letters.next();
                }
                _ => value.push(letter),
            }
        }
        self.0 = "";
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(content_type: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        Form::announced(&headers)
    }

    /// The fields of a body that arrives in pieces of this length.
    fn read(body: &[u8], length: usize) -> Result<Vec<(Head, Vec<u8>)>, Malformed> {
        let mut form = announced("multipart/form-data; boundary=XX").unwrap();
        let mut fields: Vec<(Head, Vec<u8>)> = Vec::new();
        let mut chunks = body.chunks(length);
        loop {
            match form.piece()? {
                Some(Piece::Begin(head)) => fields.push((head, Vec::new())),
                Some(Piece::Data(data)) => fields.last_mut().unwrap().1.extend_from_slice(&data),
                Some(Piece::End) => {}
                Some(Piece::Done) => return Ok(fields),
                None => match chunks.next() {
                    Some(chunk) => form.push(chunk),
                    None => return Err(Malformed("ended early")),
                },
            }
        }
    }

    const BODY: &[u8] = b"--XX\r\nContent-Disposition: form-data; name=\"tenant_scope\"\r\n\r\ntrue\r\n\
        --XX  \r\ncontent-type: image/png\r\ncontent-disposition: form-data; name=file; filename=\"a \\\"b\\\".png\"\r\n\r\n\
        \r\n--X\r\n\r\n--XXdata\r--X\r\n--XX--\r\nafterwards";

    #[test]
    fn fields_are_the_same_however_the_body_is_cut() {
        // What looks like the boundary and goes on ends a part all the same, and then is none.
        assert!(read(BODY, 1).is_err());
        let body = String::from_utf8(BODY.to_vec())
            .unwrap()
            .replace("--XXdata", "--XYdata");
        for length in 1..body.len() {
            let fields = read(body.as_bytes(), length).unwrap();
            assert_eq!(fields.len(), 2, "{length}");
            assert_eq!(fields[0].0.name, "tenant_scope");
            assert_eq!(fields[0].1, b"true");
            assert_eq!(fields[1].0.filename.as_deref(), Some("a \"b\".png"));
            assert_eq!(fields[1].1, b"\r\n--X\r\n\r\n--XYdata\r--X", "{length}");
        }
    }

    #[test]
    fn an_empty_field_is_one() {
        let body = b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\r\n--XX--";
        let fields = read(body, 7).unwrap();
        assert_eq!(fields[0].1, b"");
    }

    #[test]
    fn a_form_that_breaks_off_or_has_no_form_is_refused() {
        for body in [
            &b""[..],
            b"--XX",
            b"--XX\r\n",
            b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf",
            b"--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--",
            b"--XX\r\nContent-Disposition: form-data; name=\"file\r\n\r\nx\r\n--XX--",
            b"--XXY\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--XX--",
        ] {
            assert!(read(body, 5).is_err(), "{}", String::from_utf8_lossy(body));
        }
        let long = [b"--XX\r\nX: ".as_slice(), &vec![b'a'; LONGEST_HEAD + 64]].concat();
        assert_eq!(
            read(&long, 1000),
            Err(Malformed("has a part whose head is too long"))
        );
        let part = "--XX\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n";
        let many = part.repeat(MOST_PARTS + 1);
        assert_eq!(
            read(many.as_bytes(), 99),
            Err(Malformed("has too many parts"))
        );
    }

    #[test]
    fn nothing_is_held_back_but_what_may_be_a_boundary() {
        let mut form = announced("multipart/form-data; boundary=\"XX\"").unwrap();
        form.push(b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
        assert!(matches!(form.piece(), Ok(Some(Piece::Begin(_)))));
        for _ in 0..100 {
            form.push(&[b'x'; 1000]);
            assert!(matches!(form.piece(), Ok(Some(Piece::Data(data))) if data.len() == 1000));
            assert_eq!(form.buffer.len(), 0);
        }
    }

    #[test]
    fn only_forms_with_a_boundary_are_announced() {
        for wrong in [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=XX",
        ] {
            assert!(announced(wrong).is_none(), "{wrong}");
        }
        assert!(announced(&format!("multipart/form-data; boundary={}", "X".repeat(71))).is_none());
    }

    #[test]
    fn names_beyond_ascii_come_in_two_forms() {
        for parameters in [
            "filename=\"Größe.txt\"",
            "filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt",
        ] {
            let head =
                format!("Content-Disposition: form-data; name=\"file\"; {parameters}\r\n\r\n");
            let head = read_head(&head).unwrap();
            assert_eq!(head.filename.as_deref(), Some("Größe.txt"));
        }
    }
}

//! Forms with a file, taken apart as they arrive.

use http::{HeaderMap, HeaderValue, header};

use crate::http::multipart::{Form, Head, Malformed, Piece};

/// The fields of a form with their values, and whether it came to its end.
type Read = Result<(Vec<(Head, Vec<u8>)>, bool), Malformed>;

/// A form as a text: the boundary, an empty line's end, the body. It is the same however the body is cut.
pub fn upload_form(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let Some((boundary, body)) = end.and_then(|end| bytes.split_at_checked(end)) else {
        return;
    };
    let body = body.get(1..).unwrap_or_default();
    let content_type = [b"multipart/form-data; boundary=", boundary].concat();
    let Ok(content_type) = HeaderValue::from_bytes(&content_type) else {
        return;
    };
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
    let Some(whole) = read(&headers, body, body.len().max(1)) else {
        return;
    };
    if let Ok((fields, _)) = &whole {
        let values: usize = fields.iter().map(|(_, value)| value.len()).sum();
        assert!(values <= body.len(), "nothing is there twice");
    }
    for length in [1, 2, 7, 64] {
        let cut = read(&headers, body, length).expect("it was a form before");
        // In pieces, the fault may be seen before more of a value has come.
        match (&whole, &cut) {
            (Ok(whole), Ok(cut)) => assert_eq!(whole, cut, "in pieces of {length}"),
            (Err(_), Err(_)) => {}
            other => panic!("in pieces of {length}: {other:?}"),
        }
    }
}

/// What is read of a body that arrives in pieces of this length; `None`: it is announced as something else.
fn read(headers: &HeaderMap, body: &[u8], length: usize) -> Option<Read> {
    let mut form = Form::announced(headers)?;
    let mut fields: Vec<(Head, Vec<u8>)> = Vec::new();
    let mut pieces = body.chunks(length);
    loop {
        match form.piece() {
            Err(malformed) => return Some(Err(malformed)),
            Ok(Some(Piece::Begin(head))) => fields.push((head, Vec::new())),
            Ok(Some(Piece::Data(data))) => {
                let (_, value) = fields.last_mut().expect("a value follows its head");
                value.extend_from_slice(&data);
            }
            Ok(Some(Piece::End)) => {}
            Ok(Some(Piece::Done)) => return Some(Ok((fields, true))),
            Ok(None) => match pieces.next() {
                Some(piece) => form.push(piece),
                None => return Some(Ok((fields, false))),
            },
        }
    }
}

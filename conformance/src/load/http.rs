//! The cheapest HTTP client that is still one: requests as ready bytes over a keep-alive connection, answers read by
//! `Content-Length` and handed out without a copy.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::trouble::{Result, Trouble};

/// An open connection to a server; one request at a time.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    answered: usize,
}

/// An answer, valid until the next request.
#[derive(Debug)]
pub struct Reply<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// Anything but 200 ends the run.
    pub fn ok(self) -> Result<()> {
        if self.status == 200 {
            return Ok(());
        }
        let body = String::from_utf8_lossy(self.body);
        Err(Trouble(format!(
            "expected 200, got {}: {body}",
            self.status
        )))
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(8192),
            answered: 0,
        })
    }

    /// Sends a request and waits for its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Reply<'_>> {
        self.received.drain(..self.answered);
        self.answered = 0;
        self.stream.write_all(request).await?;
        let head = loop {
            if let Some(head) = Head::find(&self.received)? {
                break head;
            }
            self.fill().await?;
        };
        let end = head.end + head.length;
        while self.received.len() < end {
            self.fill().await?;
        }
        self.answered = end;
        let body = self.received.get(head.end..end).unwrap_or_default();
        Ok(Reply {
            status: head.status,
            body,
        })
    }

    async fn fill(&mut self) -> Result<()> {
        self.received.reserve(4096);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(Trouble::new("the server closed a connection")),
            _ => Ok(()),
        }
    }
}

/// What has to be known of an answer's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    end: usize,
}

impl Head {
    /// `None`: it has not arrived completely.
    fn find(received: &[u8]) -> Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = received
            .get(..end)
            .and_then(|head| std::str::from_utf8(head).ok());
        let mut lines = text.unwrap_or_default().split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok());
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok());
        match (status, length) {
            (Some(status), Some(length)) => Ok(Some(Self {
                status,
                length,
                end: end + 4,
            })),
            _ => Err(Trouble::new("an answer without a status or a length")),
        }
    }
}

/// What stays the same of many requests: everything before the length of the body.
#[derive(Clone, Debug)]
pub struct Form(Vec<u8>);

impl Form {
    /// `POST path` of a JSON body, with a token.
    pub fn post(host: SocketAddr, path: &str, token: &str) -> Self {
        Self(
            format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\nContent-Length: "
            )
            .into_bytes(),
        )
    }

    /// Writes the whole request over `request`.
    pub fn fill(&self, request: &mut Vec<u8>, body: &str) {
        request.clear();
        request.extend_from_slice(&self.0);
        request.extend_from_slice(body.len().to_string().as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body.as_bytes());
    }
}

/// A whole GET request.
pub fn get(host: SocketAddr, path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_once_it_is_complete() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-type: a\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(Head::find(&whole[..20]).unwrap(), None);
        let head = Head::find(whole).unwrap().unwrap();
        assert_eq!((head.status, head.length), (200, 2));
        assert_eq!(&whole[head.end..], b"{}");
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(Head::find(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_carries_the_length_of_its_body() {
        let form = Form::post(([127, 0, 0, 1], 80).into(), "/x", "t");
        let mut request = Vec::new();
        form.fill(&mut request, "first, longer");
        form.fill(&mut request, "{}");
        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with("POST /x HTTP/1.1\r\n"), "{text}");
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"), "{text}");
    }
}

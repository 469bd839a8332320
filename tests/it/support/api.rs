//! A client of the HTTP API that judges answers as plain JSON.

use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A client with or without a token.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    header: Option<(&'static str, String)>,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) request: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body of an answer that must be 200.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(
            self.status,
            StatusCode::OK,
            "{}: {}",
            self.request,
            self.text
        );
        self.body()
    }

    /// `data` of an answer that must be 200.
    pub(crate) fn data(self) -> Value {
        self.ok()["data"].take()
    }

    /// The error object of an answer that must have this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let mut body = self.body();
        assert_eq!(
            (self.status.as_u16(), body["error"]["code"].as_str()),
            (status, Some(code)),
            "{}: {body}",
            self.request
        );
        body["error"].take()
    }

    pub(crate) fn code(&self) -> String {
        self.body()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| {
            panic!("{} answered no JSON ({error}): {}", self.request, self.text)
        })
    }
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        Self::over(base, client())
    }

    /// A client that reaches `https://name` at `address` and trusts one CA only.
    pub(crate) fn over_tls(name: &str, address: SocketAddr, ca_pem: &str) -> Self {
        let ca = reqwest::Certificate::from_pem(ca_pem.as_bytes()).expect("a CA certificate");
        let http = builder()
            .tls_certs_only([ca])
            .resolve(name, address)
            .build()
            .expect("an HTTP client");
        Self::over(&format!("https://{name}:{}", address.port()), http)
    }

    fn over(base: &str, http: reqwest::Client) -> Self {
        Self {
            http,
            base: base.to_owned(),
            token: None,
            header: None,
        }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) fn anonymous(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// The same client with one more header in every request.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        Self {
            header: Some((name, value.to_owned())),
            ..self.clone()
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Answer {
        let form = json!({"grant_type": "password", "username": username, "password": password});
        self.post("/v1/auth/token", &form).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/v1/auth/refresh", &json!({"refresh_token": refresh_token}))
            .await
    }

    /// Everything that sync has after `since`, and the end of it.
    pub(crate) async fn sync_from(&self, since: i64) -> (Vec<Value>, i64) {
        let mut events = Vec::new();
        let mut since = since;
        loop {
            let page = self
                .get(&format!("/v1/sync?since={since}&limit=500&timeout=0"))
                .await
                .data();
            events.extend(
                page["events"]
                    .as_array()
                    .expect("a list of events")
                    .iter()
                    .cloned(),
            );
            since = page["next_cursor"].as_i64().expect("an integer cursor");
            if page["has_more"] != json!(true) {
                return (events, since);
            }
        }
    }

    /// An answer, where the connection may break: the error then says how.
    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let request = self.request(method.clone(), path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        Self::read(format!("{method} {path}"), request).await
    }

    /// An answer to a body that is sent as it is.
    pub(crate) async fn post_raw(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("content-type", content_type)
            .body(body);
        let answer = Self::read(format!("POST {path}"), request).await;
        answer.unwrap_or_else(|error| panic!("POST {path}: {error:?}"))
    }

    /// An upload of a file, where the connection may break.
    pub(crate) async fn try_upload(&self, name: &str, bytes: &[u8]) -> reqwest::Result<Answer> {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--XX--\r\n"].concat();
        let request = self
            .request(Method::POST, "/v1/media/upload")
            .header("content-type", "multipart/form-data; boundary=XX")
            .body(body);
        Self::read("POST /v1/media/upload".to_owned(), request).await
    }

    /// An upload that must be taken; the file's id.
    pub(crate) async fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let answer = self.try_upload(name, bytes).await.expect("an answer");
        let media = answer.data();
        media["media_id"].as_str().expect("a media id").to_owned()
    }

    /// A file's bytes, or the status of the refusal.
    pub(crate) async fn download(&self, media_id: &str) -> Result<Vec<u8>, u16> {
        let request = self.request(Method::GET, &format!("/v1/media/download/{media_id}"));
        let response = request.send().await.expect("an answer");
        match response.status().as_u16() {
            200 => Ok(response.bytes().await.expect("the bytes").to_vec()),
            status => Err(status),
        }
    }

    /// Begins an upload that goes on until this value is dropped.
    pub(crate) fn begin_upload(&self, name: &str, bytes: Vec<u8>) -> tokio::task::JoinHandle<()> {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let begin: Vec<Vec<u8>> = vec![head.into_bytes(), bytes];
        let begin = futures::stream::iter(begin.into_iter().map(Ok::<_, std::io::Error>));
        let body = reqwest::Body::wrap_stream(begin.chain(futures::stream::pending()));
        let request = self
            .request(Method::POST, "/v1/media/upload")
            .header("content-type", "multipart/form-data; boundary=XX")
            .body(body);
        tokio::spawn(async move {
            let _ = request.send().await;
        })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        request
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.try_call(method.clone(), path, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    async fn read(request: String, builder: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = builder.send().await?;
        Ok(Answer {
            request,
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // A connection of before a restart would fail the first request after it.
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(90))
}

fn client() -> reqwest::Client {
    builder().build().expect("an HTTP client")
}

//! What came back, and the first judgement of it: the envelope, the status, the code.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::transcript::shortened;
use crate::check::{Stop, failed};
use crate::judge::catalogue;

/// The reasons that a `422 SW_VALIDATION_ERROR` may give (client-core 1, Validation).
const REASONS: [&str; 12] = [
    "missing",
    "type",
    "json",
    "format",
    "enum",
    "range",
    "length",
    "duplicate",
    "taken",
    "conflict",
    "reserved",
    "unknown_key",
];

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON, if it is JSON.
    pub json: Option<Value>,
}

impl Answer {
    pub(super) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let json = serde_json::from_str(&text).ok();
        Ok(Self {
            status,
            headers,
            text,
            json,
        })
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header that must be there.
    pub fn must_header(&self, name: &str) -> Result<&str, Stop> {
        self.header(name)
            .ok_or_else(|| failed(format!("the answer has no header {name}")))
    }

    /// How long to wait, if this is a 429 that says so.
    pub fn retry_after(&self) -> Option<Duration> {
        if self.status != 429 {
            return None;
        }
        self.header("Retry-After")
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs)
    }

    /// The whole body, which must be JSON.
    pub fn body(&self) -> Result<&Value, Stop> {
        self.json
            .as_ref()
            .ok_or_else(|| failed(format!("status {}, and the body is not JSON", self.status)))
    }

    /// The `data` of a success, which is always 200.
    pub fn ok(&self) -> Result<Value, Stop> {
        if self.status != 200 {
            return Err(failed(format!("expected 200, got {}", self.outline())));
        }
        match self.body()?.get("data") {
            Some(data) => Ok(data.clone()),
            None => Err(failed("a success without `data`")),
        }
    }

    /// The rows and the `meta` of a list.
    pub fn list(&self) -> Result<(Vec<Value>, Value), Stop> {
        let rows = match self.ok()? {
            Value::Array(rows) => rows,
            other => return Err(failed(format!("`data` is not a list but {other}"))),
        };
        let meta = self.body()?.get("meta").cloned().unwrap_or(Value::Null);
        Ok((rows, meta))
    }

    /// A success with nothing to show: `{"data": {"ok": true}}`.
    pub fn done(&self) -> Result<(), Stop> {
        let data = self.ok()?;
        if data.get("ok") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        Err(failed(format!(
            "expected data {{\"ok\": true}}, got {data}"
        )))
    }

    /// The `error` of a refusal with this code, at the status that the catalogue gives the code.
    pub fn refused(&self, code: &str) -> Result<Value, Stop> {
        let status = catalogue::status(code)
            .ok_or_else(|| failed(format!("{code} is not in the catalogue")))?;
        let error = match self.json.as_ref().and_then(|body| body.get("error")) {
            Some(error) if self.status == status => error,
            _ => {
                return Err(failed(format!(
                    "expected {status} {code}, got {}",
                    self.outline()
                )));
            }
        };
        if error.get("code").and_then(Value::as_str) != Some(code) {
            return Err(failed(format!(
                "expected {status} {code}, got {}",
                self.outline()
            )));
        }
        Ok(error.clone())
    }

    /// A 422 that names the field at `path`, for `reason` if one is given.
    pub fn invalid(&self, path: &str, reason: Option<&str>) -> Result<(), Stop> {
        let error = self.refused("SW_VALIDATION_ERROR")?;
        let Some(fields) = error.pointer("/details/fields").and_then(Value::as_array) else {
            return Err(failed("a 422 without `details.fields`"));
        };
        for field in fields {
            for member in ["path", "reason", "message"] {
                if !field.get(member).is_some_and(Value::is_string) {
                    return Err(failed(format!("`details.fields` row without `{member}`")));
                }
            }
            let given = field.get("reason").and_then(Value::as_str).unwrap_or("");
            if !REASONS.contains(&given) {
                return Err(failed(format!("unknown reason `{given}` in a 422")));
            }
        }
        let named = fields.iter().any(|field| {
            field.get("path").and_then(Value::as_str) == Some(path)
                && reason.is_none_or(|reason| {
                    field.get("reason").and_then(Value::as_str) == Some(reason)
                })
        });
        if named {
            return Ok(());
        }
        Err(failed(format!(
            "expected a 422 on `{path}`{}, got fields {}",
            reason.map(|r| format!(" for `{r}`")).unwrap_or_default(),
            Value::Array(fields.clone())
        )))
    }

    /// Status and code in a few words.
    pub fn outline(&self) -> String {
        let code = self
            .json
            .as_ref()
            .and_then(|body| body.pointer("/error/code"))
            .and_then(Value::as_str);
        match code {
            Some(code) => format!("{} {code}", self.status),
            None => format!("{} without an error code", self.status),
        }
    }

    pub(super) fn describe(&self) -> String {
        format!("{}\n\n{}", self.status, shortened(&self.text))
    }
}

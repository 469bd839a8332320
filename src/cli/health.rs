//! `scaiwave health`: asks a running server how it is.

use std::time::Duration;

use clap::Args;
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::outcome::{Exit, Failure, Outcome};
use crate::config::Config;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `health` is asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server's address; without it, the one of this machine's settings.
    #[arg(long)]
    url: Option<Url>,
}

pub(super) async fn run(arguments: Arguments) -> Result<Outcome, Failure> {
    let base = match arguments.url {
        Some(url) => url,
        None => own_address(&super::settings()?.config)?,
    };
    let url = base
        .join("/health")
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|error| Failure::because("cannot make a client", &error))?;
    let unreachable = |error: reqwest::Error| {
        let reason = Failure::because(format_args!("{base} does not answer"), &error.without_url());
        Failure::new(Exit::Unreachable, reason.message())
    };
    let response = client.get(url).send().await.map_err(unreachable)?;
    let is_healthy = response.status().is_success();
    let answer: Value = response.json().await.map_err(unreachable)?;
    let text = describe(&answer);
    if is_healthy {
        Ok(Outcome { text, json: answer })
    } else {
        Err(Failure::failed(text.trim_end()))
    }
}

/// Where the server with these settings listens. With TLS only the public name fits the certificate.
fn own_address(config: &Config) -> Result<Url, Failure> {
    if config.tls.is_some() {
        return Ok(config.public_url.clone());
    }
    let mut bind = config.bind;
    if bind.ip().is_unspecified() {
        bind.set_ip(match bind {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{bind}").parse().map_err(Failure::failed)
}

/// `status`, then a line a check.
fn describe(answer: &Value) -> String {
    let status = answer["status"].as_str().unwrap_or("unknown");
    let checks = answer["checks"].as_object().into_iter().flatten();
    let lines =
        checks.map(|(part, state)| format!("  {part}: {}\n", state.as_str().unwrap_or("unknown")));
    std::iter::once(format!("{status}\n"))
        .chain(lines)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_part_is_named() {
        let answer = json!({"status": "degraded", "checks": {"database": "failed"}});
        assert_eq!(describe(&answer), "degraded\n  database: failed\n");
    }

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_this_machine() {
        let settings = [("SCAIWAVE_BIND".to_owned(), "0.0.0.0:4711".to_owned())];
        let config = Config::load(settings).unwrap().config;
        assert_eq!(
            own_address(&config).unwrap().as_str(),
            "http://127.0.0.1:4711/"
        );
    }
}

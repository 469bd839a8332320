//! The floor of any HTTP server here: reads the request, answers a fixed JSON of the size of an event.
//!
//! It runs as a process of its own, like the servers it is compared with.

use std::io::Write;
use std::process::Stdio;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::{get, post};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::trouble::{Result, Trouble};

/// Where it answers.
pub const PATH: &str = "/fixed";

const ANSWER: &str = r#"{"data":{"id":"019ab1f0-5c00-7d2f-8f6e-0d6c3d0a8c11","room_id":"4f0a7c52-3f0e-8a51-9c57-6a86b8e1a001","sender_id":"0b6dbf5e-77c1-8d1a-b1a4-5d9c0d5d2f00","event_type":"swp.room.message","content":{"msgtype":"swp.text","body":"A message of the usual length, so that the answer is as long as a real one."},"stream_position":123456,"origin_ts":1780000000,"created_at":"2026-05-28T20:26:40.000Z","edited_at":null,"redacted_at":null,"event_uuid":null,"reactions":[],"thread":null,"pinned":false}}"#;

async fn fixed(_body: Bytes) -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], ANSWER)
}

/// Serves until the process is killed; prints the address first.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let router = Router::new()
        .route(PATH, post(fixed))
        .route("/health", get(|| async { "" }));
    axum::serve(listener, router).await?;
    Ok(())
}

/// The floor as a running process; ends with the value.
pub struct Floor {
    _process: Child,
    /// Where it listens.
    pub address: std::net::SocketAddr,
}

impl Floor {
    /// Starts this program once more, as the floor.
    pub async fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("floor")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let silent = || Trouble::new("the loopback HTTP floor did not start");
        let stdout = process.stdout.take().ok_or_else(silent)?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let address = line.and_then(|line| line.parse().ok()).ok_or_else(silent)?;
        Ok(Self {
            _process: process,
            address,
        })
    }
}

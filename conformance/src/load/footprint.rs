//! Memory and start-up.

use std::time::Duration;

use super::server::{Server, Settings};
use super::trouble::Result;

/// How often a start is timed; the middle one counts.
const STARTS: usize = 7;
/// What a new server may still do after it said that it is ready.
const SETTLING: Duration = Duration::from_secs(2);

/// Memory in MiB of a server that nobody uses.
pub async fn idle_memory(server: &Server) -> Result<f64> {
    tokio::time::sleep(SETTLING).await;
    Ok(server.memory()?.0)
}

/// The middle one of several starts on the same data, in ms; the server runs afterwards.
pub async fn restart(settings: &Settings, mut server: Server) -> Result<(Server, f64)> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        server.stop().await?;
        let (started, time) = settings.start().await?;
        server = started;
        times.push(time.as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let middle = times.get(STARTS / 2).copied().unwrap_or(f64::NAN);
    Ok((server, middle))
}

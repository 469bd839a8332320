//! The command line of the load generator.
//!
//! Exit codes: 0 everything was measured, 1 something could not be, 2 wrong usage. Whether the aims were reached stands in
//! the report and does not change the exit code: it depends on the machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use super::floor;
use super::plan::{self, Part, Plan};
use super::report::{self, Row};
use super::sizes::SMALL;
use super::town::Scale;
use super::trouble::{Result, Trouble};

/// Measures how fast a ScaiWave server is, beside raw baselines of the same machine.
#[derive(Parser, Debug)]
#[command(name = "scaiwave-load", version)]
pub struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The server's executable, built with --release.
    #[arg(long, default_value = "target/release/scaiwave")]
    server: PathBuf,
    /// A Postgres to measure too, such as postgres://user:password@127.0.0.1/postgres; its user may create databases.
    #[arg(long, env = "SCAIWAVE_LOAD_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// Folder for the data, on the disk to be measured; a folder of this run is made in it and removed.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections in the scenarios of acknowledged messages, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256],
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: Vec<u16>,
    /// Events in the federated flow.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(64..=1_000_000))]
    events: u64,
    /// Events that a server misses before it catches up.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(64..=1_000_000))]
    absence: u64,
    /// Messages in the history of a room that is joined, beside one from each of its people.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(64..=1_000_000))]
    history: u64,
    /// People in the room of another server that is joined.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    people: u16,
    /// Servers in one room.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(4..=500))]
    peers: u16,
    /// Rooms that two servers share.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    rooms: u16,
    /// Events that a large server holds.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(10_000..=100_000_000))]
    stored: u64,
    /// People on the large server.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(600..=1_000_000))]
    accounts: u32,
    /// People in the largest room of the large server, which has as many rooms as two servers share elsewhere.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(500..=100_000))]
    members: u32,
    /// WebSockets that are open at one time.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sockets: u32,
    /// Only these parts; may be given several times. All by default.
    #[arg(long = "part")]
    parts: Vec<Part>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serves the loopback HTTP baseline. A run starts this by itself.
    #[command(hide = true)]
    Floor,
}

/// Reads the command line, measures, reports, and answers the exit code.
pub fn main() -> ExitCode {
    let options = Options::parse();
    // Only the first install can fail, and only if something else installed one before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let done = match options.command {
        Some(Command::Floor) => serve_floor(),
        None => measure(&options),
    };
    match done {
        Ok(code) => code,
        Err(trouble) => {
            eprintln!("scaiwave-load: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn serve_floor() -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(floor::serve())?;
    Ok(ExitCode::SUCCESS)
}

/// One thread drives everything: what it does not use is left to the server.
fn measure(options: &Options) -> Result<ExitCode> {
    let server = options
        .server
        .canonicalize()
        .map_err(|error| Trouble(format!("--server {}: {error}", options.server.display())))?;
    let folder = options.folder.canonicalize()?;
    let folder = folder.join(format!("scaiwave-load-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let parts = match options.parts.as_slice() {
        [] => Part::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let plan = Plan {
        server,
        postgres: options.postgres.clone(),
        folder: folder.clone(),
        time: Duration::from_secs(options.seconds),
        connections: options
            .connections
            .iter()
            .copied()
            .map(usize::from)
            .collect(),
        events: number(options.events),
        absence: number(options.absence),
        history: number(options.history),
        people: usize::from(options.people),
        peers: usize::from(options.peers),
        rooms: usize::from(options.rooms),
        scale: Scale {
            events: number(options.stored),
            people: number(options.accounts.into()),
            // Those of the small server are among them.
            rooms: usize::from(options.rooms).max(SMALL.rooms),
            members: number(options.members.min(options.accounts).into()),
        },
        sockets: number(options.sockets.into()),
        parts,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rows = Vec::new();
    let done = runtime.block_on(plan::run(&plan, &mut rows));
    drop(runtime);
    std::fs::remove_dir_all(&folder)?;
    print!("{}", report::table(&rows));
    if let Some(path) = &options.json {
        write(path, &rows)?;
    }
    done?;
    let complete = rows.iter().all(|row| row.value.is_some());
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn number(option: u64) -> usize {
    usize::try_from(option).unwrap_or(usize::MAX)
}

fn write(path: &Path, rows: &[Row]) -> Result<()> {
    let text = serde_json::to_string_pretty(rows).map_err(|error| Trouble(error.to_string()))?;
    std::fs::write(path, text + "\n")
        .map_err(|error| Trouble(format!("{}: {error}", path.display())))
}

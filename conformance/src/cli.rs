//! The command line: which server, which checks, which reports.
//!
//! Exit codes: 0 nothing failed, 1 a check failed, 2 wrong usage, 3 the server cannot be reached.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::cast::account::Account;
use crate::cast::{Cast, GivenAccount};
use crate::check::{Check, Profile, Stop};
use crate::client::Bearer;
use crate::client::call::Way;
use crate::client::tls::Trust;
use crate::coverage::Coverage;
use crate::peer::Peer;
use crate::peer::policy::PolicyBefore;
use crate::report::{self, Totals};
use crate::subject::Subject;
use crate::{checks, cleanup, runner};

const PASSED: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

/// Checks whether a server keeps the ScaiWave specification.
#[derive(Parser, Debug)]
#[command(name = "scaiwave-conformance", version)]
pub struct Options {
    /// The server under test, such as http://127.0.0.1:8000.
    #[arg(long, required_unless_present = "list")]
    url: Option<String>,
    /// Only this profile; may be given several times. All by default.
    #[arg(long = "profile", value_name = "client|errors|federation")]
    profiles: Vec<Profile>,
    /// Only checks whose name contains this; may be given several times, one must fit.
    #[arg(long = "filter", value_name = "TEXT")]
    filters: Vec<String>,
    /// No check whose name contains this; may be given several times.
    #[arg(long = "exclude", value_name = "TEXT")]
    excluded: Vec<String>,
    /// Counts a skipped check as failed: for a server that is set up for all chosen checks.
    #[arg(long)]
    strict: bool,
    /// Lists the checks instead of running them.
    #[arg(long)]
    list: bool,
    /// Access token of an administrator: the suite makes its own accounts with it.
    #[arg(long, env = "SCAIWAVE_CONFORMANCE_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// The Host header to send, which chooses the tenant where the server has several.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// JSON file of accounts to use: [{"username", "password", "admin"}].
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// The same for accounts of another tenant of the server.
    #[arg(long)]
    other_tenant_accounts: Option<PathBuf>,
    /// Where the played peer listens, such as 127.0.0.1:8190.
    #[arg(long, requires = "peer_name")]
    peer_bind: Option<SocketAddr>,
    /// The played peer's server name; the server under test must know it as NAME=http://PEER_BIND.
    #[arg(long, requires = "peer_bind")]
    peer_name: Option<String>,
    /// Leaves the rooms and accounts of the run as they are, to be looked at.
    #[arg(long)]
    keep: bool,
    /// PEM file with certificate authorities to believe beside the system's.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Says which operations of the server's own description no check has asked for, and which were only ever
    /// refused. With --strict an operation that was never asked for fails the run.
    #[arg(long)]
    coverage: bool,
}

/// Why a run ends before its first check.
#[derive(Debug)]
enum Refusal {
    Usage(String),
    Unreachable(String),
}

/// Reads the command line, runs, reports, and answers the exit code.
pub fn main() -> ExitCode {
    let options = Options::parse();
    let chosen = chosen(&options);
    if options.list {
        for check in &chosen {
            println!("{:<10} {}  [{}]", check.profile, check.name, check.section);
        }
        return ExitCode::from(PASSED);
    }
    // Only the first install can fail, and only if something else installed one before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return end(Refusal::Usage(error.to_string())),
    };
    match runtime.block_on(run(&options, chosen)) {
        Ok(totals) if totals.failed > 0 || (options.strict && totals.skipped > 0) => {
            ExitCode::from(FAILED)
        }
        Ok(_) => ExitCode::from(PASSED),
        Err(refusal) => end(refusal),
    }
}

fn end(refusal: Refusal) -> ExitCode {
    let (reason, code) = match refusal {
        Refusal::Usage(reason) => (reason, USAGE),
        Refusal::Unreachable(reason) => (reason, UNREACHABLE),
    };
    eprintln!("scaiwave-conformance: {reason}");
    ExitCode::from(code)
}

fn chosen(options: &Options) -> Vec<Check> {
    let holds_one_of = |name: &str, parts: &[String]| parts.iter().any(|part| name.contains(part));
    checks::all()
        .into_iter()
        .filter(|check| options.profiles.is_empty() || options.profiles.contains(&check.profile))
        .filter(|check| options.filters.is_empty() || holds_one_of(check.name, &options.filters))
        .filter(|check| !holds_one_of(check.name, &options.excluded))
        .collect()
}

async fn run(options: &Options, chosen: Vec<Check>) -> Result<Totals, Refusal> {
    if chosen.is_empty() {
        return Err(Refusal::Usage("no check has such a name".to_owned()));
    }
    let mut subject = subject(options).await?;
    let policy = match (options.peer_bind, &options.peer_name) {
        (Some(address), Some(name)) => play(&mut subject, address, name).await?,
        _ => None,
    };
    let subject = Arc::new(subject);
    let outcomes = runner::run(chosen, subject.clone()).await;
    if let Some(policy) = policy {
        policy.restore(&subject).await;
    }
    // A server that has fallen silent is not waited for.
    if !options.keep && subject.reachable().await.is_ok() {
        println!("{}", cleanup::clean_up(&subject).await);
    }
    print!("{}", report::terminal::render(&outcomes));
    if let Some(path) = &options.json {
        write(path, &format!("{:#}\n", report::json::render(&outcomes)))?;
    }
    if let Some(path) = &options.junit {
        write(path, &report::junit::render(&outcomes))?;
    }
    let mut totals = Totals::of(&outcomes);
    if options.coverage {
        let coverage = Coverage::of(&subject.stranger(), subject.way.asked())
            .await
            .map_err(Refusal::Usage)?;
        print!("{coverage}");
        if options.strict {
            totals.failed += coverage.unasked().len();
        }
    }
    Ok(totals)
}

/// Starts the played peer and makes the server under test allow it.
async fn play(
    subject: &mut Subject,
    address: SocketAddr,
    name: &str,
) -> Result<Option<PolicyBefore>, Refusal> {
    let stranger = subject.stranger();
    let peer = match Peer::introduce(name, &stranger).await {
        Ok(peer) => peer,
        Err(Stop::Failed(reason) | Stop::Skipped(reason)) => {
            subject.peer = Err(format!("the server has no federation: {reason}"));
            return Ok(None);
        }
    };
    peer.listen(address)
        .await
        .map_err(|error| Refusal::Usage(format!("--peer-bind {address}: {error}")))?;
    match PolicyBefore::allow(subject, name).await {
        Ok(before) => {
            subject.peer = Ok(peer);
            Ok(Some(before))
        }
        Err(Stop::Failed(reason) | Stop::Skipped(reason)) => {
            subject.peer = Err(format!("the policy cannot be set: {reason}"));
            Ok(None)
        }
    }
}

async fn subject(options: &Options) -> Result<Subject, Refusal> {
    let base = options.url.as_deref().unwrap_or("");
    if !base.starts_with("http://") && !base.starts_with("https://") {
        return Err(Refusal::Usage(
            "--url must begin with http:// or https://".to_owned(),
        ));
    }
    let trust = match &options.ca_file {
        Some(path) => Trust::with_file(path).map_err(Refusal::Usage)?,
        None => Trust::system(),
    };
    let way = Way::new(base, trust)
        .map_err(Refusal::Usage)?
        .with_host(options.host.as_deref());
    let mut subject = Subject {
        way,
        cast: Cast::new(None, Vec::new()),
        other_tenant: accounts(options.other_tenant_accounts.as_deref())?,
        peer: Err("needs --peer-bind and --peer-name".to_owned()),
    };
    subject
        .reachable()
        .await
        .map_err(|reason| Refusal::Unreachable(format!("{base} cannot be reached: {reason}")))?;
    let given = accounts(options.accounts.as_deref())?;
    let admin = admin(options, &subject, &given).await?;
    subject.cast = Cast::new(admin, given);
    Ok(subject)
}

async fn admin(
    options: &Options,
    subject: &Subject,
    given: &[GivenAccount],
) -> Result<Option<Bearer>, Refusal> {
    if let Some(token) = &options.admin_token {
        return Ok(Some(Bearer::Token(token.as_str().into())));
    }
    let Some(account) = given.iter().find(|account| account.admin) else {
        return Ok(None);
    };
    let stranger = subject.stranger();
    match Account::sign_in(&stranger, &account.username, &account.password).await {
        Ok(account) => Ok(Some(Bearer::Account(Arc::new(account)))),
        Err(Stop::Failed(reason) | Stop::Skipped(reason)) => Err(Refusal::Usage(format!(
            "the admin of --accounts cannot sign in: {reason}"
        ))),
    }
}

fn accounts(path: Option<&Path>) -> Result<Vec<GivenAccount>, Refusal> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let usage = |reason: String| Refusal::Usage(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| usage(error.to_string()))
}

fn write(path: &Path, text: &str) -> Result<(), Refusal> {
    std::fs::write(path, text)
        .map_err(|error| Refusal::Usage(format!("{}: {error}", path.display())))
}

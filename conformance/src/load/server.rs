//! A server under measurement: started, watched through `/proc`, stopped.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::http::{self, Connection};
use super::identity::Identity;
use super::trouble::{Result, Trouble};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server may go on working with what it was left.
const REST_PATIENCE: Duration = Duration::from_secs(180);

/// Password of every account in a load run; the servers listen on loopback and live for minutes.
pub const PASSWORD: &str = "a password for load";

/// Everything a server is started with; it can be started again.
#[derive(Clone, Debug)]
pub struct Settings {
    binary: PathBuf,
    folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    environment: Vec<(String, String)>,
}

impl Settings {
    /// A server in `folder`, on a free port, on SQLite unless `database` names another.
    pub fn new(binary: &Path, folder: &Path, database: Option<&str>) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let address = free_port()?;
        let mut environment = vec![
            ("SCAIWAVE_BIND".to_owned(), address.to_string()),
            (
                "SCAIWAVE_DATA_DIR".to_owned(),
                folder.join("data").display().to_string(),
            ),
            (
                "SCAIWAVE_SERVER_NAME".to_owned(),
                format!("localhost:{}", address.port()),
            ),
            ("SCAIWAVE_LOG".to_owned(), "warn".to_owned()),
            ("SCAIWAVE_MAX_SOCKETS_PER_USER".to_owned(), "100".to_owned()),
        ];
        for bucket in [
            "TENANT_SENDS",
            "SENDS",
            "WRITES",
            "READS",
            "ADDRESS",
            "LOGINS",
            "PEER_EVENTS",
            "PEER_REQUESTS",
        ] {
            environment.push((format!("SCAIWAVE_RATE_{bucket}"), "0".to_owned()));
        }
        if let Some(url) = database {
            environment.push(("SCAIWAVE_DB_URL".to_owned(), url.to_owned()));
        }
        Ok(Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            address,
            environment,
        })
    }

    /// The name in the federation.
    pub fn server_name(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Scheme and authority.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes `peer` reachable by plain HTTP.
    pub fn knows(&mut self, peer: &Settings) {
        self.knows_at(&[peer.server_name()], peer.address);
    }

    /// Makes peers reachable by plain HTTP, all at one address.
    pub fn knows_at(&mut self, names: &[String], address: SocketAddr) {
        let urls: Vec<String> = names
            .iter()
            .map(|name| format!("{name}=http://{address}"))
            .collect();
        let setting = "SCAIWAVE_FEDERATION_PEER_URLS".to_owned();
        self.environment.push((setting, urls.join(",")));
    }

    /// Reads through few connections: each keeps what it has read of a SQLite database, which would be taken for the memory
    /// of whatever is counted.
    pub fn reads_little(&mut self) {
        let setting = "SCAIWAVE_DB_POOL".to_owned();
        self.environment.push((setting, "2".to_owned()));
    }

    /// Lets people sign in with tokens of `identity`.
    pub fn trusts(&mut self, identity: &Identity) {
        self.environment.extend(identity.environment());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .envs(self.environment.iter().cloned())
            .current_dir(&self.folder)
            .kill_on_drop(true);
        command
    }

    /// Creates the first account, an administrator.
    pub async fn create_admin(&self) -> Result<()> {
        let mut child = self
            .command(&[
                "admin",
                "create-user",
                "--local-id",
                "admin",
                "--name",
                "Admin",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if output.status.success() {
            return Ok(());
        }
        let reason = String::from_utf8_lossy(&output.stderr);
        Err(Trouble(format!("admin create-user failed: {reason}")))
    }

    /// Runs `admin verify`: how many events it confirmed, and how long that took.
    pub async fn verify(&self) -> Result<(f64, Duration)> {
        let began = Instant::now();
        let output = self.command(&["admin", "verify"]).output().await?;
        let time = began.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        let events = said
            .split_once(' ')
            .and_then(|(count, _)| count.parse().ok());
        match events.filter(|_| output.status.success()) {
            Some(events) => Ok((events, time)),
            None => {
                let reason = String::from_utf8_lossy(&output.stderr);
                Err(Trouble(format!("admin verify failed: {said}{reason}")))
            }
        }
    }

    /// Starts the server; answers with it how long it took from the start of the process until `/health` said 200.
    pub async fn start(&self) -> Result<(Server, Duration)> {
        let log = self.folder.join("log");
        let began = Instant::now();
        let process = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()?;
        let mut server = Server {
            process,
            address: self.address,
        };
        while !healthy(self.address).await {
            if began.elapsed() > PATIENCE || server.process.try_wait()?.is_some() {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(Trouble(format!("the server did not start:\n{log}")));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok((server, began.elapsed()))
    }
}

/// A port that is free now.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn healthy(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else {
        return false;
    };
    let request = http::get(address, "/health", None);
    matches!(connection.exchange(&request).await, Ok(reply) if reply.status == 200)
}

/// A running server; killed when dropped.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Memory it holds now, and the most it ever held, in MiB.
    pub fn memory(&self) -> Result<(f64, f64)> {
        let status = std::fs::read_to_string(self.proc("status"))?;
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| {
                    line.strip_prefix(name)?
                        .split_whitespace()
                        .next()?
                        .parse()
                        .ok()
                })
                .map(|kib: f64| kib / 1024.0)
                .ok_or_else(|| Trouble(format!("no {name} in /proc")))
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Processor time it has used so far; the kernel counts in hundredths of a second.
    pub fn processor(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(self.proc("stat"))?;
        // Fields are counted from after the process's name, which may hold spaces.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Waits until it has nothing more to do: what others left to be told, or what it writes down afterwards.
    pub async fn rests(&self) -> Result<()> {
        let mut before = self.processor()?;
        let began = Instant::now();
        while began.elapsed() < REST_PATIENCE {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = self.processor()?;
            if now - before <= Duration::from_millis(20) {
                return Ok(());
            }
            before = now;
        }
        Err(Trouble::new("the server does not come to rest"))
    }

    fn proc(&self, file: &str) -> PathBuf {
        let pid = self.process.id().unwrap_or_default();
        PathBuf::from(format!("/proc/{pid}/{file}"))
    }

    /// The sum of a counter of `/metrics` over all its labels that contain `label`.
    pub async fn counter(&self, name: &str, label: &str) -> Result<f64> {
        let request = http::get(self.address, "/metrics", None);
        let mut connection = Connection::open(self.address).await?;
        let reply = connection.exchange(&request).await?;
        let text = String::from_utf8_lossy(reply.body);
        Ok(text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(label))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum())
    }

    /// Asks the server to stop, and waits for it.
    pub async fn stop(mut self) -> Result<()> {
        self.end().await
    }

    /// The same, where another one takes its place.
    pub async fn end(&mut self) -> Result<()> {
        let pid = self.process.id().unwrap_or_default();
        Command::new("sh")
            .args(["-c", &format!("kill -TERM {pid}")])
            .status()
            .await?;
        tokio::time::timeout(PATIENCE, self.process.wait())
            .await
            .map_err(|_| Trouble::new("the server did not stop"))??;
        Ok(())
    }
}

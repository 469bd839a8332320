//! A server process in a temporary folder: started on a free port, killed, started again on the same data.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::backend::Database;
use super::people::Person;
use super::{Api, Backend, Postgres, PrivateCa, SmallDisk};

const START_DEADLINE: Duration = Duration::from_secs(30);
/// Commands may go through everything that a large test has stored.
const COMMAND_DEADLINE: Duration = Duration::from_secs(300);
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// A running (or killed) server, its data folder and its database. All of it goes when this value does.
pub(crate) struct Server {
    backend: Backend,
    settings: BTreeMap<String, String>,
    process: Option<Child>,
    url: String,
    /// The name in the certificate and the CA that signed it, where the server speaks TLS.
    tls: Option<(String, String)>,
    admin: tokio::sync::OnceCell<Person>,
    /// Before the folder that it is mounted in: it has to go first.
    disk: Option<SmallDisk>,
    folder: TempDir,
    database: Option<Database>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Fails the test unless the command exited with 0.
    pub(crate) fn done(self) -> Self {
        assert!(self.status.success(), "the command failed: {self:#?}");
        self
    }
}

impl Server {
    /// Starts on empty data. Rate limits are off unless `settings` turn one on.
    pub(crate) async fn start(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let mut server = Self::prepare(backend, settings).await;
        server.launch();
        server
    }

    /// Everything but the start: data folder, database, settings.
    pub(crate) async fn prepare(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::with_prefix("scaiwave-it-").expect("a temporary folder");
        let data = folder.path().join("data");
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Database::create().await),
        };
        let mut all = BTreeMap::from(
            [
                ("SCAIWAVE_BIND", "127.0.0.1:0"),
                ("SCAIWAVE_DB_POOL", "4"),
                ("SCAIWAVE_LOG_FORMAT", "text"),
                ("SCAIWAVE_RATE_TENANT_SENDS", "0"),
                ("SCAIWAVE_RATE_SENDS", "0"),
                ("SCAIWAVE_RATE_WRITES", "0"),
                ("SCAIWAVE_RATE_READS", "0"),
                ("SCAIWAVE_RATE_TYPING", "0"),
                ("SCAIWAVE_RATE_ADDRESS", "0"),
                ("SCAIWAVE_RATE_LOGINS", "0"),
                ("SCAIWAVE_RATE_PEER_EVENTS", "0"),
                ("SCAIWAVE_RATE_PEER_REQUESTS", "0"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        all.insert("SCAIWAVE_DATA_DIR".to_owned(), data.display().to_string());
        if let Some(database) = &database {
            all.insert("SCAIWAVE_DB_URL".to_owned(), database.url());
        }
        for (name, value) in settings {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        Self {
            backend,
            settings: all,
            process: None,
            url: String::new(),
            tls: None,
            admin: tokio::sync::OnceCell::new(),
            disk: None,
            folder,
            database,
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// The address of the running server, `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on, the same after each restart.
    pub(crate) fn port(&self) -> u16 {
        let url = url::Url::parse(&self.url).expect("the server has started once");
        url.port().expect("the address has a port")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A place for files that a test hands to the server.
    pub(crate) fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The database as sqlx names it.
    pub(crate) fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite:{}", self.data().join("scaiwave.db").display()),
        }
    }

    /// What the server has printed and logged since the first start.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Lets the server, which has not started yet, keep its data in another Postgres.
    pub(crate) async fn keep_data_in(&mut self, postgres: &Postgres) {
        let database = Database::create_in(postgres.url().to_owned()).await;
        self.set("SCAIWAVE_DB_URL", &database.url());
        self.database = Some(database);
    }

    /// Lets the server, which has not started yet, keep its data on a small disk. False: none can be mounted here.
    pub(crate) fn keep_data_on_small_disk(&mut self, megabytes: u32) -> bool {
        self.disk = SmallDisk::mount(&self.data(), megabytes);
        self.disk.is_some()
    }

    /// The small disk that it keeps its data on.
    pub(crate) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("a small disk was mounted")
    }

    /// Makes the server speak TLS as `name`, with a certificate of this CA; clients made here trust that CA alone.
    pub(crate) fn speak_tls(&mut self, name: &str, ca: &PrivateCa) {
        let (certificate, key) = ca.issue(name, self.scratch());
        self.set("SCAIWAVE_TLS_CERT_FILE", &certificate.display().to_string());
        self.set("SCAIWAVE_TLS_KEY_FILE", &key.display().to_string());
        self.set("SCAIWAVE_PUBLIC_URL", &format!("https://{name}"));
        self.tls = Some((name.to_owned(), ca.pem().to_owned()));
    }

    /// Starts the process and waits until it listens.
    pub(crate) fn launch(&mut self) {
        let (child, lines) = self.spawn();
        self.process = Some(child);
        let began = Instant::now();
        loop {
            let line = match lines.recv_timeout(START_DEADLINE.saturating_sub(began.elapsed())) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} did not listen within {START_DEADLINE:?}", self.backend)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server ended instead of listening:\n{}", self.log())
                }
            };
            if let Some(address) = listening_address(&line) {
                self.url = address;
                break;
            }
        }
        // The next start takes the same port, as clients expect.
        let bind = format!("127.0.0.1:{}", self.port());
        self.set("SCAIWAVE_BIND", &bind);
    }

    fn spawn(&self) -> (Child, Receiver<String>) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a log file");
        let mut copy = log.try_clone().expect("a second handle");
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = channel();
        // Reads to the end, so that the server never waits for a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                drop(copy.write_all(format!("{line}\n").as_bytes()));
                drop(sender.send(line));
            }
        });
        (child, lines)
    }

    /// Tries to start, expects that the server gives up by itself, and returns what it said.
    pub(crate) fn refuses_to_start(&self) -> Outcome {
        let outcome = self.cli(&["serve"], "");
        assert!(
            !outcome.status.success(),
            "the server should not have started: {outcome:#?}"
        );
        outcome
    }

    /// Runs the binary with the server's environment until it ends.
    pub(crate) fn cli(&self, arguments: &[&str], stdin: &str) -> Outcome {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        // A command that reads nothing may be gone already.
        drop(
            child
                .stdin
                .take()
                .map(|mut pipe| pipe.write_all(stdin.as_bytes())),
        );
        let process = child.id();
        let (done, ended) = channel();
        std::thread::spawn(move || done.send(child.wait_with_output()));
        let output = match ended.recv_timeout(COMMAND_DEADLINE) {
            Ok(output) => output.expect("the command's output"),
            Err(_) => {
                signal(process, "KILL");
                panic!("`scaiwave {}` did not end", arguments.join(" "));
            }
        };
        Outcome {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Begins a command beside the test, which may do something to the server meanwhile.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        self.command()
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scaiwave"));
        command.env_clear().current_dir(self.folder.path());
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(&self.settings);
        command
    }

    /// Power cut: SIGKILL, without a chance to write anything.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process can be killed");
            process.wait().expect("the process ends");
        }
    }

    /// Starts the process and kills it after `life`, wherever it is by then.
    pub(crate) fn launch_and_kill_after(&mut self, life: Duration) {
        let (child, _lines) = self.spawn();
        self.process = Some(child);
        std::thread::sleep(life);
        self.kill();
    }

    /// Kills the process if it runs, and starts it again on the same data and port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.launch();
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The memory that it has, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let process = self.process();
        let status = std::fs::read_to_string(format!("/proc/{process}/status"));
        let status = status.expect("the system tells of its processes");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .expect("the memory in use")
            .parse()
            .expect("a number")
    }

    /// Sends SIGTERM without waiting.
    pub(crate) fn terminate(&self) {
        signal(self.process.as_ref().expect("the server runs").id(), "TERM");
    }

    /// Sends what Ctrl-C sends, without waiting.
    pub(crate) fn interrupt(&self) {
        signal(self.process.as_ref().expect("the server runs").id(), "INT");
    }

    /// Waits for the end of a server that was told to stop.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        let began = Instant::now();
        loop {
            if let Some(status) = process.try_wait().expect("the process can be asked") {
                return status;
            }
            assert!(
                began.elapsed() < STOP_DEADLINE,
                "did not stop within {STOP_DEADLINE:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops the server as an operator does, and expects a clean end.
    pub(crate) async fn stop(&mut self) {
        self.terminate();
        let status = self.ended().await;
        assert!(
            status.success(),
            "the server ended with {status}:\n{}",
            self.log()
        );
    }

    /// A client without an account.
    pub(crate) fn stranger(&self) -> Api {
        match &self.tls {
            Some((name, ca)) => Api::over_tls(name, ([127, 0, 0, 1], self.port()).into(), ca),
            None => Api::new(&self.url),
        }
    }

    /// The first account, `@admin`, made on the command line once.
    pub(crate) async fn admin(&self) -> &Person {
        self.admin.get_or_init(|| Person::first(self)).await
    }

    /// Signed-in people with fresh accounts.
    pub(crate) async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let mut people = Vec::with_capacity(N);
        for name in names {
            people.push(Person::new(self, name).await);
        }
        let Ok(people) = people.try_into() else {
            unreachable!("one person a name");
        };
        people
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines
                .get(lines.len().saturating_sub(60)..)
                .unwrap_or_default();
            eprintln!(
                "server on {}, end of its log:\n{}",
                self.backend,
                tail.join("\n")
            );
        }
    }
}

/// The address in the line that the server prints once it listens.
fn listening_address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let address = rest.split_whitespace().next()?;
    address
        .starts_with("http")
        .then(|| address.trim_end_matches('/').to_owned())
}

/// The shell's own `kill`: the only one that is everywhere.
fn signal(process: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .status()
        .expect("a shell");
    assert!(status.success(), "no process {process}");
}

//! The README's commands, run as they stand there: only the ports are others, and the program is the one under test.

use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
/// Longest time for all commands of a section.
const PATIENCE: Duration = Duration::from_secs(120);

/// The shell blocks of a section.
fn blocks(section: &str) -> Vec<&'static str> {
    let text = README
        .split("\n## ")
        .find_map(|part| part.strip_prefix(section))
        .unwrap_or_else(|| panic!("the README has a section {section:?}"));
    text.split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// A newcomer's clone: the built program where the README expects it, and ports of its own for those of the README.
struct Clone {
    folder: TempDir,
    ports: Vec<(&'static str, u16)>,
}

impl Clone {
    fn new(ports: &[&'static str]) -> Self {
        let folder = TempDir::with_prefix("scaiwave-readme-").unwrap();
        let built = folder.path().join("target/release");
        std::fs::create_dir_all(&built).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_scaiwave"), built.join("scaiwave")).unwrap();
        let held: Vec<_> = ports
            .iter()
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let free = held.iter().map(|held| held.local_addr().unwrap().port());
        let ports = ports.iter().copied().zip(free).collect();
        Self { folder, ports }
    }

    fn with_ports(&self, script: &str) -> String {
        self.ports
            .iter()
            .fold(script.to_owned(), |script, (of_readme, own)| {
                script.replace(of_readme, &own.to_string())
            })
    }

    fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("bash");
        shell
            .args(["-euc", &self.with_ports(script)])
            .current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SCAIWAVE_")) {
            shell.env_remove(name);
        }
        shell
    }

    /// Starts a server with a command of the README, and waits until it listens.
    fn serve(&self, command: &str) -> Running {
        let mut process = self
            .shell(&format!("exec env {}", command.trim()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut running = Running { process, printed };
        let mut lines = running.printed.by_ref().map_while(Result::ok);
        let listening = lines.any(|line| line.contains("listening on"));
        assert!(listening, "the server ended before it listened: {command}");
        running
    }

    /// What commands print.
    fn run(&self, script: &str) -> String {
        let limit = PATIENCE.as_secs().to_string();
        let shell = self.shell(script);
        let output = Command::new("timeout")
            .arg(limit)
            .arg(shell.get_program())
            .args(shell.get_args())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{printed}\n{errors}");
        assert!(
            !printed.contains("\"error\""),
            "a command was refused:\n{printed}"
        );
        printed
    }
}

/// A server that ends with the test.
struct Running {
    process: Child,
    /// Held open, so that the server can go on printing.
    printed: Lines<BufReader<ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// The shell functions of the first section, which the later one uses too.
fn functions() -> String {
    let lines = blocks("First chat")[0].lines();
    let functions = lines.filter(|line| line.contains("() {"));
    functions.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_first_chat_works_as_written() {
    let clone = Clone::new(&["8000"]);
    assert_eq!(blocks("Run")[0].trim(), "cargo run --release");
    let _server = clone.serve("SCAIWAVE_BIND=127.0.0.1:8000 target/release/scaiwave");
    assert!(
        Path::new(&clone.folder.path().join("data")).is_dir(),
        "everything is kept in ./data"
    );
    let by_sync = "as $BOB \"$S/v1/sync?since=0\"";
    assert!(README.contains(by_sync));
    let chat = blocks("First chat")[0];
    let printed = clone.run(&format!("{chat}\n{by_sync}"));
    assert_eq!(
        printed.matches("Hello Bob!").count(),
        3,
        "sent, in the history, in the sync: {printed}"
    );
}

#[test]
fn two_servers_share_a_room_as_written() {
    let clone = Clone::new(&["8001", "8002"]);
    let commands = blocks("Two servers");
    let [first, second, chat] = commands[..] else {
        panic!("a block for each server, and one for the people");
    };
    let _servers = [clone.serve(first), clone.serve(second)];
    let printed = clone.run(&format!("{}{chat}", functions()));
    let last = printed.trim().lines().last().unwrap();
    assert!(last.contains("Hello from the other server"), "{printed}");
}

//! A Postgres of one test's own, which can be ended and started again.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A running (or crashed) Postgres. It goes when this value does.
pub(crate) struct Postgres {
    url: String,
    folder: TempDir,
}

impl Postgres {
    /// None: there is no Postgres on this machine that could be started.
    pub(crate) fn start() -> Option<Self> {
        let folder = TempDir::with_prefix("scaiwave-it-").expect("a temporary folder");
        script(folder.path(), "find_postgres")?;
        let started = script(folder.path(), "start_postgres; echo \"$TEST_POSTGRES_URL\"");
        let url = started.expect("Postgres starts").trim().to_owned();
        Some(Self { url, folder })
    }

    /// Its first database, as `TEST_POSTGRES_URL` names one.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a power cut does.
    pub(crate) fn crash(&self) {
        script(self.folder.path(), "open_postgres; crash_postgres").expect("Postgres ends");
    }

    /// Starts it again on the same port.
    pub(crate) fn resume(&self) {
        script(self.folder.path(), "open_postgres; resume_postgres").expect("Postgres starts");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        script(self.folder.path(), "open_postgres; stop_postgres");
    }
}

/// Runs something of `tests/postgres.sh` in this folder, and returns what it printed; none if it failed.
fn script(work: &Path, what: &str) -> Option<String> {
    let program = format!(
        "set -euo pipefail; fail() {{ echo \"$*\" >&2; exit 1; }}; work=$1; . tests/postgres.sh; {what}"
    );
    let output = Command::new("bash")
        .args(["-c", &program, "bash"])
        .arg(work)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("bash");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(printed)
}

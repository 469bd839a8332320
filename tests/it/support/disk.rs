//! A small disk that can be filled, for a server's data.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system of its own in memory. It goes when this value does.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one on a folder that does not exist yet. None: only root may, and only on Linux.
    pub(crate) fn mount(folder: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir(folder).expect("a folder");
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], folder);
        mounted.then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.ballast())
            .expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives the space back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("the disk was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Also while a server still has files open there.
        run("umount", &["-l"], &self.folder);
    }
}

fn run(command: &str, arguments: &[&str], folder: &Path) -> bool {
    let status = Command::new(command)
        .args(arguments)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

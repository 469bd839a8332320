//! libfaketime: a process that believes it is another time.

use std::path::PathBuf;

use super::Server;

/// From its next start on the clock of this server is `seconds` ahead, or behind if negative. False: libfaketime is not on this
/// machine.
pub(crate) fn set_clock_apart(server: &mut Server, seconds: i64) -> bool {
    let Some(library) = library() else {
        return false;
    };
    server.set("LD_PRELOAD", &library.display().to_string());
    server.set("FAKETIME", &format!("{seconds:+}"));
    // What measures how long something takes goes on as it is.
    server.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    true
}

/// Where Debian's package `libfaketime` puts the form for programs with threads.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists())
}

//! The `scaiwave` binary: sets up what a whole process shares, and hands over to the command line.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Only fails if somebody was first, and there is nobody.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    scaiwave::cli::run()
}

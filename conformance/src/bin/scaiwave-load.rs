//! Command line of the load generator; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    scaiwave_conformance::load::cli::main()
}

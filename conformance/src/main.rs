//! Command line of the conformance suite; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    scaiwave_conformance::cli::main()
}

//! The `scaiwave` binary.

fn main() {}

//! Black-box conformance suite.
fn main() {}

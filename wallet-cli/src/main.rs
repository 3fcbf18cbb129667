//! The `wallet` command.
fn main() {}

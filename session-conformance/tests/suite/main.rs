//! The suite, tested: the contract's clauses, and backends that break them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what goes wrong here is a failed test"
)]

mod contract;
#[cfg(feature = "differential")]
mod differential;
mod flawed;
mod mutants;
mod races;

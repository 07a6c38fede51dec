//! The command, run as a process against real servers.
//!
//! | module | what it tests |
//! |---|---|
//! | `looking` | `list`, `count`, `show`, `watch`; a wrong prefix told from an empty store |
//! | `revoking` | `revoke` in each of its forms |
//! | `places` | URLs, passwords, TLS, a Cluster, Sentinels, sockets; what keeps it from its work |
//! | `doctor` | findings, rights, exit codes |
//! | `databases` | all of it on SQLite and PostgreSQL, and what only they need |
//! | `terminal` | questions and bars, on a terminal |
//! | `pages` | help, completions, manual pages |
//!
//! Whatever is run, no id and no password is in what it writes: `support` looks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong here is a failed test"
)]

mod databases;
mod doctor;
mod looking;
mod pages;
mod places;
mod revoking;
mod support;
#[cfg(target_os = "linux")]
mod terminal;

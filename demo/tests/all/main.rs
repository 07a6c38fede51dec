//! The demo's tests.
//!
//! | module | what it tests |
//! |---|---|
//! | `routes` | every route and every refusal, in this process, on a clock that the test moves |
//! | `process` | the program: flags, start and end, a store that is away |
//! | `browser` | the page, in Chromium, with each backend |
//!
//! The tests need what `scripts/setup-tests` installs. A test that cannot run has failed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong here is a failed test"
)]

mod browser;
mod process;
mod routes;
mod support;

//! The pages' code beside the real old libraries, and the races that `docs/compare.md` speaks of.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod compare;
mod moves;
mod old;
mod pages;
mod processes;
mod support;
mod take_over;
mod the_guide;

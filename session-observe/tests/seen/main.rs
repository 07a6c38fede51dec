//! What is seen of a backend from outside, and what must not be.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong here is a failed test"
)]

mod canary;
mod capture;
mod connection;
mod events;
mod steps;

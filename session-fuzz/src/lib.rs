//! What must hold of bytes that come from outside, as functions that a fuzzer calls: each panics
//! where something does not.
//!
//! Two fuzzers call them: the targets of cargo-fuzz in `fuzz/`, which learn from what the code does
//! with their inputs, and [`fuzz`], which needs nothing but stable Rust. Both begin with the
//! inputs in `fuzz/seeds` and the words of `fuzz/words.dict`. `scripts/fuzz` runs the latter for as
//! long as one likes, the tests for a moment.

mod hashes;
mod ids;
mod mutate;
mod numbers;

pub use self::hashes::hashes;
pub use self::ids::ids;
pub use self::mutate::fuzz;
pub use self::numbers::numbers;
pub use session_http::fuzz::{cookies, fields};
pub use session_redis::fuzz::{cluster_maps, info, replies, sentinels, urls};

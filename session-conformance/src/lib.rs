//! The suite that proves a [`SessionBackend`](session_core::SessionBackend), yours too.
//!
//! Every clause of the [contract] has at least one case here, and every case names its clause. A
//! backend that passes can be put in the place of any other. For authors of backends; applications
//! do not need it. How to write one, step by step, is a page of the facade `session-store`.
//!
//! [contract]: session_core::_documentation::contract
//!
//! | you want to | use |
//! |---|---|
//! | prove a backend, and its admin API | implement [`Harness`], then [`Runner`] |
//! | see both whole, of a toy | [`_a_toy_store`] |
//! | run single cases, or count them | [`cases`], [`clauses`] |
//! | look for lost updates on a real server, for long | [`races`] |
//! | compare a backend with another, step by step | `differential` (feature of that name) |
//! | find an overridden provided method | [`RequiredOnly`], [`AdminRequiredOnly`] |
//!
//! # A test target
//! In the backend's `Cargo.toml`:
//!
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! and in `tests/conformance.rs`:
//!
//! ```no_run
//! use session_conformance::{Runner, Suite};
//! # async fn my_harness() -> impl session_conformance::Harness {
//! #     let none: std::sync::Arc<dyn session_conformance::Harness> = unreachable!();
//! #     none
//! # }
//!
//! fn main() -> std::process::ExitCode {
//!     Runner::new().suite(Suite::new("my_store", my_harness)).run()
//! }
//! ```
//!
//! Then `cargo test` runs every case by every [`CallPath`], and takes its usual arguments.
//!
//! # A harness
//! A [`Harness`] makes backends over one store and reaches behind them: it plants and dumps raw
//! keys, and lets time pass, so that expiry is exercised without sleeping. Each case gets a harness
//! of its own, with an empty store or an unused key prefix, so all cases run in parallel.
//!
//! A store need not offer a [`SessionAdmin`](session_core::SessionAdmin), nor a harness be able to
//! break it: see [`Suite::without_admin`] and [`Suite::without_faults`].
//!
//! What others keep in the same store (below another key prefix, say) must not be shown by an admin
//! API, so harnesses may share one; the more they put there, the longer scans take.
//!
//! # How time is checked
//! Where the clock stands still (a memory backend's manual clock) every expiry is expected to the
//! millisecond. On a server in real time, milliseconds pass while a case runs: it reads the
//! server's clock before and after and accepts what lies between, nothing else. TTLs are long
//! enough that a slow machine does not let them run out.
//!
//! # What it needs
//! Cases and races run on a tokio runtime with its timer, and spawn tasks. They sleep for nothing
//! but a backend that has to notice that its store is back; one race, of sessions that expire by
//! themselves, lists them for some seconds until they have. The suite is not bound by semantic
//! versioning: a later version may find more.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "the crate consists of tests: a panic is how a case fails"
)]

mod case;
pub mod clauses;
#[cfg(feature = "differential")]
pub mod differential;
mod harness;
mod kit;
mod list;
mod path;
pub mod races;
mod required_only;
mod runner;

/// A backend and its harness, whole: a toy that keeps sessions in files, in its test target.
///
/// ```no_run
#[doc = include_str!("../tests/file_store.rs")]
/// ```
pub mod _a_toy_store {}

pub use self::case::{Case, CaseFn, Needs};
#[cfg(feature = "memory")]
pub use self::harness::MemoryHarness;
pub use self::harness::{Breakable, Harness, RawHash, RawKey, RawValue, Switch};
pub use self::list::cases;
pub use self::path::{CallPath, Via};
pub use self::required_only::{AdminRequiredOnly, RequiredOnly};
pub use self::runner::{Runner, Suite};

//! The suite that proves a [`SessionBackend`](session_core::SessionBackend), yours too.
//!
//! Every clause of the [contract] has at least one case here, and every case names its clause. A
//! backend that passes can be put in the place of any other.
//!
//! [contract]: session_core::_documentation::contract
//!
//! | you want to | use |
//! |---|---|
//! | prove a backend | implement [`Harness`], then [`conformance_tests!`] |
//! | prove its administration | return it from [`Harness::admin`], then [`administration_tests!`] |
//! | run single cases, or count them | [`CASES`], [`ADMIN_CASES`], [`clauses`] |
//! | look for lost updates on a real server, for long | [`races`] |
//! | compare a backend with another, step by step | `differential` (feature of that name) |
//! | find an overridden provided method | [`RequiredOnly`], [`AdminRequiredOnly`] |
//!
//! # A harness
//! A [`Harness`] makes backends over one store and reaches behind them: it plants and dumps raw
//! keys, and lets time pass, so that expiry is exercised without sleeping. Each case gets a harness
//! of its own, with an empty store or an unused key prefix, so all cases run in parallel.
//!
//! # An administration
//! A store need not offer a [`SessionAdmin`](session_core::SessionAdmin), so its cases are a list
//! of their own. One that does returns from its harness's [`Harness::admin`] an administration of the
//! store that the harness's backends are over, and uses [`administration_tests!`] in a module
//! beside [`conformance_tests!`], or in a file of its own. What others keep in the same store
//! (below another key prefix, say) must not be shown, so harnesses may share one; the more they put
//! there, the longer scans take.
//!
//! # How time is checked
//! Where the clock stands still (a memory backend's manual clock) every expiry is expected to the
//! millisecond. On a server in real time, milliseconds pass while a case runs: it reads the
//! server's clock before and after and accepts what lies between, nothing else. TTLs are long
//! enough that a slow machine does not let them run out.
//!
//! # What it needs
//! Cases and races run on a tokio runtime and spawn tasks. They never sleep; one race, of sessions
//! that expire by themselves, lists them for some seconds until they have. The suite is not bound
//! by semantic versioning: a later version may find more.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "the crate consists of tests: a panic is how a case fails"
)]

#[macro_use]
mod macros;
#[macro_use]
mod list;
#[macro_use]
mod admin_list;

mod case;
pub mod clauses;
#[cfg(feature = "differential")]
pub mod differential;
mod harness;
mod kit;
mod path;
pub mod races;
mod required_only;

pub use self::case::{Case, CaseFn, run_case};
#[cfg(feature = "memory")]
pub use self::harness::MemoryHarness;
pub use self::harness::{Harness, RawHash, RawKey, RawValue};
pub use self::path::{CallPath, Via};
pub use self::required_only::{AdminRequiredOnly, RequiredOnly};

/// All cases about a backend, in the order of the contract.
pub const CASES: &[Case] = __cases! { __table_of_cases };

/// All cases about an administration, in the order of the contract.
pub const ADMIN_CASES: &[Case] = __admin_cases! { __table_of_cases };

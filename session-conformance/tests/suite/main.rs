//! The suite, tested: on a backend that keeps the contract, and on many that break it.

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
mod mutants;
mod races;
mod reference;

/// The reference passes every case, by every path.
mod conformance {
    use crate::reference::ReferenceHarness;

    session_conformance::conformance_tests!(ReferenceHarness::flawless());
}

/// So does its administration.
mod administration {
    use crate::reference::ReferenceHarness;

    session_conformance::administration_tests!(ReferenceHarness::flawless());
}

/// So does one in real time.
mod conformance_in_real_time {
    use crate::reference::ReferenceHarness;

    session_conformance::conformance_tests!(ReferenceHarness::ticking());
}

/// And its administration.
mod administration_in_real_time {
    use crate::reference::ReferenceHarness;

    session_conformance::administration_tests!(ReferenceHarness::ticking());
}

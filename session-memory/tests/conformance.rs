//! The conformance suite.

use session_conformance::MemoryHarness;

session_conformance::conformance_tests!(MemoryHarness::new());

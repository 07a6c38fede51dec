//! The conformance suite.

use session_memory::MemoryHarness;

session_conformance::conformance_tests!(MemoryHarness::new());

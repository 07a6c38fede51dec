//! The conformance suite of the administration.

use session_memory::MemoryHarness;

session_conformance::administration_tests!(MemoryHarness::new());

//! The conformance suite of the admin.

use session_memory::MemoryHarness;

session_conformance::administration_tests!(MemoryHarness::new());

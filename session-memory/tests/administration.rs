//! The conformance suite of the admin.

use session_conformance::MemoryHarness;

session_conformance::administration_tests!(MemoryHarness::new());

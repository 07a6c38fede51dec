//! The conformance suite, and its races: many rounds, checked by what the operations returned.

use std::process::ExitCode;

use session_conformance::{MemoryHarness, Runner, Suite, races};

fn main() -> ExitCode {
    let suite = Suite::new("memory", || async { MemoryHarness::new() });
    let mut runner = Runner::new().suite(suite);
    for (name, race) in races::ALL {
        runner = runner.test(&format!("races::{name}"), move || async move {
            println!("{}", race(&MemoryHarness::new(), races::rounds()).await);
        });
    }
    runner.run()
}

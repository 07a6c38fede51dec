//! A case, and how it is run.

use std::fmt;
use std::pin::Pin;

use crate::harness::Harness;
use crate::path::{CallPath, Via};

/// What a case does: it panics where the backend breaks its clause.
///
/// A case runs on a tokio runtime and spawns tasks; it never sleeps.
pub type CaseFn = for<'a> fn(&'a dyn Harness) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// One case of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// The clause of the contract that it proves, as `TTL-1`.
    pub clause: &'static str,
    /// The module of [`clauses`](crate::clauses) that it stands in.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Runs it.
    pub run: CaseFn,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}::{}", self.clause, self.module, self.name)
    }
}

/// Runs one case on a multi-threaded runtime of its own: what [`conformance_tests!`] and
/// [`administration_tests!`] make their tests of.
///
/// [`conformance_tests!`]: crate::conformance_tests
/// [`administration_tests!`]: crate::administration_tests
///
/// # Panics
/// When the case fails, or when there is no runtime to be had.
pub fn run_case<H: Harness>(case: Case, path: CallPath, harness: impl Future<Output = H>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a tokio runtime");
    // Shown when the case fails.
    eprintln!("{case:?}");
    runtime.block_on(async {
        let harness = Via::new(path, harness.await);
        (case.run)(&harness).await;
    });
}

//! A case, and how it is run.

use std::fmt;
use std::pin::Pin;

use crate::harness::Harness;

/// What a case does: it panics where the backend breaks its clause.
///
/// A case runs on a tokio runtime with its timer, and spawns tasks.
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
    /// What it needs of the harness beyond a backend.
    pub needs: Needs,
    /// Runs it.
    pub run: CaseFn,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}::{}", self.clause, self.module, self.name)
    }
}

/// What a case needs of the harness beyond a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// An admin API, which a store need not offer.
    Admin,
    /// A store that can be broken.
    Faults,
}

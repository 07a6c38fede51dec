//! A case, and how it is run.

use std::fmt;
use std::pin::Pin;

use crate::harness::Harness;

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
    /// Whether it is about an admin API, which a store need not offer.
    pub needs_admin: bool,
    /// Runs it.
    pub run: CaseFn,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}::{}", self.clause, self.module, self.name)
    }
}

/// The cases about a backend, in the order of the contract.
const BACKEND: &[Case] = __cases! { __table_of_cases, false };

/// The cases about an admin API, in the order of the contract.
const ADMIN: &[Case] = __admin_cases! { __table_of_cases, true };

/// All cases, in the order of the contract.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    BACKEND.iter().chain(ADMIN)
}

//! Backends with one plausible defect each: the suite must find it, in the cases of the clause that
//! the defect breaks.

mod change;
mod dead;
mod expiry;
mod identity;
mod lifetime;
mod limits;
mod listing;
mod operation;
mod quota;
mod record;
mod revocation;
mod rotation;
mod touch;
mod validity;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use session_conformance::{CASES, Case};

use crate::reference::{Flaw, ReferenceHarness};

/// A defect, and the clause whose cases must find it.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    name: &'static str,
    clause: &'static str,
    flaw: fn() -> Arc<dyn Flaw>,
}

/// Declares mutants: their flaws, their table `ALL`, and one test for each.
macro_rules! mutants {
    ($(
        $(#[doc = $doc:literal])+
        $clause:literal $name:ident $(($state:ty))? { $($body:tt)* }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Default)]
            struct $name $(($state))?;

            #[session_core::async_trait]
            impl crate::reference::Flaw for $name { $($body)* }
        )+

        pub(super) const ALL: &[super::Mutant] = &[$(
            super::Mutant {
                name: stringify!($name),
                clause: $clause,
                flaw: || std::sync::Arc::new($name::default()),
            },
        )+];

        #[allow(non_snake_case, reason = "a test has the name of its mutant")]
        mod is_killed {$(
            #[test]
            fn $name() {
                crate::mutants::kill(stringify!($name), super::ALL);
            }
        )+}
    };
}
pub(crate) use mutants;

/// A backend that forwards the required steps to the reference in its field, with these methods of
/// its own.
macro_rules! wrapper {
    ($name:ident { $($own:tt)* }) => {
        struct $name(crate::reference::Reference);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        crate::mutants::forward! { $name { $($own)* } }
    };
}
pub(crate) use wrapper;

macro_rules! forward {
    ($name:ident { $($own:tt)* }) => {
        #[session_core::async_trait]
        impl session_core::SessionBackend for $name {
            async fn insert(
                &self,
                request: &session_core::steps::InsertRequest,
            ) -> session_core::Result<session_core::steps::InsertAnswer> {
                self.0.insert(request).await
            }

            async fn read(
                &self,
                request: &session_core::steps::ReadRequest,
            ) -> session_core::Result<Option<session_core::SessionRecord>> {
                self.0.read(request).await
            }

            async fn write(
                &self,
                request: &session_core::steps::WriteRequest,
            ) -> session_core::Result<session_core::steps::WriteAnswer> {
                self.0.write(request).await
            }

            async fn rename(
                &self,
                request: &session_core::steps::RenameRequest,
            ) -> session_core::Result<session_core::steps::RenameAnswer> {
                self.0.rename(request).await
            }

            async fn remove(
                &self,
                request: &session_core::steps::RemoveRequest,
            ) -> session_core::Result<bool> {
                self.0.remove(request).await
            }

            async fn list(
                &self,
                request: &session_core::steps::ListRequest,
            ) -> session_core::Result<Vec<session_core::SessionSummary>> {
                self.0.list(request).await
            }

            async fn revoke(
                &self,
                request: &session_core::steps::RevokeRequest,
            ) -> session_core::Result<u64> {
                self.0.revoke(request).await
            }

            async fn ping(&self) -> session_core::Result<()> {
                self.0.ping().await
            }

            fn successor_id(
                &self,
                old: &session_core::SessionId,
            ) -> session_core::Result<session_core::SessionId> {
                self.0.successor_id(old)
            }

            $($own)*
        }
    };
}
pub(crate) use forward;

/// The policy of a wrapper that does not change it.
macro_rules! same_policy {
    () => {
        fn policy(&self) -> &session_core::SessionPolicy {
            self.0.policy()
        }
    };
}
pub(crate) use same_policy;

fn all() -> Vec<Mutant> {
    let groups = [
        identity::ALL,
        record::ALL,
        validity::ALL,
        expiry::ALL,
        touch::ALL,
        write::ALL,
        change::ALL,
        dead::ALL,
        rotation::ALL,
        lifetime::ALL,
        listing::ALL,
        revocation::ALL,
        quota::ALL,
        limits::ALL,
        operation::ALL,
    ];
    groups.concat()
}

/// A new flaw of this name.
#[cfg(feature = "differential")]
pub(crate) fn flaw(name: &str) -> Arc<dyn Flaw> {
    let all = all();
    let mutant = all.iter().find(|mutant| mutant.name == name).unwrap();
    (mutant.flaw)()
}

/// Whether a case fails. On one thread, where tasks take turns at each `yield_now`, so that a race is
/// lost every time.
fn fails(case: &Case, harness: ReferenceHarness) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let run = case.run;
    let result = runtime.block_on(async { tokio::spawn(async move { run(&harness).await }).await });
    result.is_err_and(|error| error.is_panic())
}

/// The case that finds a mutant, if one of its clause does.
fn killer(
    mutant: &Mutant,
    harness: fn(Arc<dyn Flaw>) -> ReferenceHarness,
) -> Option<&'static Case> {
    let mut cases = CASES.iter().filter(|case| case.clause == mutant.clause);
    cases.find(|case| fails(case, harness((mutant.flaw)())))
}

/// Runs the clause's cases against a mutant, and fails when none of them does.
fn kill(name: &str, mutants: &[Mutant]) {
    let mutant = mutants.iter().find(|mutant| mutant.name == name).unwrap();
    let clause = mutant.clause;
    match killer(mutant, ReferenceHarness::with) {
        Some(case) => println!("{name} is killed by {case:?}"),
        None => panic!("{name} survives the cases of {clause}"),
    }
}

#[test]
fn every_clause_has_a_mutant() {
    let names: BTreeSet<_> = all().iter().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), all().len(), "two mutants of one name");
    let tested: BTreeSet<_> = all().iter().map(|mutant| mutant.clause).collect();
    let clauses: BTreeSet<_> = CASES.iter().map(|case| case.clause).collect();
    let untested: Vec<_> = clauses.difference(&tested).collect();
    assert!(untested.is_empty(), "no mutant for {untested:?}");
    println!("{} mutants of {} clauses", all().len(), clauses.len());
}

#[test]
fn the_reference_without_a_flaw_passes_on_one_thread() {
    for case in CASES {
        assert!(!fails(case, ReferenceHarness::flawless()), "{case:?}");
    }
}

/// A millisecond cannot be judged where time does not stand still; everything else can.
#[test]
fn in_real_time_only_milliseconds_escape() {
    let mutants = all();
    let survivors: BTreeSet<_> = mutants
        .iter()
        .filter(|mutant| killer(mutant, ReferenceHarness::ticking_with).is_none())
        .map(|mutant| mutant.name)
        .collect();
    let expected = BTreeSet::from([
        "EndsAMillisecondEarly",
        "LivesThroughItsDeadline",
        "TouchesAMillisecondLate",
    ]);
    assert_eq!(survivors, expected);
}

//! Backends with one defect each, of those that authors of backends make and no tool does: the
//! suite must find it, by the cases of each clause that the defect breaks.
//!
//! (What a tool makes, a `<` for a `<=`, it makes of the backend in memory: `scripts/mutants`.)

mod admin;
mod fault;
mod identity;
mod life;
mod paging;
mod principal;
mod quota;
mod rotation;
mod seeing;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use session_conformance::{CallPath, Case, Harness, Via, cases};

use crate::flawed::{Flaw, FlawedHarness};

/// A defect, and the clauses whose cases must find it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mutant {
    name: &'static str,
    clauses: &'static [&'static str],
    flaw: fn() -> Arc<dyn Flaw>,
}

/// Declares mutants: their flaws, their table `ALL`, and one test for each.
macro_rules! mutants {
    ($(
        $(#[doc = $doc:literal])+
        [$($clause:literal)+] $name:ident $(($state:ty))? { $($body:tt)* }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Default)]
            struct $name $(($state))?;

            #[session_core::async_trait]
            impl crate::flawed::Flaw for $name { $($body)* }
        )+

        pub(super) const ALL: &[super::Mutant] = &[$(
            super::Mutant {
                name: stringify!($name),
                clauses: &[$($clause),+],
                flaw: || std::sync::Arc::new($name::default()),
            },
        )+];

        #[allow(non_snake_case, reason = "a test has the name of its mutant")]
        mod is_found {$(
            #[test]
            fn $name() {
                crate::mutants::assert_found(stringify!($name));
            }
        )+}
    };
}
use mutants;

fn all() -> Vec<Mutant> {
    let groups = [
        identity::ALL,
        life::ALL,
        write::ALL,
        rotation::ALL,
        seeing::ALL,
        principal::ALL,
        paging::ALL,
        quota::ALL,
        admin::ALL,
        fault::ALL,
    ];
    groups.concat()
}

fn named(name: &str) -> Mutant {
    let mut all = all().into_iter();
    all.find(|mutant| mutant.name == name).unwrap()
}

/// A new flaw of this name.
pub(crate) fn flaw(name: &str) -> Arc<dyn Flaw> {
    (named(name).flaw)()
}

/// Whether a case fails. On one thread, where tasks take turns at each `yield_now`, so that a race
/// is lost every time; and in a time that passes at once when all wait for it.
fn fails(case: &Case, harness: impl Harness) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let run = case.run;
    let result = runtime.block_on(async { tokio::spawn(async move { run(&harness).await }).await });
    result.is_err_and(|error| error.is_panic())
}

/// The case of a clause that finds a mutant, if one does.
fn finder(mutant: &Mutant, clause: &str, path: CallPath) -> Option<&'static Case> {
    let mut cases = cases().filter(|case| case.clause == clause);
    let harness = || Via::new(path, FlawedHarness::new((mutant.flaw)()));
    cases.find(|case| fails(case, harness()))
}

fn assert_found(name: &str) {
    let mutant = named(name);
    for clause in mutant.clauses {
        match finder(&mutant, clause, CallPath::Direct) {
            Some(case) => println!("{name} is found by {case:?}"),
            None => panic!("{name} is not found by the cases of {clause}"),
        }
    }
}

#[test]
fn every_clause_has_a_mutant() {
    let names: BTreeSet<_> = all().iter().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), all().len(), "two mutants of one name");
    let tested: BTreeSet<_> = all().iter().flat_map(|mutant| mutant.clauses).collect();
    let clauses: BTreeSet<_> = cases().map(|case| &case.clause).collect();
    let untested: Vec<_> = clauses.difference(&tested).collect();
    assert!(untested.is_empty(), "no mutant for {untested:?}");
    println!("{} mutants of {} clauses", all().len(), tested.len());
}

/// A provided method that a backend overrides is called by its own path only.
#[test]
fn an_overridden_method_shows_between_the_paths() {
    let mutant = named("OverridesProvidedMethods");
    for clause in mutant.clauses {
        let found = finder(&mutant, clause, CallPath::RequiredOnly);
        assert!(found.is_none(), "{found:?}");
    }
}

/// Without a flaw the cases pass, on one thread too.
#[test]
fn the_backend_in_memory_passes_on_one_thread() {
    #[derive(Debug)]
    struct Flawless;
    impl Flaw for Flawless {}
    for case in cases() {
        let harness = FlawedHarness::new(Arc::new(Flawless));
        assert!(!fails(case, harness), "{case:?}");
    }
}

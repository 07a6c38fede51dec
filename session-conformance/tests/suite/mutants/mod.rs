//! Backends with one plausible defect each: the suite must find it, in the cases of the clause that
//! the defect breaks.

mod admin;
mod binding;
mod change;
mod count;
mod declare;
mod ended;
mod expiry;
mod identity;
mod lifetime;
mod limits;
mod listing;
mod looking;
mod operation;
mod operator;
mod page;
mod parts;
mod quota;
mod record;
mod revocation;
mod rotation;
mod target;
mod throttle;
mod touch;
mod validity;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use session_conformance::{ADMIN_CASES, CASES, Case};

use self::declare::{forward, mutants, same_policy, wrapper};
use crate::reference::{Flaw, ReferenceHarness};

/// A defect, and the clause whose cases must find it.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    name: &'static str,
    clause: &'static str,
    flaw: fn() -> Arc<dyn Flaw>,
}

fn all() -> Vec<Mutant> {
    let groups = [
        identity::ALL,
        record::ALL,
        validity::ALL,
        expiry::ALL,
        touch::ALL,
        throttle::ALL,
        write::ALL,
        change::ALL,
        parts::ALL,
        target::ALL,
        ended::ALL,
        rotation::ALL,
        lifetime::ALL,
        listing::ALL,
        binding::ALL,
        revocation::ALL,
        quota::ALL,
        limits::ALL,
        operation::ALL,
        page::ALL,
        looking::ALL,
        count::ALL,
        operator::ALL,
        admin::ALL,
    ];
    groups.concat()
}

/// A new flaw of this name.
pub(crate) fn flaw(name: &str) -> Arc<dyn Flaw> {
    let all = all();
    let mutant = all.iter().find(|mutant| mutant.name == name).unwrap();
    (mutant.flaw)()
}

/// The cases about a backend, and those about an administration.
fn cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter().chain(ADMIN_CASES)
}

/// Whether a case fails. On one thread, where tasks take turns at each `yield_now`, so that a race
/// is lost every time.
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
    let mut cases = cases().filter(|case| case.clause == mutant.clause);
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
    let clauses: BTreeSet<_> = cases().map(|case| case.clause).collect();
    let untested: Vec<_> = clauses.difference(&tested).collect();
    assert!(untested.is_empty(), "no mutant for {untested:?}");
    println!("{} mutants of {} clauses", all().len(), clauses.len());
}

#[test]
fn the_reference_without_a_flaw_passes_on_one_thread() {
    for case in cases() {
        assert!(!fails(case, ReferenceHarness::flawless()), "{case:?}");
    }
}

/// A millisecond cannot be checked where time does not stand still; everything else can.
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

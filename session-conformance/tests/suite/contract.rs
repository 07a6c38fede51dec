//! The contract's clauses and the suite's cases.

use std::collections::{BTreeMap, BTreeSet};

use session_conformance::{Needs, cases};

const CONTRACT: &str = include_str!("../../../session-core/CONTRACT.md");

/// The clauses that the contract states, as `**TTL-1**`, in its order.
fn clauses() -> Vec<&'static str> {
    let bold = CONTRACT.split("**").skip(1).step_by(2);
    let is_clause = |text: &&str| {
        text.split_once('-').is_some_and(|(group, number)| {
            group.len() >= 2
                && group.bytes().all(|b| b.is_ascii_uppercase())
                && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    bold.filter(is_clause).collect()
}

#[test]
fn every_clause_has_a_case_and_every_case_a_clause() {
    let stated: BTreeSet<_> = clauses().into_iter().collect();
    assert!(stated.len() > 50, "the contract was not understood");
    let proven: BTreeSet<_> = cases().map(|case| case.clause).collect();
    let unproven: Vec<_> = stated.difference(&proven).collect();
    let unstated: Vec<_> = proven.difference(&stated).collect();
    assert!(unproven.is_empty(), "clauses without a case: {unproven:?}");
    assert!(unstated.is_empty(), "cases of no clause: {unstated:?}");
    println!("{} clauses, {} cases", stated.len(), cases().count());
}

/// A store without an admin API passes what does not need one.
#[test]
fn what_cases_need_follows_from_their_clauses() {
    for case in cases() {
        let group = case.clause.split('-').next().unwrap();
        let may_need: &[Needs] = match group {
            "ADM" => &[Needs::Admin],
            "FLT" => &[Needs::Faults],
            // What holds for every operation holds for those of the admin API.
            "OPS" => &[Needs::Nothing, Needs::Admin],
            // An operator is one of those whose changes are seen.
            "SEE" => &[Needs::Nothing, Needs::Admin],
            _ => &[Needs::Nothing],
        };
        assert!(may_need.contains(&case.needs), "{case:?}");
    }
}

#[test]
fn no_clause_is_stated_twice() {
    let all = clauses();
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn every_public_function_of_the_clauses_is_a_case() {
    let mut names = BTreeMap::new();
    for case in cases() {
        let earlier = names.insert((case.module, case.name), case.clause);
        assert_eq!(earlier, None, "{case:?} is listed twice");
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/clauses");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else {
                continue;
            };
            let name = rest.split('(').next().unwrap();
            let listed = names.contains_key(&(module.as_str(), name));
            assert!(listed, "{module}::{name} is in no list");
        }
    }
}

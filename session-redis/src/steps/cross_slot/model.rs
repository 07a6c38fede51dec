//! The protocol as a model: the steps as they are, over a server in memory that runs the scripts as
//! they are, in all orders of the calls of a few processes. Each call may be refused; its reply may
//! be lost, and then it is run at any later time, or never; a process may run out of time, or
//! crash.

mod explore;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_core::steps::{InsertRequest, RemoveRequest, RenameRequest, Target, WriteRequest};
use session_core::{
    Clock, Delta, Lifetime, NewSession, OnExcess, Principal, PrincipalLimit, PublicId,
    SessionCount, SessionId, SessionPolicy, SessionTtl, StoredSession,
};

use self::explore::{Backends, Gone, Op, Scenario, Step, explore};
use self::server::{PREFIX, Server, Text};
use crate::key_format::KeyFormat;
use crate::keys::suffix_in;
use crate::slot::hash_slot;

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }
}

/// The ids of one letter are in one hash slot, in either format.
fn id(name: &str) -> SessionId {
    let of_letter = [name.as_bytes()[0]; 32];
    let slot = |bytes: &[u8; 32]| {
        let suffix = suffix_in(KeyFormat::Plain, &SessionId::from_bytes(bytes));
        hash_slot(&[PREFIX, &suffix].concat())
    };
    let mut bytes = of_letter;
    bytes[3..].fill(name.as_bytes()[1]);
    let mut number = 0_u32;
    while slot(&bytes) != slot(&of_letter) {
        number += 1;
        bytes[28..].copy_from_slice(&number.to_be_bytes());
    }
    SessionId::from_bytes(&bytes)
}

/// Whether it is a session that is stored plainly.
fn is_plain(name: &str) -> bool {
    name.starts_with('p')
}

fn key(name: &str) -> Text {
    let format = match is_plain(name) {
        true => KeyFormat::Plain,
        false => KeyFormat::Hashed,
    };
    [PREFIX, &suffix_in(format, &id(name))].concat()
}

fn public_id(name: &str) -> PublicId {
    PublicId::parse(format!("{name:A<16}")).unwrap()
}

fn who(name: &str) -> Principal {
    Principal::new(name).unwrap()
}

fn insert(policy: &SessionPolicy, name: &str, new: NewSession) -> Step {
    let mut request = InsertRequest::new(policy, id(name), new).unwrap();
    let mut fields = BTreeMap::from_iter(request.session.to_hash());
    if let Some(drawn) = fields.get_mut(&b"session_public_id"[..]) {
        *drawn = public_id(name).as_str().into();
        // Whoever is bound has one; the step sets another.
        fields.insert("session_deadline".into(), "9999999999999".into());
    }
    request.session = StoredSession::parse(fields).unwrap();
    Step::Insert(request)
}

fn write(policy: &SessionPolicy, of: &str, to: &str, name: &str) -> Step {
    let delta = Delta::new().bind(who(to));
    let mut request = WriteRequest::new(policy, id(of), delta).unwrap();
    request.write.public_id = Some(public_id(name));
    Step::Write(request)
}

fn rotate(policy: &SessionPolicy, from: &str, to: &str, delta: Delta) -> Step {
    let mut request = RenameRequest::new(policy, id(from), id(to), delta).unwrap();
    let public_id = request.write.delta.principal().map(|_| public_id(to));
    request.write.public_id = public_id;
    Step::Rename(request)
}

/// What a text says. A session's public id is named by its first id, or that of its log-in; that of
/// a log-in by a write by both id and principal.
fn op(policy: &SessionPolicy, text: &str) -> Op {
    let anns = || NewSession::default().bind(who("ann"));
    let lifetime = |text: &str| Lifetime::from_secs(text.parse().unwrap()).unwrap();
    let ttl = |text: &str| SessionTtl::from_secs(text.parse().unwrap()).unwrap();
    let bound = |to: &str, name: &str| (who(to), public_id(name));
    let binds = |of: &str, to: &str, name: &str| Some((key(of), bound(to, name)));
    let ends = |of: &str| Some(Gone::Key(key(of)));
    let words: Vec<&str> = text.split(' ').collect();
    let (step, binds, ends) = match words[..] {
        ["visit", a] => (insert(policy, a, NewSession::default()), None, None),
        ["visit", a, "for", secs] => {
            let new = NewSession::default().max_lifetime(lifetime(secs));
            (insert(policy, a, new), None, None)
        }
        ["login", a] => (insert(policy, a, anns()), binds(a, "ann", a), None),
        ["login", a, "for", secs] => {
            let new = anns().max_lifetime(lifetime(secs));
            (insert(policy, a, new), binds(a, "ann", a), None)
        }
        ["login", a, "idle", secs] => {
            let new = anns().ttl(ttl(secs));
            (insert(policy, a, new), binds(a, "ann", a), None)
        }
        ["write", a, to] => {
            let name = format!("{a}{to}");
            (write(policy, a, to, &name), binds(a, to, &name), None)
        }
        ["rotate", a, b] => (rotate(policy, a, b, Delta::new()), None, ends(a)),
        ["rotate", a, b, to] => {
            let delta = Delta::new().bind(who(to));
            (rotate(policy, a, b, delta), binds(b, to, b), ends(a))
        }
        ["delete", a] => (Step::Remove(RemoveRequest::new(id(a))), None, ends(a)),
        ["end", of, name] => {
            let (principal, public_id) = bound(of, name);
            let target = Target::PublicId {
                principal,
                public_id,
            };
            let step = Step::Remove(RemoveRequest::new(target));
            (step, None, Some(Gone::Bound(bound(of, name))))
        }
        ["revoke", of] => (Step::Revoke(who(of), None), None, None),
        ["revoke", of, "but", a] => (Step::Revoke(who(of), Some((id(a), key(a)))), None, None),
        ["list", of] => (Step::List(who(of)), None, None),
        _ => panic!("what is {text}?"),
    };
    let is_plain = words.get(1).is_some_and(|name| is_plain(name));
    Op {
        step,
        binds,
        ends,
        is_plain,
    }
}

/// Where there are two formats the first process stores sessions plainly, and their names begin
/// with `p`: `option, option; initial operation, …: operation, … of a process | … of another one`.
fn scenario(name: &'static str) -> Scenario {
    let (options, ops) = name.split_once("; ").unwrap_or(("", name));
    let (initial, processes) = ops.split_once(": ").unwrap();
    let mut policy = SessionPolicy::new().with_clock(Arc::new(Fixed));
    let mut scenario = Scenario {
        name,
        faults: 1,
        ..Scenario::default()
    };
    let max = SessionCount::new(2).unwrap();
    for option in options.split(", ") {
        match option {
            "" => {}
            "no fault" => scenario.faults = 0,
            "two faults" => scenario.faults = 2,
            "two formats" => scenario.has_two_formats = true,
            "two are left" => scenario.left = Some(2),
            "a minute passes" => scenario.times = Some((60_000 - 1, 5)),
            "evicts" | "refuses" => {
                let on_excess = match option {
                    "evicts" => OnExcess::EvictOldest,
                    _ => OnExcess::Refuse,
                };
                scenario.limit = Some(2);
                policy = policy.with_principal_limit(PrincipalLimit { max, on_excess });
            }
            _ => panic!("what is {option}?"),
        }
    }
    let all = |texts: &str| texts.split(", ").map(|it| op(&policy, it)).collect();
    let mut of_each = std::iter::once(initial)
        .chain(processes.split(" | "))
        .map(all);
    scenario.initial = of_each.next().unwrap();
    scenario.processes = of_each.collect();
    scenario
}

const REVOCATIONS: [&str; 21] = [
    "login a0: login b0 | login c0 | revoke ann",
    "login a0: rotate a0 a1 | rotate a0 a2 | revoke ann",
    "login a0: rotate a0 a1, rotate a1 a2 | revoke ann",
    "no fault; login a0: rotate a0 a1 | write a0 ann | revoke ann",
    "login a0: rotate a0 a1 | write a0 ann | end ann a0",
    "login a0: rotate a0 a1 | write a0 bob | revoke ann",
    "login a0: rotate a0 a1 bob | write a0 bob | revoke bob",
    "login a0: rotate a0 a1 | delete a0 | revoke ann",
    "login a0: rotate a0 a1, rotate a1 a2 | end ann a0",
    "login a0: write a0 bob, write a0 ann | revoke ann",
    "login a0: rotate a0 a1 ann | revoke ann",
    "login a0, login b0: write a0 ann | rotate b0 b1 | revoke ann but a0",
    "visit v0: rotate v0 v1 ann | write v0 ann | revoke ann",
    "visit v0: write v0 ann, rotate v0 v1 | revoke ann",
    "visit v0 for 86400: rotate v0 v1 ann | revoke ann",
    "visit v0 for 86400: write v0 ann | revoke ann",
    "evicts; login a0, login b0: login c0 | revoke ann",
    "a minute passes, no fault; login a0 idle 60: rotate a0 a1 | write a0 bob | revoke ann",
    "a minute passes; login a0 idle 60: rotate a0 a1 | revoke ann",
    "two formats, no fault; login a0: login p0 | rotate a0 a1 | revoke ann",
    "two formats; login p0, login a0: rotate p0 p1 | revoke ann",
];

const OTHERS: [&str; 18] = [
    "login a0: rotate a0 a1 | write a0 ann",
    "login a0: rotate a0 a1, delete a0 | list ann",
    "login a0: rotate a0 a1 | login c0 | list ann",
    "login a0: rotate a0 a1 | write a0 bob | list ann",
    "two faults; login b0: login a0, login a0 | list ann",
    "evicts, two are left; login a0, login b0: login c0 | login d0",
    "evicts, two are left; login a0, login b0: login c0 | rotate a0 a1",
    "evicts, two are left; login a0, login b0: login c0 | rotate b0 b1",
    "evicts, two are left; login a0, login b0: login c0 | write a0 ann",
    "evicts, two are left; login a0, login b0: login c0 | write b0 ann",
    "refuses, two are left; login a0, login b0, visit v0: write v0 ann | rotate a0 a1",
    "refuses; login a0, login b0: login c0 | login d0 | delete a0",
    "refuses; login a0, visit v0: write v0 ann | rotate v0 v1 ann | login c0",
    "a minute passes, refuses; login a0 for 60, login b0: rotate a0 a1 | login c0",
    "a minute passes; login a0 for 60: rotate a0 a1 | list ann",
    "two formats, no fault; login a0: login p0 | rotate a0 a1 | list ann",
    "two formats, a minute passes, no fault, evicts, two are left; login p0: login p1 | login b0",
    "two formats, refuses; login a0: login p0 | login b0",
];

/// Explores these, each with as many faults more as `SESSION_MODEL_FAULTS` says; how many states.
fn states(scenarios: &[&'static str], defect: (&str, &str)) -> Result<usize, String> {
    let backends = [false, true].map(|has_two_formats| Backends::new(3, has_two_formats));
    let more = std::env::var("SESSION_MODEL_FAULTS").map_or(0, |more| more.parse().unwrap());
    let mut states = 0;
    for name in scenarios {
        let mut scenario = scenario(name);
        scenario.faults += more;
        let backends = &backends[usize::from(scenario.has_two_formats)];
        let explored = explore(&scenario, backends, &mut Server::new(defect))?;
        println!("{explored:?}: {name}");
        states += explored.states;
    }
    Ok(states)
}

#[test]
fn sessions_are_revoked_in_all_orders() {
    let states = states(&REVOCATIONS, ("", ""));
    assert!(states.unwrap_or_else(|why| panic!("{why}")) > 10_000);
}

#[test]
fn sessions_are_listed_and_counted_in_all_orders() {
    let states = states(&OTHERS, ("", ""));
    assert!(states.unwrap_or_else(|why| panic!("{why}")) > 10_000);
}

/// What the protocol would be without one of its rules: a text of a script, and another in its
/// place.
#[test]
fn the_model_finds_what_it_should() {
    let unindexed = "a live session is not indexed";
    for (text, other, scenario, found) in [
        // The session before its entry; an entry that ends before its session, or of another login.
        (
            "if needed == '' or not deadline",
            "if true",
            "login a0: rotate a0 a1 | list ann",
            unindexed,
        ),
        (
            "and deadline <= tonumber(indexed_until)",
            "",
            "visit v0 for 86400: write v0 ann | revoke ann",
            unindexed,
        ),
        (
            "if indexed == needed",
            "if string.sub(indexed, 17) == string.sub(needed, 17)",
            "login a0: rotate a0 a1 | write a0 ann",
            unindexed,
        ),
        // Entries that are removed too early, or though they were added again.
        (
            "return age <= PENDING or age >= SECONDS - PENDING",
            "return false",
            "login a0: login b0 | list ann",
            unindexed,
        ),
        (
            "score_in(index, entry) == tonumber(score)",
            "true",
            "two faults; login b0: login a0, login a0 | list ann",
            unindexed,
        ),
        // Whoever the session is of.
        (
            "if is_listed(s) and s.principal == principal",
            "if true then return s end if s.principal == principal",
            "login a0: write a0 bob | revoke ann",
            "a session was ended that was not meant",
        ),
        (
            "if others >= tonumber(limit) then return",
            "if false then return",
            "refuses; login a0, login b0: login c0 | list ann",
            "there are more sessions than the limit",
        ),
    ] {
        let why = states(&[scenario], (text, other)).expect_err(text);
        assert!(why.contains(found), "{why}");
    }
}

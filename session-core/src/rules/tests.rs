//! The rules by themselves.

use super::*;
use crate::delta::Delta;
use crate::error::Limit;
use crate::field::FieldName;
use crate::fields::Fields;
use crate::lifetime::Lifetime;
use crate::limits::Limits;
use crate::principal::Principal;
use crate::public_id::PublicId;
use std::time::Duration;

const T0: UnixMillis = UnixMillis::new(1_000_000);

fn at(millis: u64) -> UnixMillis {
    T0.plus_millis(millis)
}

fn stamp() -> Timestamp {
    Timestamp::parse("2026-04-02T12:34:56Z").unwrap()
}

fn name(text: &'static str) -> FieldName {
    FieldName::new(text).unwrap()
}

fn state(ttl: u64) -> State {
    let ttl = SessionTtl::from_secs(ttl).unwrap();
    let fields = Fields::new().with(name("n"), 5).with(name("s"), "text");
    State {
        session: StoredSession::created(stamp(), ttl, fields),
        expires_at: Some(T0.plus_millis(ttl.as_millis())),
    }
}

fn public_id(byte: u8) -> PublicId {
    PublicId::from_digest(&[byte; 32])
}

fn change(delta: Delta) -> Write {
    Write {
        public_id: delta.principal().map(|_| public_id(7)),
        delta,
        now: stamp(),
        limits: Limits::default().with_fields(3),
        principal_lifetime: Lifetime::from_secs(100).unwrap(),
        principal_limit: None,
    }
}

#[test]
fn a_key_lives_through_its_last_millisecond_and_a_deadline_ends_at_its_first() {
    let mut state = state(10);
    assert!(state.is_live(at(10_000)));
    assert!(!state.is_live(at(10_001)));
    state.session.deadline = Some(at(5_000));
    assert!(state.is_live(at(4_999)));
    assert!(!state.is_live(at(5_000)));
}

#[test]
fn a_throttled_touch_is_due_by_age_clamped_to_half_the_ttl() {
    let state = state(10);
    let due = |secs, now| state.is_due(Touch::IfOlderThan(Duration::from_secs(secs)), now);
    assert!(!due(3, at(2_999)));
    assert!(due(3, at(3_000)));
    assert!(!due(60, at(4_999)));
    assert!(due(60, at(5_000)));
}

#[test]
fn a_throttled_touch_is_not_due_while_the_deadline_caps_and_due_without_expiry() {
    let mut state = state(10);
    let touch = Touch::IfOlderThan(Duration::from_secs(1));
    state.session.deadline = state.expires_at;
    assert!(!state.is_due(touch, at(9_000)));
    state.expires_at = None;
    assert!(state.is_due(touch, at(0)));
}

#[test]
fn one_refused_counter_changes_nothing() {
    let before = state(10);
    let delta = Delta::new()
        .increment(name("n"), 1)
        .increment(name("s"), 1)
        .set(name("x"), "y");
    assert_eq!(
        write(&before, &change(delta), T0),
        Err(Refusal::NotAnInteger)
    );
    let delta = Delta::new().increment(name("n"), i64::MAX);
    assert_eq!(write(&before, &change(delta), T0), Err(Refusal::Overflow));
}

#[test]
fn limits_refuse_growth_only() {
    let mut before = state(10);
    let grow = Delta::new().set(name("a"), "1").set(name("b"), "2");
    assert_eq!(
        write(&before, &change(grow.clone()), T0),
        Err(Refusal::Limit(Limit::Fields))
    );
    let swap = grow.remove(name("n"));
    assert!(write(&before, &change(swap), T0).is_ok());
    let many = (0..9).map(|n| {
        (
            FieldName::new(format!("f{n}")).unwrap(),
            FieldValue::from(n),
        )
    });
    Arc::make_mut(&mut before.session.fields).extend(many);
    assert!(write(&before, &change(Delta::new().set(name("s"), "new")), T0).is_ok());
}

#[test]
fn binding_fixes_a_deadline_and_caps_the_expiry_even_without_a_touch() {
    let principal = Principal::new("ann").unwrap();
    let delta = Delta::new().bind(principal.clone()).touch(Touch::Never);
    let (after, _) = write(&state(1_000), &change(delta), T0).unwrap();
    assert_eq!(after.session.principal(), Some(principal.clone()));
    assert_eq!(after.session.deadline, Some(at(100_000)));
    assert_eq!(after.expires_at, Some(at(100_000)));
    let again = Delta::new().bind(principal);
    let (later, _) = write(&after, &change(again), at(50_000)).unwrap();
    assert_eq!(later.session.deadline, Some(at(100_000)));
}

#[test]
fn a_new_ttl_sets_the_expiry_unless_the_write_is_no_use() {
    let ttl = SessionTtl::from_secs(60).unwrap();
    let (after, written) = write(&state(10), &change(Delta::new().ttl(ttl)), at(4_000)).unwrap();
    assert_eq!(after.expires_at, Some(at(64_000)));
    assert_eq!(written.ttl, Remaining::In(Duration::from_secs(60)));
    let (after, _) = write(
        &state(10),
        &change(Delta::new().ttl(ttl).touch(Touch::Never)),
        at(4_000),
    )
    .unwrap();
    assert_eq!(after.session.ttl, ttl);
    assert_eq!(after.expires_at, Some(at(10_000)));
}

#[test]
fn each_binding_is_a_log_in_of_its_own() {
    let ann = Principal::new("ann").unwrap();
    let bind = |byte| {
        let mut write = change(Delta::new().bind(ann.clone()));
        write.public_id = Some(public_id(byte));
        write
    };
    let (bound, _) = write(&state(1_000), &bind(1), at(1)).unwrap();
    assert_eq!(bound.session.public_id(), Some(public_id(1)));
    assert_eq!(bound.session.login_at(), Some(at(1)));
    let (used, _) = write(&bound, &change(Delta::new().set(name("x"), "")), at(2)).unwrap();
    assert_eq!(used.session.listing(), bound.session.listing());
    assert_eq!(used.session.login_at(), Some(at(1)));
    let (again, _) = write(&used, &bind(2), at(3)).unwrap();
    assert_eq!(again.session.public_id(), Some(public_id(2)));
    assert_eq!(again.session.login_at(), Some(at(3)));
    assert_eq!(again.session.deadline, bound.session.deadline);
    let (unbound, _) = write(&again, &change(Delta::new().unbind()), at(4)).unwrap();
    assert_eq!(unbound.session.principal(), None);
    assert_eq!(unbound.session.optional(), &Default::default());
    assert_eq!(unbound.session.deadline, bound.session.deadline);
    assert_eq!(unbound.session.fields(), again.session.fields());
}

#[test]
fn a_log_in_that_brings_a_lifetime_moves_the_deadline_both_ways() {
    let ann = Principal::new("ann").unwrap();
    let bind_for = |secs| {
        let lifetime = Lifetime::from_secs(secs).unwrap();
        change(
            Delta::new()
                .bind_for(ann.clone(), lifetime)
                .touch(Touch::Never),
        )
    };
    let (long, _) = write(&state(10), &bind_for(50), at(0)).unwrap();
    assert_eq!(long.session.deadline, Some(at(50_000)));
    assert_eq!(long.expires_at, Some(at(10_000)));
    let (short, _) = write(&long, &bind_for(5), at(1_000)).unwrap();
    assert_eq!(short.session.deadline, Some(at(6_000)));
    assert_eq!(short.expires_at, Some(at(6_000)));
    let (longer, _) = write(&short, &bind_for(100), at(2_000)).unwrap();
    assert_eq!(longer.session.deadline, Some(at(102_000)));
    assert_eq!(longer.expires_at, Some(at(6_000)), "the write was no use");
    let mut immortal = state(10);
    immortal.expires_at = None;
    let (bound, _) = write(&immortal, &bind_for(5), at(0)).unwrap();
    assert_eq!(bound.expires_at, Some(at(5_000)));
}

#[test]
fn a_session_whose_principal_changes_starts_again() {
    let [ann, bob] = ["ann", "bob"].map(|name| Principal::new(name).unwrap());
    let later = Timestamp::parse("2026-05-05T05:05:05Z").unwrap();
    let log_in = |who: &Principal| {
        let delta = Delta::new()
            .bind(who.clone())
            .keep_only_if_principal_changes([name("s")]);
        Write {
            now: later,
            ..change(delta)
        }
    };
    let mut before = state(1_000);
    before.session.hidden = [(vec![0xff].into(), "hidden".into())].into();

    let (of_ann, _) = write(&before, &log_in(&ann), at(0)).unwrap();
    assert_eq!(of_ann.session.fields().len(), 2, "nobody's before");
    assert_eq!(of_ann.session.hidden.len(), 1);
    let (again, _) = write(&of_ann, &log_in(&ann), at(10)).unwrap();
    assert_eq!(again.session.fields().len(), 2, "the same principal's");
    assert_eq!(again.session.created_at, stamp().to_value());
    assert_eq!(again.session.deadline, Some(at(100_000)));

    let (of_bob, _) = write(&again, &log_in(&bob), at(20)).unwrap();
    assert_eq!(
        of_bob.session.fields(),
        &Fields::new().with(name("s"), "text")
    );
    assert_eq!(of_bob.session.hidden.len(), 0);
    assert_eq!(of_bob.session.created_at, later.to_value());
    assert_eq!(of_bob.session.deadline, Some(at(100_020)));

    let unbind = Delta::new().unbind().keep_only_if_principal_changes([]);
    let (of_nobody, _) = write(&again, &change(unbind.clone()), at(20)).unwrap();
    assert!(of_nobody.session.fields().is_empty());
    assert_eq!(of_nobody.session.deadline, None);
    assert_eq!(of_nobody.expires_at, Some(at(1_000_020)));
    let (unbound, _) = write(&before, &change(unbind), at(20)).unwrap();
    assert_eq!(unbound.session.fields().len(), 2);
}

#[test]
fn keeping_only_some_fields_leaves_the_start_and_the_deadline() {
    let mut before = state(10);
    before.session.deadline = Some(at(50_000));
    before.session.hidden = [(vec![0xff].into(), "hidden".into())].into();
    let keep = Write {
        now: Timestamp::parse("2026-05-05T05:05:05Z").unwrap(),
        ..change(Delta::new().keep_only([name("n")]).increment(name("s"), 2))
    };
    let (after, written) = write(&before, &keep, at(0)).unwrap();
    assert_eq!(written.counter("s"), Some(2), "it counts from 0");
    assert_eq!(
        after.session.fields(),
        &Fields::new().with(name("n"), 5).with(name("s"), 2)
    );
    assert_eq!(after.session.hidden.len(), 0);
    assert_eq!(after.session.created_at, stamp().to_value());
    assert_eq!(after.session.deadline, Some(at(50_000)));
}

#[test]
fn an_expectation_comes_before_counters_and_limits() {
    let conflict = |delta: Delta| {
        assert_eq!(
            write(&state(10), &change(delta), T0),
            Err(Refusal::Conflict)
        );
    };
    conflict(
        Delta::new()
            .expect_absent(name("n"))
            .increment(name("s"), 1),
    );
    let grow = Delta::new().set(name("a"), "").set(name("b"), "");
    conflict(grow.expect_value(name("n"), "4"));
    let holds = Delta::new().expect_value(name("n"), "5");
    assert!(write(&state(10), &change(holds), T0).is_ok());
}

/// A small generator (SplitMix64), so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }

    fn name(&mut self) -> FieldName {
        name(self.one(&["a", "b", "c"]))
    }

    fn value(&mut self) -> &'static str {
        self.one(&["1", "2", "x", "9223372036854775806"])
    }

    fn principal(&mut self) -> Principal {
        Principal::new(self.one(&["ann", "bob"])).unwrap()
    }

    fn names(&mut self) -> Vec<FieldName> {
        (0..self.below(4)).map(|_| self.name()).collect()
    }

    fn ttl(&mut self) -> SessionTtl {
        SessionTtl::from_secs(1 + self.below(200)).unwrap()
    }

    fn lifetime(&mut self) -> Lifetime {
        Lifetime::from_secs(1 + self.below(200)).unwrap()
    }

    fn delta(&mut self) -> Delta {
        let mut delta = Delta::new();
        for _ in 0..self.below(4) {
            delta = match self.below(4) {
                0 => delta.set(self.name(), self.value()),
                1 => delta.remove(self.name()),
                _ => delta.increment(self.name(), self.one(&[1, -1, 3, i64::MAX])),
            };
        }
        if self.below(3) == 0 {
            delta = match self.below(2) {
                0 => delta.expect_value(self.name(), self.value()),
                _ => delta.expect_absent(self.name()),
            };
        }
        delta = match self.below(5) {
            0 => delta.keep_only(self.names()),
            1 => delta.keep_only_if_principal_changes(self.names()),
            _ => delta,
        };
        delta = match self.below(6) {
            0 => delta.bind(self.principal()),
            1 => delta.bind_for(self.principal(), self.lifetime()),
            2 => delta.unbind(),
            _ => delta,
        };
        if self.below(4) == 0 {
            delta = delta.ttl(self.ttl());
        }
        match self.below(4) {
            0 => delta.touch(Touch::Never),
            1 => delta.touch(Touch::IfOlderThan(Duration::from_secs(self.below(5)))),
            _ => delta,
        }
    }

    fn state(&mut self) -> State {
        let mut state = state(1 + self.below(20));
        let fields = Arc::make_mut(&mut state.session.fields);
        *fields = Fields::new();
        for field in ["a", "b", "c"] {
            if self.below(3) > 0 {
                fields.insert(name(field), self.value().into());
            }
        }
        if self.below(2) == 0 {
            state.session.hidden = [(vec![0xff].into(), "hidden".into())].into();
        }
        if self.below(2) == 0 {
            state.session.deadline = Some(at(15_000));
        }
        if self.below(2) == 0 {
            let principal = self.principal();
            state.session.change_optional(|optional| {
                optional.principal = Some(principal.as_str().into());
                optional.public_id = Some(public_id(0).as_str().into());
                optional.login_at = Some("7".into());
            });
        }
        state
    }
}

#[test]
fn two_deltas_in_one_do_what_they_do_one_after_the_other() {
    let now = at(4_000);
    let stamp = Timestamp::parse("2026-05-05T05:05:05Z").unwrap();
    let step = |state: &State, delta: &Delta| {
        let mut step = change(delta.clone());
        step.now = stamp;
        step.limits = Limits::default();
        write(state, &step, now)
    };
    let (mut compared, mut impossible, mut refused) = (0, 0, 0);
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let (before, earlier, later) = (random.state(), random.delta(), random.delta());
        let both = match earlier.clone().then(later.clone()) {
            Ok(both) => both,
            Err(error) if error.kind() == crate::ErrorKind::Unsupported => {
                impossible += 1;
                continue;
            }
            Err(_) => {
                // What is refused at once would have been refused later.
                let overflows = |delta: &Delta| {
                    delta.changes().any(|(_, change)| {
                        matches!(change, crate::FieldChange::Increment(i64::MAX))
                    })
                };
                let middle = step(&before, &earlier);
                let after = middle.and_then(|(middle, _)| step(&middle, &later));
                assert!(
                    after.is_err() || overflows(&earlier) || overflows(&later),
                    "seed {seed}: {earlier:?} then {later:?}"
                );
                refused += 1;
                continue;
            }
        };
        let Ok((middle, _)) = step(&before, &earlier) else {
            continue;
        };
        let Ok((mut after, _)) = step(&middle, &later) else {
            continue;
        };
        let (mut at_once, _) = step(&before, &both)
            .unwrap_or_else(|refusal| panic!("seed {seed}: {refusal:?} for {both:?}"));
        // The two count as one use, so that they are used alike only if both always are.
        if [&earlier, &later].map(Delta::touch_policy) != [Touch::Always; 2] {
            at_once.expires_at = after.expires_at;
            after.session.last_accessed_at = at_once.session.last_accessed_at.clone();
        }
        assert_eq!(
            at_once, after,
            "seed {seed}: {before:?} {earlier:?} then {later:?}"
        );
        compared += 1;
    }
    assert!(
        compared > 5_000 && impossible > 1_000 && refused > 300,
        "{compared} {impossible} {refused}"
    );
}

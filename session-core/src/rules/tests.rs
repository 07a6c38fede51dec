//! The rules by themselves, beside what the conformance suite shows of them.

use super::*;
use crate::delta::Delta;
use crate::field::FieldName;
use crate::fields::Fields;
use crate::lifetime::Lifetime;
use crate::limits::Limits;
use crate::log_in::LogIn;
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
        limits: Limits::default(),
        principal_lifetime: Lifetime::from_secs(100).unwrap(),
        principal_limit: None,
    }
}

/// A write on a copy.
fn written(state: &State, change: &Write, now: UnixMillis) -> Result<State, Refusal> {
    let mut after = state.clone();
    let done = write(&mut after, change, now);
    if done.is_err() {
        assert_eq!(after, *state, "a refused write changes nothing");
    }
    done.map(|_| after)
}

#[test]
fn a_tombstone_names_the_successor_where_the_principal_stayed() {
    let policy = crate::SessionPolicy::new();
    let [nobody, ann, bob] = [None, Some("ann"), Some("bob")].map(|principal| {
        let delta = Delta::new();
        let delta = match principal {
            Some(principal) => delta.bind(Principal::new(principal).unwrap()),
            None => delta.unbind(),
        };
        let after = written(&state(10), &change(delta.clone()), T0);
        (after.unwrap(), delta)
    });
    let ids = [1, 2].map(|byte| crate::SessionId::from_bytes(&[byte; 32]));
    for (before, (after, delta), is_named) in [
        (&nobody, &nobody, true),
        (&nobody, &ann, false),
        (&ann, &ann, true),
        (&ann, &bob, false),
        (&ann, &nobody, false),
    ] {
        let [from, to] = ids.clone();
        let request = RenameRequest::new(&policy, from, to, delta.clone()).unwrap();
        let tombstone = tombstone(&request, &before.0, after, "k".into(), T0);
        assert_eq!(tombstone.successor(), is_named.then_some(&b"k"[..]));
        assert_eq!(tombstone.until(), at(10_000));
    }
}

#[test]
fn a_log_in_that_brings_a_lifetime_moves_the_deadline_both_ways() {
    let ann = Principal::new("ann").unwrap();
    let bind_for = |secs| {
        let lifetime = Lifetime::from_secs(secs).unwrap();
        let delta = Delta::new().bind_for(ann.clone(), lifetime);
        change(delta.touch(Touch::Never))
    };
    let long = written(&state(10), &bind_for(50), at(0)).unwrap();
    assert_eq!(long.session.deadline, Some(at(50_000)));
    assert_eq!(long.expires_at, Some(at(10_000)));
    let short = written(&long, &bind_for(5), at(1_000)).unwrap();
    assert_eq!(short.session.deadline, Some(at(6_000)));
    assert_eq!(short.expires_at, Some(at(6_000)));
    let longer = written(&short, &bind_for(100), at(2_000)).unwrap();
    assert_eq!(longer.session.deadline, Some(at(102_000)));
    assert_eq!(longer.expires_at, Some(at(6_000)), "the write was no use");
    let mut immortal = state(10);
    immortal.expires_at = None;
    let bound = written(&immortal, &bind_for(5), at(0)).unwrap();
    assert_eq!(bound.expires_at, Some(at(5_000)));
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
            0 => delta.bind(LogIn {
                persistent: self.one(&[None, Some(true), Some(false)]),
                fresh: self.below(3) == 0,
                ..self.principal().into()
            }),
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
        let fields = &mut state.session.fields;
        *fields = Fields::new();
        for field in ["a", "b", "c"] {
            if self.below(3) > 0 {
                fields.insert(name(field), self.value().into());
            }
        }
        if self.below(2) == 0 {
            let hidden = vec![(vec![0xff].into(), "hidden".into())];
            state.session.hidden = Some(std::sync::Arc::new(hidden));
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
                optional.persistent = Some("1".into());
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
        written(state, &step, now)
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
                let after = middle.and_then(|middle| step(&middle, &later));
                assert!(
                    after.is_err() || overflows(&earlier) || overflows(&later),
                    "seed {seed}: {earlier:?} then {later:?}"
                );
                refused += 1;
                continue;
            }
        };
        let Ok(middle) = step(&before, &earlier) else {
            continue;
        };
        let Ok(mut after) = step(&middle, &later) else {
            continue;
        };
        let mut at_once = step(&before, &both)
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

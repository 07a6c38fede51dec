//! Which sequences are drawn, and how often each step is.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use session_core::{OnExcess, Touch};

use super::operation::{
    Binding, Change, Kept, LogIn, MOST_UNITS, New, PRINCIPALS, Plant, Policy, SLOTS, Sequence,
    Step, Target, UNIT,
};

/// The steps of one sequence.
const LONGEST: usize = 64;

pub(super) const NAMES: [&str; 6] = ["a", "b", "c", "n", "m", "na\u{ef}ve\0"];

const VALUES: [&str; 9] = [
    "",
    "x",
    "7",
    "-3",
    "007",
    "999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "a longer text\r\n",
];

const AMOUNTS: [i64; 8] = [1, 1, 1, -1, 0, 1 << 53, i64::MAX, i64::MIN];

pub(super) fn sequence() -> impl Strategy<Value = Sequence> {
    (policy(), vec(step(), 1..=LONGEST)).prop_map(|(policy, steps)| Sequence { policy, steps })
}

fn policy() -> impl Strategy<Value = Policy> {
    let on_excess = prop_oneof![Just(OnExcess::Refuse), Just(OnExcess::EvictOldest)];
    (
        option::weighted(0.2, lifetime()),
        touch(),
        option::weighted(0.5, Just(60)),
        option::of((1_u32..=3, on_excess)),
    )
        .prop_map(
            |(max_lifetime, touch, session_bytes, principal_limit)| Policy {
                max_lifetime,
                touch,
                session_bytes,
                principal_limit,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (slot(), new()).prop_map(|(slot, new)| Step::Create(slot, new)),
        6 => (slot(), plant()).prop_map(|(slot, plant)| Step::Plant(slot, plant)),
        5 => target().prop_map(Step::Get),
        8 => (target(), touch()).prop_map(|(at, touch)| Step::GetWith(at, touch)),
        3 => target().prop_map(Step::Peek),
        2 => target().prop_map(Step::Ttl),
        2 => target().prop_map(Step::ConfiguredTtl),
        18 => (target(), change()).prop_map(|(at, change)| Step::Update(at, change)),
        2 => (principal(), target()).prop_map(|(who, at)| Step::GetOf(who, at)),
        4 => (principal(), target(), change())
            .prop_map(|(who, at, change)| Step::UpdateOf(who, at, change)),
        5 => (target(), name(), amount()).prop_map(|(at, name, by)| Step::Increment(at, name, by)),
        3 => (target(), vec(name(), 0..3)).prop_map(|(at, names)| Step::RemoveFields(at, names)),
        4 => (target(), lifetime()).prop_map(|(at, ttl)| Step::SetTtl(at, ttl)),
        4 => target().prop_map(Step::Delete),
        9 => (target(), change()).prop_map(|(at, change)| Step::Rotate(at, change)),
        5 => principal().prop_map(Step::List),
        2 => (principal(), target()).prop_map(|(who, at)| Step::RevokeOne(who, at)),
        1 => principal().prop_map(Step::RevokeAll),
        1 => (principal(), target()).prop_map(|(who, at)| Step::RevokeAllExcept(who, at)),
        2 => Just(Step::Scan),
        1 => target().prop_map(Step::RevokeAnywhere),
        // At least a tenth of all.
        17 => (1_u32..=20).prop_map(Step::Advance),
    ]
}

fn slot() -> impl Strategy<Value = usize> {
    0..SLOTS
}

fn principal() -> impl Strategy<Value = usize> {
    0..PRINCIPALS
}

fn target() -> impl Strategy<Value = Target> {
    let is_former = proptest::bool::weighted(0.15);
    (slot(), is_former).prop_map(|(slot, is_former)| Target { slot, is_former })
}

fn name() -> impl Strategy<Value = &'static str> {
    select(&NAMES)
}

fn value() -> impl Strategy<Value = &'static str> {
    select(&VALUES)
}

fn amount() -> impl Strategy<Value = i64> {
    select(&AMOUNTS)
}

/// In units.
fn lifetime() -> impl Strategy<Value = u32> {
    1..=MOST_UNITS
}

fn touch() -> impl Strategy<Value = Touch> {
    prop_oneof![
        3 => Just(Touch::Always),
        1 => Just(Touch::Never),
        3 => (0_u32..=12).prop_map(|halves| Touch::IfOlderThan(UNIT / 2 * halves)),
    ]
}

fn new() -> impl Strategy<Value = New> {
    (
        btree_map(name(), value(), 0..4),
        option::of(lifetime()),
        option::weighted(0.3, lifetime()),
        option::of(log_in()),
    )
        .prop_map(|(fields, ttl, lifetime, bind)| New {
            fields: fields.into_iter().collect(),
            ttl,
            lifetime,
            bind,
        })
}

fn change() -> impl Strategy<Value = Change> {
    (
        vec((name(), value()), 0..3),
        vec(name(), 0..2),
        vec((name(), amount()), 0..3),
        option::weighted(0.2, lifetime()),
        touch(),
        option::weighted(0.3, binding()),
        option::weighted(0.2, kept()),
        expected(),
        any::<bool>(),
    )
        .prop_map(
            |(sets, removals, counters, ttl, touch, binding, kept, expected, is_returning)| {
                Change {
                    sets,
                    removals,
                    counters,
                    ttl,
                    touch,
                    binding,
                    kept,
                    expected,
                    is_returning,
                }
            },
        )
}

fn binding() -> impl Strategy<Value = Binding> {
    prop_oneof![
        5 => log_in().prop_map(Binding::Bind),
        2 => Just(Binding::Unbind),
    ]
}

fn log_in() -> impl Strategy<Value = LogIn> {
    (
        principal(),
        option::weighted(0.4, lifetime()),
        any::<Option<bool>>(),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(who, lifetime, persistent, fresh)| LogIn {
            who,
            lifetime,
            persistent,
            fresh,
        })
}

fn expected() -> impl Strategy<Value = Vec<(&'static str, Option<&'static str>)>> {
    prop_oneof![
        5 => Just(Vec::new()),
        1 => vec((name(), option::of(value())), 1..3),
    ]
}

fn kept() -> impl Strategy<Value = Kept> {
    (vec(name(), 0..4), any::<bool>()).prop_map(|(names, is_conditional)| Kept {
        names,
        is_conditional,
    })
}

fn plant() -> impl Strategy<Value = Plant> {
    let ttls = ["", "0", "-5", "007", "abc", "1e30", "4294967296"];
    let deadlines = ["", "0", "soon", "1e13", "9999999999999999"];
    let reserved = ["created_at", "last_accessed_at", "session_ttl"];
    prop_oneof![
        4 => (lifetime(), option::of(lifetime()))
            .prop_map(|(ttl, expires_in)| Plant::Valid { ttl, expires_in }),
        2 => lifetime().prop_map(|ttl| Plant::Odd { ttl }),
        1 => lifetime().prop_map(|ttl| Plant::Large { ttl }),
        2 => (lifetime(), lifetime())
            .prop_map(|(ttl, deadline)| Plant::Deadline { ttl, deadline }),
        1 => lifetime().prop_map(|ttl| Plant::Reserved { ttl }),
        1 => Just(Plant::Undated),
        2 => (option::weighted(0.8, lifetime()), any::<bool>())
            .prop_map(|(until, is_whole)| Plant::Rotated { until, is_whole }),
        1 => Just(Plant::Ended),
        1 => select(ttls.to_vec()).prop_map(Plant::Ttl),
        1 => select(deadlines.to_vec()).prop_map(Plant::MalformedDeadline),
        1 => select(reserved.to_vec()).prop_map(Plant::Without),
        1 => Just(Plant::OtherType),
    ]
}

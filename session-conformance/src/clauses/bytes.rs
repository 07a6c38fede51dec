//! Names and values come back byte for byte.

use session_core::{Delta, FieldName, FieldValue, Fields, Limits, NewSession};

use crate::harness::Harness;
use crate::kit::{Bench, Step, name, ttl};

/// Names that a careless store would cut, fold, trim, interpret or take for its own.
const SHORT: [&str; 21] = [
    "",
    " ",
    "\0",
    "a\0b",
    "a\r\nb",
    "\"quoted\"",
    "it's",
    "naïve",
    "🦀",
    "*",
    "%s%n",
    "{braces}",
    "0",
    "-1",
    "nil",
    "false",
    "Username",
    "username",
    "username ",
    "back\\sl",
    "Created_at",
];
/// And longer ones.
const LONG: [&str; 6] = [
    "created_at\0",
    "na\u{ef}ve\u{301}",
    "nai\u{308}ve",
    "$4\r\nPING\r\n",
    " session_ttl",
    "session_deadlines",
];

fn names() -> Vec<&'static str> {
    [SHORT.as_slice(), &LONG].concat()
}

fn values() -> Vec<Vec<u8>> {
    let short = [
        "", "0", "-0", "007", "1.0", "nil", "null", "true", "\0", "a\0b", "a\r\nb", " padded ",
    ];
    let long = [
        "\"quoted\"",
        "{\"a\":[1]}",
        "*1\r\n$4\r\nPING\r\n",
        "🦀 naïve",
        "\u{feff}bom",
    ];
    let texts = short.into_iter().chain(long);
    let mut values: Vec<Vec<u8>> = texts.map(Into::into).collect();
    // Every byte, text that is not UTF-8, and a sequence that is cut short.
    values.push((0..=255).collect());
    values.push(vec![0xff, 0xfe, 0x00]);
    values.push(vec![0xf0, 0x9f, 0xa6]);
    values
}

fn all_names() -> Fields {
    names()
        .into_iter()
        .enumerate()
        .map(|(n, text)| (name(text), FieldValue::from(n.to_string())))
        .collect()
}

fn all_values() -> Fields {
    values()
        .into_iter()
        .enumerate()
        .map(|(n, value)| (name(format!("f{n}")), FieldValue::from(value)))
        .collect()
}

/// Writes every field of these by a delta.
fn set_all(fields: &Fields) -> Delta {
    fields.iter().fold(Delta::new(), |delta, (name, value)| {
        delta.set(name.clone(), value.clone())
    })
}

/// Asserts that a session holds exactly these fields, in the store and in every record of it.
async fn assert_round_trip(b: &Bench<'_>, id: &session_core::SessionId, fields: &Fields) {
    let key = b.stored(id).await;
    assert_eq!(key.fields().len(), fields.len() + 3);
    for (name, value) in fields.iter() {
        let stored = key.field(name.as_str());
        assert_eq!(stored, Some(value.as_bytes()), "{name:?}");
    }
    let peeked = b.peek(id).await;
    assert_eq!(peeked.fields(), fields);
    let got = b.get(id).await;
    assert_eq!(got.fields(), fields);
    let delta = Delta::new().returning_record();
    let written = b.update_session(id, delta.clone()).done().await;
    let record = written.and_then(|written| written.record);
    assert_eq!(record.expect("a record").fields(), fields);
    let rotated = b.rotate(id, delta).await;
    assert_eq!(rotated.written.record.expect("a record").fields(), fields);
    let moved = b.peek(&rotated.id).await;
    assert_eq!(moved.fields(), fields);
}

/// Through creation.
pub async fn fields_survive_creation(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for fields in [all_names(), all_values()] {
        let id = b.create(NewSession::new(fields.clone())).await;
        assert_round_trip(&b, &id, &fields).await;
    }
}

/// Through an update, in the place of other values.
pub async fn fields_survive_an_update(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for fields in [all_names(), all_values()] {
        let others = fields.iter().map(|(name, _)| (name.clone(), "x".into()));
        let id = b.create(NewSession::new(others.collect())).await;
        b.update(&id, set_all(&fields)).await;
        assert_round_trip(&b, &id, &fields).await;
    }
}

/// A counter and a removal reach exactly the field they name.
pub async fn names_are_counted_and_removed_exactly(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::new(all_names())).await;
    for (n, text) in (0..).zip(names()) {
        assert_eq!(b.count(&id, text, 100).await, 100 + n, "{text:?}");
    }
    for (removed, text) in (1..).zip(names()) {
        assert!(b.remove_fields(&id, vec![name(text)]).done().await);
        let key = b.stored(&id).await;
        assert_eq!(key.field(text), None, "{text:?}");
        assert_eq!(key.fields().len(), names().len() + 3 - removed, "{text:?}");
    }
}

/// A value of 1 MiB of every byte, and a name of 64 KiB, where the limits allow them.
pub async fn large_fields_survive(h: &dyn Harness) {
    let limits = Limits::default()
        .with_value_bytes(1 << 20)
        .with_name_bytes(1 << 16);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let value: Vec<u8> = (0..=255_u8).cycle().take(1 << 20).collect();
    let long = FieldName::new("n".repeat(1 << 16)).expect("a name");
    let large = Fields::new().with(name("value"), value).with(long, "x");
    let id = b.create(NewSession::new(large.clone())).await;
    assert_round_trip(&b, &id, &large).await;
    let id = b.create(NewSession::default().ttl(ttl(100))).await;
    b.update(&id, set_all(&large)).await;
    assert_round_trip(&b, &id, &large).await;
}

//! Names and values come back byte for byte.

use session_core::{Delta, FieldName, FieldValue, Fields, Limits, NewSession};

use crate::harness::Harness;
use crate::kit::{Bench, add, name, ttl};

/// Names that a careless store would cut, fold, trim, interpret or take for its own.
const NAMES: [&str; 26] = [
    "",
    " ",
    "\0",
    "a\0b",
    "a\r\nb",
    "\"quoted\"",
    "it's",
    "back\\slash",
    "naïve",
    "na\u{ef}ve\u{301}",
    "🦀",
    "*",
    "$4\r\nPING\r\n",
    "%s%n",
    "{braces}",
    "0",
    "-1",
    "nil",
    "false",
    "Username",
    "username",
    "username ",
    "Created_at",
    "created_at\0",
    " session_ttl",
    "session_deadlines",
];

fn values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "",
        "0",
        "-0",
        "007",
        "1.0",
        "nil",
        "null",
        "true",
        "\0",
        "a\0b",
        "a\r\nb",
        " padded ",
        "\"quoted\"",
        "{\"a\":[1]}",
        "*1\r\n$4\r\nPING\r\n",
        "🦀 naïve",
        "\u{feff}bom",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    // Every byte, text that is not UTF-8, and a sequence that is cut short.
    values.push((0..=255).collect());
    values.push(vec![0xff, 0xfe, 0x00]);
    values.push(vec![0xf0, 0x9f, 0xa6]);
    values
}

fn all_names() -> Fields {
    NAMES
        .iter()
        .enumerate()
        .map(|(n, text)| (name(*text), FieldValue::from(n.to_string())))
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
    let peeked = b.peek_session(id).await.expect("no error");
    assert_eq!(peeked.expect("a session").fields(), fields);
    let got = b.get_session(id).await.expect("no error");
    assert_eq!(got.expect("a session").fields(), fields);
    let delta = Delta::new().returning_record();
    let written = b.update_session(id, delta.clone()).await.expect("no error");
    let record = written.and_then(|written| written.record);
    assert_eq!(record.expect("a record").fields(), fields);
    let rotated = b.rotate_session(id, delta).await.expect("no error");
    let rotated = rotated.expect("a session");
    assert_eq!(rotated.written.record.expect("a record").fields(), fields);
    let moved = b.peek_session(&rotated.id).await.expect("no error");
    assert_eq!(moved.expect("a session").fields(), fields);
}

/// Through creation.
pub async fn names_survive_creation(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::new(all_names())).await;
    assert_round_trip(&b, &id, &all_names()).await;
}

/// Through an update.
pub async fn names_survive_an_update(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::default()).await;
    let written = b.update_session(&id, set_all(&all_names())).await;
    assert!(written.expect("no error").is_some());
    assert_round_trip(&b, &id, &all_names()).await;
}

/// A counter and a removal reach exactly the field they name.
pub async fn names_are_counted_and_removed_exactly(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::new(all_names())).await;
    for (n, text) in (0..).zip(NAMES) {
        let value = b.increment_field(&id, name(text), 100).await;
        assert_eq!(value.expect("no error"), Some(100 + n), "{text:?}");
    }
    for (removed, text) in (1..).zip(NAMES) {
        assert!(
            b.remove_fields(&id, vec![name(text)])
                .await
                .expect("no error")
        );
        let key = b.stored(&id).await;
        assert_eq!(key.field(text), None, "{text:?}");
        assert_eq!(key.fields().len(), NAMES.len() + 3 - removed, "{text:?}");
    }
}

/// Through creation.
pub async fn values_survive_creation(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::new(all_values())).await;
    assert_round_trip(&b, &id, &all_values()).await;
}

/// Through an update, in the place of other values.
pub async fn values_survive_an_update(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let others = all_values()
        .iter()
        .map(|(name, _)| (name.clone(), "x".into()))
        .collect();
    let id = b.create(NewSession::new(others)).await;
    let written = b.update_session(&id, set_all(&all_values())).await;
    assert!(written.expect("no error").is_some());
    assert_round_trip(&b, &id, &all_values()).await;
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
    let written = b.update_session(&id, set_all(&large)).await;
    assert!(written.expect("no error").is_some());
    assert_round_trip(&b, &id, &large).await;
}

/// Names that differ only by case, white space or composition are different fields.
pub async fn similar_names_are_kept_apart(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::default()).await;
    for text in ["n", "N", " n", "n ", "n\0", "é", "e\u{301}", "É"] {
        let delta = add("other", 1).set(name(text), text);
        assert!(
            b.update_session(&id, delta)
                .await
                .expect("no error")
                .is_some()
        );
    }
    let key = b.stored(&id).await;
    assert_eq!(key.fields().len(), 3 + 1 + 8);
    assert_eq!(key.field("n\0"), Some(b"n\0".as_slice()));
}

//! Texts that a database might fold, trim, interpret or refuse, in each place where one can be.

use std::collections::BTreeSet;
use std::sync::Arc;

use session_conformance::{Harness, Runner};
use session_core::{
    Delta, FieldName, FieldValue, Fields, Limits, NewSession, SessionBackend, SessionPolicy,
};

use crate::harness::{Journal, PostgresHarness, SqliteHarness};
use crate::kit::principal;

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("odd_texts::sqlite", || async {
            run(&SqliteHarness::new(Journal::Wal).await).await;
        })
        .test("odd_texts::postgres", || async {
            run(&PostgresHarness::new(crate::harness::Time::Real).await).await;
        })
}

/// No two of them are one.
const TEXTS: [&str; 34] = [
    "Ann",
    "ann",
    "ann ",
    " ann",
    "ann\t",
    "ann\0",
    "ann\0\0",
    "\0",
    "a\u{301}nn",
    "\u{e1}nn",
    "\u{df}",
    "ss",
    "\u{feff}ann",
    "base64:",
    "base64:YW5u",
    "base64:YQ",
    "base64:YQ==",
    "BASE64:YQ",
    "base64:!",
    "base64:base64:YQ",
    "$.ann",
    "$",
    "a.b",
    "[0]",
    "{\"ann\":1}",
    "\"",
    "\\",
    "\\u0000",
    "%",
    "_",
    "'; DROP TABLE sessions; --",
    "NULL",
    "1e400",
    "\u{10ffff}",
];

/// Texts that are values only.
fn values() -> Vec<Vec<u8>> {
    let deep = ["[", "{\"a\":", "\"", "\\"].map(|text| text.repeat(20_000).into_bytes());
    let mut values = deep.to_vec();
    values.push([b"base64:".as_slice(), &[0xff]].concat());
    values.push(vec![0; 1 << 20]);
    values.extend(TEXTS.map(|text| text.as_bytes().to_vec()));
    values
}

async fn run(database: &dyn Harness) {
    let limits = Limits::default().with_value_bytes(1 << 20);
    let policy = SessionPolicy::new().with_limits(limits);
    let backend = database.backend_with(policy).await;
    fields(&backend).await;
    principals(&backend).await;
}

/// Each is a field of its own, is read as it was written, counted in and removed.
async fn fields(backend: &Arc<dyn SessionBackend>) {
    let name = |text: &'static str| FieldName::new(text).unwrap();
    let values = values().into_iter().enumerate();
    let mut fields: Fields = values
        .map(|(n, value)| {
            (
                FieldName::new(format!("f{n}")).unwrap(),
                FieldValue::from(value),
            )
        })
        .collect();
    let by_name = TEXTS.iter().zip(0..);
    fields.extend(by_name.map(|(text, n)| (name(text), FieldValue::from(n.to_string()))));
    let created = backend
        .create_session(NewSession::new(fields.clone()))
        .await
        .unwrap();
    let id = created.id;
    let found = backend.get_session(&id).await.unwrap().unwrap();
    assert_eq!(found.fields(), &fields);
    let again = fields.iter();
    let again = again.fold(Delta::new(), |all, (name, value)| {
        all.set(name.clone(), value.clone())
    });
    let written = backend
        .update_session(&id, again.returning_record())
        .await
        .unwrap();
    assert_eq!(written.unwrap().record.unwrap().fields(), &fields);
    for (text, n) in TEXTS.into_iter().zip(0..) {
        let counted = backend.increment_field(&id, name(text), 100).await.unwrap();
        assert_eq!(counted, Some(n + 100), "{text:?}");
    }
    for (text, left) in TEXTS.into_iter().zip((0..fields.len()).rev()) {
        assert!(backend.remove_fields(&id, vec![name(text)]).await.unwrap());
        let found = backend.peek_session(&id).await.unwrap().unwrap();
        assert_eq!(found.fields().len(), left, "{text:?}");
        assert_eq!(found.fields().get(text), None, "{text:?}");
    }
}

/// Each is a principal of its own, whose session is listed, found by its public id, rotated, and
/// ended.
async fn principals(backend: &Arc<dyn SessionBackend>) {
    let mut public_ids = BTreeSet::new();
    for text in TEXTS {
        let new = NewSession::default().bind(principal(text));
        let created = backend.create_session(new).await.unwrap();
        let rotated = backend
            .rotate_session(&created.id, Delta::new())
            .await
            .unwrap();
        let found = backend
            .peek_session(&rotated.unwrap().id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.principal(), Some(principal(text)));
        public_ids.insert(found.public_id().unwrap());
    }
    assert_eq!(public_ids.len(), TEXTS.len());
    for text in TEXTS {
        let own = principal(text);
        let listed = backend.list_sessions(&own).await.unwrap();
        assert_eq!(listed.len(), 1, "{text:?}");
        for public_id in &public_ids {
            let found = backend.peek_session_of(&own, public_id).await.unwrap();
            assert_eq!(
                found.is_some(),
                *public_id == listed[0].public_id,
                "{text:?}"
            );
        }
    }
    for text in TEXTS {
        let ended = backend
            .revoke_sessions(&principal(text), None)
            .await
            .unwrap();
        assert_eq!(ended, 1, "{text:?}");
    }
}

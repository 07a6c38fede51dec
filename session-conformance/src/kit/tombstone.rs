//! What a rotation leaves.

use session_core::steps::{ReadOutcome, ReadRequest, RenameOutcome, WriteOutcome, WriteRequest};
use session_core::{Delta, SessionId, Tombstone, Touch};

use super::{Bench, Step, fresh_principal, rename_request, set};
use crate::harness::{Harness, RawKey};

/// What the steps on an id say, but `remove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    NotFound,
    Rotated,
    SomethingElse,
}

/// The tombstone that a key holds.
pub(crate) fn tombstone_in(key: &RawKey) -> Option<Tombstone> {
    Tombstone::parse(key.field("session_rotated")?)
}

/// Asserts that nothing is stored under an id but a tombstone.
pub(crate) async fn assert_tombstone(h: &dyn Harness, id: &SessionId, what: &str) {
    let key = h.dump(id).await;
    let is_alone = key.as_ref().is_some_and(|key| {
        key.fields().len() == 1 && tombstone_in(key).is_some() && key.expires_in.is_some()
    });
    assert!(is_alone, "{what}: not a tombstone: {key:?}");
}

/// What every step on an id says but `remove`; asserts that all say the same, and that none changes
/// anything.
pub(crate) async fn told(b: &Bench<'_>, id: &SessionId) -> Told {
    let before = b.snapshot(id).await;
    let mut all = Vec::new();
    for touch in [Touch::Always, Touch::Never] {
        let request = ReadRequest::new(b.policy(), id, touch);
        all.push(match b.read(&request).done().await {
            ReadOutcome::NotFound => Told::NotFound,
            ReadOutcome::Rotated => Told::Rotated,
            _ => Told::SomethingElse,
        });
    }
    // An expectation that fails, and a binding, change nothing of that.
    for delta in [
        Delta::new(),
        set("a", "b").expect_value(super::name("username"), "nobody"),
        Delta::new().bind(fresh_principal("ghost")),
    ] {
        let request = WriteRequest::new(b.policy(), id, delta.clone()).expect("a request");
        all.push(match b.write(&request).done().await {
            WriteOutcome::NotFound => Told::NotFound,
            WriteOutcome::Rotated => Told::Rotated,
            _ => Told::SomethingElse,
        });
        let to = b.successor_id(id).expect("an id");
        let request = rename_request(b.policy(), id, &to, delta);
        all.push(match b.rename(&request).done().await {
            RenameOutcome::NotFound => Told::NotFound,
            RenameOutcome::Rotated => Told::Rotated,
            _ => Told::SomethingElse,
        });
        assert_eq!(b.h.dump(&to).await, None, "a rotation that found nothing");
    }
    b.assert_unchanged(id, &before, "a step on what is no session")
        .await;
    let first = all[0];
    assert!(all.iter().all(|told| *told == first), "{all:?}");
    first
}

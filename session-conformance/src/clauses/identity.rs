//! Fresh ids, and ids that the store does not know.

use std::collections::HashSet;

use session_core::{Delta, NewSession, SessionId};

use crate::harness::Harness;
use crate::kit::{Bench, assert_nothing_there, fresh_id, fresh_principal, session, set};

/// Every creation draws its own canonical id, and stores under it.
pub async fn created_ids_are_fresh_and_canonical(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut ids = HashSet::new();
    for n in 0..64 {
        let new = NewSession::default();
        let id = b.create_session(new).await.expect("a session").id;
        assert_eq!(id.expose().len(), 43);
        assert_eq!(SessionId::parse(id.expose()).as_ref(), Ok(&id));
        let number = n.to_string();
        let written = b.update_session(&id, set("n", &number)).await;
        assert!(written.expect("no error").is_some());
        assert_eq!(b.stored_text(&id, "n").await, Some(number));
        assert!(ids.insert(id), "an id was drawn twice");
    }
    assert_eq!(ids.len(), 64);
}

/// No character of a created id is the same in all of them: none is a counter, a time or a node.
/// A position that 64 random ids share has a chance below 16^-63.
pub async fn created_ids_have_no_fixed_part(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut seen = vec![HashSet::new(); SessionId::LEN];
    for _ in 0..64 {
        let id = b.create(session(100)).await;
        for (characters, character) in seen.iter_mut().zip(id.expose().chars()) {
            characters.insert(character);
        }
    }
    for (position, characters) in seen.iter().enumerate() {
        assert!(characters.len() > 1, "character {position} never changes");
    }
}

/// No operation finds a session under an id that the store never saw, and none leaves anything.
pub async fn unknown_ids_are_not_found(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for _ in 0..3 {
        assert_nothing_there(&b, &fresh_id(), "an unknown id").await;
    }
}

/// The same in a store that has a lifetime for all, limits and other sessions.
pub async fn unknown_ids_are_not_found_under_any_policy(h: &dyn Harness) {
    let b = Bench::with(h, |policy| {
        policy.with_max_lifetime(crate::kit::lasting(1000))
    })
    .await;
    let other = b.create(session(100)).await;
    let before = b.snapshot(&other).await;
    assert_nothing_there(&b, &fresh_id(), "an unknown id").await;
    b.assert_unchanged(&other, &before, "another session").await;
}

/// A binding of an unknown id lists nothing.
pub async fn unknown_ids_are_not_bound(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let principal = fresh_principal("ann");
    let id = fresh_id();
    let delta = Delta::new().bind(principal.clone());
    let written = b.update_session(&id, delta.clone()).await;
    assert_eq!(written.expect("no error"), None);
    let rotated = b.rotate_session(&id, delta).await;
    assert_eq!(rotated.expect("no error"), None);
    b.assert_listed(&principal, &[]).await;
    assert_nothing_there(&b, &id, "an unknown id").await;
}

/// Ids are told apart byte for byte: one that differs in the case of a letter is another.
pub async fn ids_are_compared_byte_for_byte(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    // The last character of an id has unused bits, so another one is changed.
    let letter = |text: &str| text[..SessionId::LEN - 1].find(|c: char| c.is_ascii_alphabetic());
    let mut text = id.expose().to_owned().into_bytes();
    let at = letter(id.expose()).expect("a letter among 42 random characters");
    text[at] ^= 0x20;
    let twin = SessionId::parse(text).expect("an id");
    assert_nothing_there(&b, &twin, "an id in another case").await;
    assert!(b.is_alive(&id).await);
}

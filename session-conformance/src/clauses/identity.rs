//! Fresh ids, and ids that the store does not know.

use std::collections::HashSet;

use session_core::{Delta, NewSession, SessionId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, assert_nothing_there, fresh_id, fresh_principal, lasting, session, set,
};

/// Every creation draws its own canonical id, and stores under it. No character is the same in all
/// of them: none is a counter, a time or a node. (That 64 random ids share a position has a chance
/// below 16^-63.)
pub async fn created_ids_are_fresh_and_canonical(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut ids = HashSet::new();
    let mut seen = vec![HashSet::new(); SessionId::LEN];
    for n in 0..64 {
        let id = b.create(NewSession::default()).await;
        assert_eq!(id.expose().len(), 43);
        assert_eq!(SessionId::parse(id.expose()).as_ref(), Ok(&id));
        b.update(&id, set("n", &n.to_string())).await;
        assert_eq!(b.stored_text(&id, "n").await, Some(n.to_string()));
        for (characters, character) in seen.iter_mut().zip(id.expose().chars()) {
            characters.insert(character);
        }
        assert!(ids.insert(id), "an id was drawn twice");
    }
    for (position, characters) in seen.iter().enumerate() {
        assert!(characters.len() > 1, "character {position} never changes");
    }
}

/// No operation finds a session under an id that the store never saw, and none leaves anything or
/// changes another session, whether there is a lifetime for all or not.
pub async fn unknown_ids_are_not_found(h: &dyn Harness) {
    let lifetime = lasting(1000);
    for b in [
        Bench::new(h).await,
        Bench::with(h, |policy| policy.with_max_lifetime(lifetime)).await,
    ] {
        let other = b.create(session(100)).await;
        let before = b.snapshot(&other).await;
        assert_nothing_there(&b, &fresh_id(), "an unknown id").await;
        b.assert_unchanged(&other, &before, "another session").await;
    }
}

/// A binding of an unknown id lists nothing.
pub async fn unknown_ids_are_not_bound(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let principal = fresh_principal("ann");
    let id = fresh_id();
    let delta = Delta::new().bind(principal.clone());
    let written = b.update_session(&id, delta.clone()).done().await;
    assert_eq!(written, None);
    let rotated = b.rotate_session(&id, delta).done().await;
    assert_eq!(rotated, None);
    b.assert_listed(&principal, []).await;
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

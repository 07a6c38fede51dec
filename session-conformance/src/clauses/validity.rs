//! Keys that are no session, and stay as they are.

use crate::harness::{Harness, RawHash};
use crate::kit::{
    Bench, Step, Told, assert_not_found_and_left_alone, fresh_id, fresh_principal, fresh_public_id,
    guide_hash, secs, session, told, with, without,
};

/// Asserts that a hash is no session to any operation, and changes by none, whether or not its key
/// expires.
async fn assert_invalid(b: &Bench<'_>, hash: RawHash, what: &str) {
    for expires_in in [Some(secs(500)), None] {
        let id = b.plant(hash.clone(), expires_in).await;
        assert_not_found_and_left_alone(b, &id, what).await;
        assert!(b.h.dump(&id).await.is_some(), "{what}: there is no key");
    }
}

/// Each of the three is needed.
pub async fn a_hash_without_a_reserved_field_is_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for field in ["created_at", "last_accessed_at", "session_ttl"] {
        assert_invalid(&b, without(guide_hash("100"), field), field).await;
    }
}

/// What a two-step update leaves of a session that was deleted in between, and other hashes that
/// were never sessions.
pub async fn ghosts_and_other_hashes_are_no_sessions(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ghost = with(Vec::new(), "last_accessed_at", "2026-04-02T12:34:56+00:00");
    assert_invalid(&b, ghost.clone(), "the last access only").await;
    let ghost = with(ghost, "page_views", "4");
    assert_invalid(&b, ghost, "the last access and a field").await;
    let other = with(Vec::new(), "name", "not a session");
    assert_invalid(&b, other, "another hash").await;
    let folded = without(guide_hash("100"), "created_at");
    let folded = with(folded, "Created_At", "2026-04-02T12:34:56+00:00");
    assert_invalid(&b, folded, "a reserved name in another case").await;
}

/// What another client has put in the place of a principal's sessions is left alone by the steps on
/// all of them: they take the entries out of the index, and leave the keys.
pub async fn lists_and_revocations_leave_what_is_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let alive = b.create(session(5000).bind(ann.clone())).await;
    let mut replaced = Vec::new();
    for hash in [
        without(guide_hash("100"), "created_at"),
        guide_hash("never"),
        with(guide_hash("100"), "session_deadline", "soon"),
        with(guide_hash("100"), "session_deadline", "1"),
        // Bound below, without a deadline.
        guide_hash("100"),
        with(Vec::new(), "last_accessed_at", "2026-04-02T12:34:56+00:00"),
    ] {
        let id = b.create(session(5000).bind(ann.clone())).await;
        let public_id = b.public_id(&id).await;
        let bound = with(hash, "session_principal", ann.as_str());
        let bound = with(bound, "session_public_id", public_id.as_str());
        h.plant(&id, bound, Some(secs(5000))).await;
        replaced.push((id, public_id));
    }
    let id = b.create(session(5000).bind(ann.clone())).await;
    let public_id = b.public_id(&id).await;
    h.plant_other_type(&id).await;
    replaced.push((id, public_id));
    let mut before = Vec::new();
    for (id, _) in &replaced {
        before.push(b.snapshot(id).await);
    }
    let assert_left_alone = async |by: &str| {
        for ((id, _), before) in replaced.iter().zip(&before) {
            b.assert_unchanged(id, before, by).await;
        }
    };

    let (_, first) = &replaced[0];
    assert!(!b.revoke_session(&ann, first).done().await);
    assert_left_alone("revoke_session").await;
    b.assert_listed(&ann, [&alive]).await;
    assert_left_alone("list_sessions").await;
    let ended = b.revoke_sessions(&ann, None).done().await;
    assert_eq!(ended, 1);
    assert_left_alone("revoke_sessions").await;
}

/// Texts that some parser of numbers takes, and the contract does not.
pub async fn a_malformed_ttl_makes_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for text in [
        "", "0", "00", "-5", "-1", "+5", "007", "1.5", "1.0", "1e3", "1e30", "abc", "15abc",
        "0x10", " 15", "15 ", "15\n", "15\0", "1_000", "1,000", "nan", "inf", "４", "１５",
    ] {
        assert_invalid(&b, guide_hash(text), &format!("{text:?}")).await;
    }
    assert_invalid(&b, guide_hash([0xff, b'5']), "not UTF-8").await;
    // The first seconds that are too many, and numbers that wrap around.
    for text in [
        "4294967296",
        "4294967297",
        "9999999999",
        "10000000000",
        "18446744073709551617",
        "99999999999999999999999999999999",
    ] {
        assert_invalid(&b, guide_hash(text), text).await;
    }
}

/// The least TTL and the greatest make sessions.
pub async fn a_ttl_at_the_ends_of_the_range_makes_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for seconds in [1, 9, 10, 2_147_483_647, 2_147_483_648, 4_294_967_295_u32] {
        let hash = guide_hash(seconds.to_string());
        let id = b.plant(hash, Some(secs(100))).await;
        let configured = b.configured_ttl(&id).done().await;
        assert_eq!(configured.map(|ttl| ttl.as_secs()), Some(seconds));
    }
}

/// Texts that some parser of numbers takes, and the contract does not.
pub async fn a_malformed_deadline_makes_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let future = h.now().await.get() + 100_000;
    for text in [
        String::new(),
        "0".into(),
        "-1".into(),
        "01".into(),
        "soon".into(),
        "1e13".into(),
        "inf".into(),
        format!("0{future}"),
        format!("+{future}"),
        format!("{future}.0"),
        format!(" {future}"),
        format!("{future} "),
        format!("{future}\0"),
        "1000000000000000".into(),
        "9999999999999999999".into(),
        "2126-04-02T12:34:56+00:00".into(),
    ] {
        let hash = with(guide_hash("100"), "session_deadline", &text);
        assert_invalid(&b, hash, &format!("{text:?}")).await;
    }
}

/// The farthest time that fits makes a session.
pub async fn the_farthest_deadline_makes_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let hash = with(guide_hash("100"), "session_deadline", "999999999999999");
    let id = b.plant(hash, Some(secs(100))).await;
    let deadline = b.peek(&id).await.deadline().expect("a deadline");
    assert_eq!(deadline.get(), 999_999_999_999_999);
}

/// Another client has set the expiry beyond the deadline: that brings nothing back.
pub async fn a_passed_deadline_makes_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let now = h.now().await.get();
    for deadline in [1, now - 86_400_000, now - 1, now] {
        let hash = with(guide_hash("100"), "session_deadline", deadline.to_string());
        assert_invalid(&b, hash, "a passed deadline").await;
    }
}

/// A deadline that is ahead makes a session until it is reached, whatever the key's expiry.
pub async fn a_deadline_ends_a_key_that_lives_on(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for expires_in in [Some(secs(500)), None] {
        let deadline = h.now().await.plus_millis(60_000).get().to_string();
        let hash = with(guide_hash("100"), "session_deadline", deadline);
        let id = b.plant(hash, expires_in).await;
        h.advance(secs(30)).await;
        assert!(b.is_alive(&id).await);
        h.advance(secs(30)).await;
        assert_not_found_and_left_alone(&b, &id, "at its deadline").await;
        assert!(h.dump(&id).await.is_some());
    }
}

/// Neither with a text that is no tombstone nor with one whose time is over; while it counts, the
/// hash is a rotated session's, whatever else it holds.
pub async fn a_hash_with_a_tombstone_is_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let now = h.now().await.get();
    let future = now + 100_000;
    let texts = ["", "0", "x", "01", " 1", "1000000000000000"].map(String::from);
    let malformed = [
        format!("{future} "),
        format!("{future}x"),
        format!("{future}\n"),
        format!("{future}\0k"),
        format!("+{future}"),
        format!("0{future}"),
    ];
    let over = [format!("{}", now - 1), "1 nobody".into()];
    for text in texts.into_iter().chain(malformed).chain(over) {
        for hash in [guide_hash("100"), Vec::new()] {
            let hash = with(hash, "session_rotated", &text);
            assert_invalid(&b, hash, &format!("{text:?}")).await;
        }
    }
    for text in [format!("{future}"), format!("{future} nobody")] {
        let deadline = with(guide_hash("100"), "session_deadline", "1");
        for hash in [guide_hash("100"), deadline, Vec::new()] {
            let hash = with(hash, "session_rotated", &text);
            let id = b.plant(hash.clone(), None).await;
            assert_eq!(told(&b, &id).await, Told::Rotated, "{text}");
            assert_invalid(&b, hash, &text).await;
        }
    }
}

/// What is bound ends by its deadline: without one, which a field's own expiry can take, it has
/// ended. A text that is no principal binds nobody.
pub async fn a_bound_hash_without_a_deadline_is_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let bound = |text: &str| with(guide_hash("100"), "session_principal", text);
    let public_id = fresh_public_id();
    let known = with(bound("ann"), "session_public_id", public_id.as_str());
    for hash in [bound("ann"), bound("\u{7ff}\0"), known] {
        assert_invalid(&b, hash, "bound without a deadline").await;
    }
    let long = "x".repeat(257);
    for nobody in ["", &long] {
        let id = b.plant(bound(nobody), Some(secs(100))).await;
        assert!(b.is_alive(&id).await, "bound to nobody");
    }
}

/// A key of another type is no session, and no error.
pub async fn another_type_is_no_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = fresh_id();
    h.plant_other_type(&id).await;
    assert_not_found_and_left_alone(&b, &id, "another type").await;
    assert!(h.dump(&id).await.is_some(), "there is no key");
}

//! What a rotation leaves under the old id, and what follows from it.

use std::time::Duration;

use session_core::steps::{RemoveOutcome, RemoveRequest};
use session_core::{Delta, Principal, SessionId};

use crate::harness::{Harness, RawHash};
use crate::kit::{
    Bench, Step, Told, assert_not_found_and_left_alone, assert_tombstone, fresh_principal,
    guide_hash, lasting, secs, session, told, tombstone_in, with,
};
use crate::races;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Lets the rest of a tombstone's life pass: it counts through its last millisecond, and no
/// longer. In real time, that a second before is still its life is all that can be seen.
async fn outlive(b: &Bench<'_>, id: &SessionId, lifetime: Duration, what: &str) {
    let margin = match b.h.clock_stands_still() {
        true => Duration::ZERO,
        false => secs(30),
    };
    b.h.advance(lifetime - margin).await;
    assert_eq!(told(b, id).await, Told::Rotated, "{what}: in its life");
    b.h.advance(margin + MILLISECOND).await;
    assert_eq!(told(b, id).await, Told::NotFound, "{what}: after its life");
}

/// For ten seconds unless the policy says otherwise, whatever the session's own life; then there is
/// nothing.
pub async fn a_rotated_id_is_told_for_the_policys_time(h: &dyn Harness) {
    let b = Bench::new(h).await;
    assert_eq!(b.policy().tombstone_lifetime(), lasting(10));
    for seconds in [10, 60, 3600] {
        let b = Bench::with(h, |policy| match seconds {
            10 => policy,
            _ => policy.with_tombstone_lifetime(lasting(seconds)),
        });
        let b = b.await;
        let lives = session(2 * seconds).max_lifetime(lasting(3 * seconds));
        let old = b.create(lives).await;
        let mut timer = b.timer().await;
        let new = b.rotate(&old, Delta::new()).await.id;
        assert_tombstone(h, &old, "a rotated id").await;
        timer.assert_expiry(&old, secs(seconds)).await;
        let key = b.stored(&old).await;
        let until = tombstone_in(&key).expect("a tombstone").until();
        let left = until.since(h.now().await);
        let stored = key.expires_in.expect("an expiry");
        assert!(
            left <= stored && stored <= left + secs(5),
            "{left:?}, {stored:?}"
        );
        assert!(b.is_alive(&new).await);
    }
}

/// Exactly so long.
pub async fn a_tombstone_ends_with_its_time(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_tombstone_lifetime(lasting(60))).await;
    let old = b.create(session(5000)).await;
    b.rotate(&old, Delta::new()).await;
    outlive(&b, &old, secs(60), "a tombstone").await;
    assert_eq!(h.dump(&old).await, None);
}

/// Another client that had read the session writes to it under its old id, and renews its expiry,
/// for longer or for ever: that is no session, and the tombstone ends when it would have.
pub async fn another_client_keeps_no_tombstone(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_tombstone_lifetime(lasting(60))).await;
    for expires_in in [Some(secs(900)), None] {
        for whole in [true, false] {
            let old = b.create(session(5000)).await;
            let new = b.rotate(&old, Delta::new()).await.id;
            let mut hash: RawHash = b.stored(&old).await.fields().to_vec();
            let written = guide_hash("900");
            let some = if whole { written.len() } else { 2 };
            for (name, value) in written.into_iter().take(some) {
                hash = with(hash, name, value);
            }
            h.plant(&old, hash.clone(), expires_in).await;
            let what = format!("{some} fields until {expires_in:?}");
            outlive(&b, &old, secs(60), &what).await;
            assert!(h.dump(&old).await.is_some(), "{what}: repaired");
            assert_not_found_and_left_alone(&b, &old, &what).await;
            assert!(b.is_alive(&new).await);
        }
    }
}

/// What another client has put in the place of a session, with a tombstone's field: in no list,
/// counted by no revocation, and left alone.
pub async fn a_tombstone_is_in_no_list(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let alive = b.create(session(5000).bind(ann.clone())).await;
    let rotated = b.create(session(5000).bind(ann.clone())).await;
    let new = b.rotate(&rotated, Delta::new()).await.id;
    let replaced = b.create(session(5000).bind(ann.clone())).await;
    let hash = b.stored(&replaced).await.fields().to_vec();
    let future = h.now().await.plus_millis(100_000).get().to_string();
    h.plant(
        &replaced,
        with(hash, "session_rotated", future),
        Some(secs(5000)),
    )
    .await;
    let before = b.snapshots(&[rotated, replaced]).await;
    b.assert_listed(&ann, [&alive, &new]).await;
    let public_ids = (b.public_id(&new).await, b.public_id(&alive).await);
    assert!(b.revoke_session(&ann, &public_ids.0).done().await);
    assert_eq!(b.revoke_sessions(&ann, None).done().await, 1);
    b.assert_all_unchanged(&before, "lists and revocations")
        .await;
}

/// Whom each rotation of a chain, and the creation before it, binds to.
#[derive(Debug, Clone, Copy)]
enum Then {
    Bare,
    Bind(usize),
    Unbind,
}

/// A deletion of any id of a chain ends the session at its end, unless the principal changed on the
/// way; and leaves the tombstones as they are.
pub async fn a_deletion_follows_rotations(h: &dyn Harness) {
    use Then::{Bare, Bind, Unbind};
    let b = Bench::new(h).await;
    for (creation, rotations, follows) in [
        (Bare, &[Bare][..], &[true][..]),
        (Bare, &[Unbind], &[true]),
        (Bare, &[Bind(0)], &[false]),
        (Bind(0), &[Bare], &[true]),
        (Bind(0), &[Bind(0)], &[true]),
        (Bind(0), &[Bind(1)], &[false]),
        (Bind(0), &[Unbind], &[false]),
        (Bare, &[Bare, Bare, Bare], &[true, true, true]),
        (Bind(0), &[Bare, Bind(0), Bare], &[true, true, true]),
        (Bare, &[Bare, Bind(0), Bare], &[false, false, true]),
        (Bind(0), &[Bind(1), Bind(0)], &[false, false]),
    ] {
        for (n, follows) in follows.iter().enumerate() {
            let what = format!("id {n} of {creation:?}, {rotations:?}");
            let people = [fresh_principal("ann"), fresh_principal("bob")];
            let ids = chain(&b, &people, creation, rotations).await;
            let (last, old) = ids.split_last().expect("a chain");
            let before = b.snapshots(old).await;
            let session = b.snapshot(last).await;
            assert_eq!(b.delete(&old[n]).await, *follows, "{what}");
            assert_eq!(b.is_alive(last).await, !follows, "{what}");
            if *follows {
                assert_eq!(h.dump(last).await, None, "{what}");
                for who in &people {
                    b.assert_listed(who, []).await;
                }
            } else {
                b.assert_unchanged(last, &session, &what).await;
            }
            // Whoever else comes with an old id, nothing is ended twice.
            for id in old.iter().take(n + 1) {
                let removed = b.remove(&RemoveRequest::new(id)).done().await;
                assert_eq!(removed, RemoveOutcome::Rotated, "{what}");
                assert_eq!(told(&b, id).await, Told::Rotated, "{what}");
            }
            b.assert_all_unchanged(&before, &what).await;
        }
    }
}

/// The ids of a session that is created and rotated so.
async fn chain(
    b: &Bench<'_>,
    people: &[Principal],
    creation: Then,
    rotations: &[Then],
) -> Vec<SessionId> {
    let new = match creation {
        Then::Bind(who) => session(5000).bind(people[who].clone()),
        _ => session(5000),
    };
    let mut ids = vec![b.create(new).await];
    for then in rotations {
        let delta = match then {
            Then::Bare => Delta::new(),
            Then::Bind(who) => Delta::new().bind(people[*who].clone()),
            Then::Unbind => Delta::new().unbind(),
        };
        ids.push(b.rotate(&ids[ids.len() - 1], delta).await.id);
    }
    ids
}

/// Once a tombstone has ended, the old id is one that nobody knows, and ends nobody.
pub async fn a_deletion_after_the_tombstone_ends_nobody(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let old = b.create(session(5000)).await;
    let new = b.rotate(&old, Delta::new()).await.id;
    h.advance(secs(10) + MILLISECOND).await;
    let removed = b.remove(&RemoveRequest::new(&old)).done().await;
    assert_eq!(removed, RemoveOutcome::NotFound);
    assert!(b.is_alive(&new).await);
}

/// A deletion follows a tombstone to a session only, and comes back from a circle that another
/// client has planted, from a text that names no key, and from what is no session.
pub async fn a_deletion_follows_no_circle(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ends_nobody = async |id: &SessionId, what: &str| {
        let removed = b.remove(&RemoveRequest::new(id)).done().await;
        assert_eq!(removed, RemoveOutcome::Rotated, "{what}");
    };
    let first = b.create(session(5000)).await;
    let second = b.rotate(&first, Delta::new()).await.id;
    let third = b.rotate(&second, Delta::new()).await.id;
    // A circle of one, and of two.
    let [one, two] =
        [b.stored(&first).await, b.stored(&second).await].map(|it| it.fields().to_vec());
    h.plant(&second, one.clone(), Some(secs(5000))).await;
    ends_nobody(&second, "a circle of one").await;
    h.plant(&second, two, Some(secs(5000))).await;
    h.plant(&third, one, Some(secs(5000))).await;
    for id in [&first, &second, &third] {
        ends_nobody(id, "a circle of two").await;
    }
    // Nor to what is no session.
    h.plant(&third, guide_hash("never"), Some(secs(5000))).await;
    let before = b.snapshot(&third).await;
    ends_nobody(&first, "no session").await;
    b.assert_unchanged(&third, &before, "a deletion").await;
    let future = h.now().await.plus_millis(100_000).get();
    for key in ["", " nobody", " @", " \0\r\n", "  ", " {abc}x"] {
        let hash = with(Vec::new(), "session_rotated", format!("{future}{key}"));
        let id = b.plant(hash, Some(secs(5000))).await;
        ends_nobody(&id, key).await;
    }
}

/// A deletion of an old id that races rotations ends the session: when it is acknowledged, no id
/// of it lives, and no rotation succeeds after that.
pub async fn racing_rotations_do_not_escape_a_deletion(h: &dyn Harness) {
    races::logout_against_rotations(h, 20).await;
}

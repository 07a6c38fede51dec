//! What a log-in gives a session, and what a log-out that keeps it takes away.

use session_core::{
    Delta, Limits, LogIn, OnExcess, Principal, PublicId, SessionId, SessionRecord, Touch,
    UnixMillis,
};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, add, fresh_principal, guide_hash, lasting, limit, secs, session, set, ttl, with,
};

/// The public id, the time of the log-in and its persistence.
type Facts = (Option<PublicId>, Option<UnixMillis>, Option<bool>);

/// What a record shows of the log-in. It is what is stored.
async fn facts(b: &Bench<'_>, id: &SessionId) -> Facts {
    let record = b.peek(id).await;
    let stored = b.stored_text(id, "session_public_id").await;
    assert_eq!(record.public_id().map(|own| own.to_string()), stored);
    let stored = b.stored_text(id, "session_login_at").await;
    assert_eq!(record.login_at().map(|at| at.get().to_string()), stored);
    let stored = b.stored_text(id, "session_persistent").await;
    let persistent = record.persistent();
    assert_eq!(persistent.map(|it| u8::from(it).to_string()), stored);
    (record.public_id(), record.login_at(), persistent)
}

/// A log-in of this principal's that says this of its persistence.
fn log_in(principal: &Principal, persistent: Option<bool>) -> LogIn {
    let log_in = LogIn::new(principal.clone());
    persistent.into_iter().fold(log_in, LogIn::persistent)
}

/// Uses the session in one of the ways, which are no log-in; its id after that.
async fn use_it(b: &Bench<'_>, id: SessionId, way: usize) -> SessionId {
    match way {
        0 => assert!(b.get_session(&id).done().await.is_some()),
        1 => drop(b.update(&id, set("a", "b")).await),
        2 => assert!(b.set_session_ttl(&id, ttl(2000)).done().await),
        3 => drop(b.update(&id, Delta::new().keep_only([])).await),
        4 => return b.rotate(&id, Delta::new()).await.id,
        _ => return b.rotate(&id, add("n", 1).touch(Touch::Never)).await.id,
    }
    id
}

const WAYS: usize = 6;

/// Nearer or farther than the one before, or the first: the lifetime of the log-in counts from it.
pub async fn a_log_in_with_a_lifetime_fixes_the_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut timer = b.timer().await;
    let mut id = b.create(session(100)).await;
    for (n, lifetime) in [5000, 300, 9000, 50, 200].into_iter().enumerate() {
        timer.restart().await;
        let bind = Delta::new().bind_for(ann.clone(), lasting(lifetime));
        id = b.change(&id, bind, n % 2 == 1).await.0;
        timer.assert_deadline(&id, secs(lifetime)).await;
        timer.assert_expiry(&id, secs(lifetime.min(100))).await;
        // A log-in without one leaves it where it is.
        timer.advance(secs(10)).await;
        b.bind(&id, &ann).await;
        timer.assert_deadline(&id, secs(lifetime)).await;
    }
    timer.restart().await;
    let log_in = LogIn::new(ann).lifetime(lasting(300));
    let new = session(100).max_lifetime(lasting(900)).bind(log_in);
    let id = b.create(new).await;
    timer.assert_deadline(&id, secs(300)).await;
}

/// The expiry is not left beyond the deadline, though the write is no use; and it is not slid.
pub async fn a_quiet_log_in_with_a_lifetime_caps_the_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for (lifetime, left) in [(300, 300), (5000, 900)] {
        let id = b.create(session(1000)).await;
        let bind = Delta::new().bind_for(ann.clone(), lasting(lifetime));
        h.advance(secs(100)).await;
        let mut timer = b.timer().await;
        b.update(&id, bind.touch(Touch::Never)).await;
        match left {
            300 => timer.assert_expiry(&id, secs(300)).await,
            // It was created some real milliseconds before the timer started.
            _ => assert!(b.expires_in(&id).await <= secs(left), "it was slid"),
        }
    }
}

/// Asserts a log-in that took place between these two readings of the store's clock.
fn assert_logged_in(record: &SessionRecord, since: UnixMillis, until: UnixMillis) {
    let login_at = record.login_at().expect("the time of the log-in");
    assert!(
        (since..=until).contains(&login_at),
        "{login_at:?} is not between {since:?} and {until:?}"
    );
    assert!(record.public_id().is_some());
}

/// At creation, by a write, by a rotation, and once more for the same principal: a fresh public id,
/// and the time by the backend's clock.
pub async fn each_binding_is_a_log_in_of_its_own(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let since = h.now().await;
    let new = session(1000).bind(ann.clone());
    let created = b.create_session(new).done().await;
    assert_logged_in(&created.record, since, h.now().await);
    let mut id = created.id;
    let mut seen = vec![created.record.public_id()];
    for n in 0..4 {
        h.advance(secs(20)).await;
        let since = h.now().await;
        let bind = Delta::new().bind(ann.clone()).returning_record();
        let written;
        (id, written) = b.change(&id, bind, n % 2 == 1).await;
        let record = written.record.expect("a record");
        assert_logged_in(&record, since, h.now().await);
        assert!(!seen.contains(&record.public_id()), "it is not fresh");
        seen.push(record.public_id());
        let (public_id, login_at, _) = facts(&b, &id).await;
        assert_eq!(public_id, record.public_id());
        assert_eq!(login_at, record.login_at());
        let listed = b.list_sessions(&ann).done().await;
        assert_eq!(listed.len(), 1);
        assert_eq!(Some(listed[0].public_id), public_id);
        assert_eq!(listed[0].login_at, login_at);
    }
}

/// No use, no change and no rotation touches either.
pub async fn uses_and_rotations_keep_the_log_in(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut id = b.create(session(1000).bind(ann.clone())).await;
    let log_in = facts(&b, &id).await;
    assert!(log_in.0.is_some() && log_in.1.is_some());
    for n in 0..WAYS {
        h.advance(secs(20)).await;
        id = use_it(&b, id, n).await;
        assert_eq!(facts(&b, &id).await, log_in, "after {n}");
        assert_eq!(Some(b.listed(&ann).await), log_in.0.map(|own| vec![own]));
    }
}

/// At creation, by a write and by a rotation, of the same principal and of another one, whatever
/// the log-in before it said: one that does not say leaves none.
pub async fn each_log_in_has_its_own_persistence(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let [ann, bob] = ["ann", "bob"].map(fresh_principal);
    let (yes, no) = (Some(true), Some(false));
    for is_rotation in [false, true] {
        for principals in [[&ann, &ann], [&bob, &ann]] {
            for created in [None, yes, no] {
                let new = session(100).bind(log_in(&ann, created));
                let created_session = b.create_session(new).done().await;
                assert_eq!(created_session.record.persistent(), created);
                let mut id = created_session.id;
                assert_eq!(facts(&b, &id).await.2, created);
                // After each of the three, each of the three.
                for (n, said) in [None, yes, yes, no, no, None, no, yes, None]
                    .into_iter()
                    .enumerate()
                {
                    let bind = Delta::new().bind(log_in(principals[n % 2], said));
                    let written;
                    (id, written) = b.change(&id, bind.returning_record(), is_rotation).await;
                    assert_eq!(written.record.expect("a record").persistent(), said);
                    assert_eq!(facts(&b, &id).await.2, said);
                }
            }
        }
    }
}

/// Whatever the text is, and whoever stored it. It takes no place among the fields.
pub async fn uses_and_rotations_keep_the_persistence(h: &dyn Harness) {
    let limits = Limits::default().with_fields(3);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    for (text, shown) in [
        (b"1".as_slice(), Some(true)),
        (b"0", Some(false)),
        (b"", None),
        (b"01", None),
        (b"true", None),
        (&[0xff], None),
    ] {
        let hash = with(guide_hash("1000"), "session_persistent", text);
        let mut id = b.plant(hash, Some(secs(900))).await;
        for n in 0..WAYS {
            id = use_it(&b, id, n).await;
            assert_eq!(b.peek(&id).await.persistent(), shown, "after {n}");
            let key = b.stored(&id).await;
            assert_eq!(key.field("session_persistent"), Some(text), "after {n}");
        }
    }
}

/// A session that is unbound is nobody's: in no list, ended with nobody's sessions, with all its
/// fields and its deadline.
pub async fn an_unbound_session_is_in_no_list(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for is_rotation in [false, true] {
        for touch in [Touch::Always, Touch::Never] {
            let mut timer = b.timer().await;
            let new = session(100).bind(log_in(&ann, Some(true)));
            let id = b.create(new.max_lifetime(lasting(900))).await;
            let public_id = b.public_id(&id).await;
            let unbind = set("a", "1").unbind().touch(touch).returning_record();
            let (id, written) = b.change(&id, unbind, is_rotation).await;
            let record = written.record.expect("a record");
            assert_eq!((record.principal(), record.public_id()), (None, None));
            assert_eq!(record.fields().get_str("username"), Some("andrew"));
            assert_eq!(record.fields().get_str("a"), Some("1"));
            assert_eq!(facts(&b, &id).await, (None, None, None));
            let key = b.stored(&id).await;
            assert_eq!(key.field("session_principal"), None);
            timer.assert_deadline(&id, secs(900)).await;

            b.assert_listed(&ann, []).await;
            let found = b.get_session_of(&ann, &public_id).done().await;
            assert_eq!(found, None);
            let ended = b.revoke_sessions(&ann, None).done().await;
            assert_eq!(ended, 0);
            assert!(b.is_alive(&id).await);
        }
    }
}

/// It leaves its place in the quota, and can be bound again.
pub async fn an_unbound_session_makes_room(h: &dyn Harness) {
    let limit = limit(1, OnExcess::Refuse);
    let b = Bench::with(h, |policy| policy.with_principal_limit(limit)).await;
    let ann = fresh_principal("ann");
    let first = b.create(session(100).bind(ann.clone())).await;
    let refused = b.create_session(session(100).bind(ann.clone())).await;
    assert!(refused.is_err());
    b.update(&first, Delta::new().unbind()).await;
    let second = b.create(session(100).bind(ann.clone())).await;
    b.assert_listed(&ann, [&second]).await;
    b.update(&second, Delta::new().unbind()).await;
    b.bind(&first, &ann).await;
    b.assert_listed(&ann, [&first]).await;
}

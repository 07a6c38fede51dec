//! What a read sees of what was changed before it, here and elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_core::{
    Delta, OnExcess, Principal, PublicId, SessionBackend, SessionId, SessionPolicy, SessionRecord,
    Touch,
};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding as _, Step as _, add, fresh_principal, limit, name, secs, session, set,
};
use crate::races::both;

/// What ends or changes a session that was read.
#[derive(Debug, Clone, Copy)]
enum Change {
    Write,
    QuietWrite,
    Increment,
    Removal,
    Unbinding,
    Rotation,
    Deletion,
    /// By the id that the session had before: the step finds the session by itself.
    DeletionAlongTombstone,
    /// As the next ones, one that does not name the session's id.
    Revocation,
    RevocationOfAll,
    Eviction,
}

impl Change {
    const ALL: [Self; 11] = [
        Self::Write,
        Self::QuietWrite,
        Self::Increment,
        Self::Removal,
        Self::Unbinding,
        Self::Rotation,
        Self::Deletion,
        Self::DeletionAlongTombstone,
        Self::Revocation,
        Self::RevocationOfAll,
        Self::Eviction,
    ];

    async fn make(self, b: &Bench<'_>, subject: &Subject) {
        let Subject {
            id,
            was,
            ann,
            public_id,
        } = subject;
        match self {
            Self::Write => drop(b.update(id, set("username", "bob")).await),
            Self::QuietWrite => {
                let delta = set("n", "2").touch(Touch::Never);
                drop(b.update(id, delta).await);
            }
            Self::Increment => assert_eq!(b.count(id, "n", 1).await, 2),
            Self::Removal => drop(b.update(id, Delta::new().remove(name("n"))).await),
            Self::Unbinding => drop(b.update(id, Delta::new().unbind()).await),
            Self::Rotation => drop(b.rotate(id, Delta::new()).await),
            Self::Deletion => assert!(b.delete(id).await),
            Self::DeletionAlongTombstone => assert!(b.delete(was).await),
            Self::Revocation => assert!(b.revoke_session(ann, public_id).done().await),
            Self::RevocationOfAll => {
                assert_eq!(b.revoke_sessions(ann, None).done().await, 1);
            }
            Self::Eviction => {
                b.create(session(1000).bind(ann.clone())).await;
            }
        }
    }

    /// What is seen under the session's id after it: the name, the counter, and whose it is.
    const fn seen_after(self) -> Option<Seen> {
        match self {
            Self::Write => Some(Seen("bob", Some("1"), true)),
            Self::QuietWrite | Self::Increment => Some(Seen("andrew", Some("2"), true)),
            Self::Removal => Some(Seen("andrew", None, true)),
            Self::Unbinding => Some(Seen("andrew", Some("1"), false)),
            _ => None,
        }
    }

    /// Whether the principal has the session under its public id after it. A rotation changes the
    /// id only.
    const fn leaves_it_bound(self) -> bool {
        matches!(self, Self::Rotation) || matches!(self.seen_after(), Some(Seen(_, _, true)))
    }
}

/// The name and the counter of a session, and whether it is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen(&'static str, Option<&'static str>, bool);

const BEFORE: Option<Seen> = Some(Seen("andrew", Some("1"), true));

/// A session of ann's, and the id that it had before.
struct Subject {
    id: SessionId,
    was: SessionId,
    ann: Principal,
    public_id: PublicId,
}

impl Subject {
    async fn new(b: &Bench<'_>) -> Self {
        let ann = fresh_principal("ann");
        let was = b.create(session(1000).bind(ann.clone())).await;
        let id = b.rotate(&was, add("n", 1)).await.id;
        let public_id = b.public_id(&id).await;
        Self {
            id,
            was,
            ann,
            public_id,
        }
    }

    /// Whether this is what all reads see; each of them must see this or `BEFORE`.
    async fn is_seen(&self, reader: &dyn SessionBackend, expected: Option<Seen>) -> bool {
        let peeked = reader.peek_session(&self.id).done().await;
        let got = reader.get_session(&self.id).done().await;
        [peeked, got].into_iter().all(|record| {
            let seen = record.map(|record| {
                let field = |name| record.fields().get_str(name).map(str::to_owned);
                (field("username"), field("n"), record.principal().is_some())
            });
            let is = |it: Option<Seen>| {
                let it = it.map(|Seen(name, n, is_bound)| {
                    (Some(name.to_owned()), n.map(str::to_owned), is_bound)
                });
                seen == it
            };
            assert!(is(expected) || is(BEFORE), "{seen:?}");
            is(expected)
        })
    }
}

/// One log-in of a principal, and reads that change nothing: whoever keeps sessions may serve them.
fn policy(policy: SessionPolicy) -> SessionPolicy {
    policy
        .with_principal_limit(limit(1, OnExcess::EvictOldest))
        .with_touch(Touch::IfOlderThan(secs(60)))
}

/// Whatever ends or changes a session: the next read by the same backend sees it.
pub async fn a_backend_sees_its_own_changes_at_once(h: &dyn Harness) {
    let b = Bench::with(h, policy).await;
    for change in Change::ALL {
        let subject = Subject::new(&b).await;
        assert!(subject.is_seen(&*b, BEFORE).await, "{change:?}");
        change.make(&b, &subject).await;
        let is_seen = subject.is_seen(&*b, change.seen_after()).await;
        assert!(is_seen, "{change:?}");
        let bound = b.peek_session_of(&subject.ann, &subject.public_id).done();
        let is_bound = bound.await.is_some();
        assert_eq!(is_bound, change.leaves_it_bound(), "{change:?}");
    }
}

/// Reads until this is seen, of a change that is acknowledged. A read that begins later than the
/// bound after it must see it.
async fn see(reader: &Bench<'_>, subject: &Subject, expected: Option<Seen>, what: &str) {
    let (acknowledged, bound) = (Instant::now(), reader.h.staleness_bound());
    loop {
        let may_be_old = bound > Duration::ZERO && acknowledged.elapsed() <= bound;
        if subject.is_seen(&**reader, expected).await {
            return;
        }
        assert!(may_be_old, "{what} is not seen");
        tokio::task::yield_now().await;
    }
}

/// Whatever another backend ends or changes: a read that begins later than the bound after that
/// sees it.
pub async fn changes_by_others_are_seen_within_the_bound(h: &dyn Harness) {
    let (reader, other) = (Bench::with(h, policy).await, Bench::with(h, policy).await);
    for change in Change::ALL {
        let subject = Subject::new(&reader).await;
        assert!(subject.is_seen(&*reader, BEFORE).await, "{change:?}");
        change.make(&other, &subject).await;
        see(
            &reader,
            &subject,
            change.seen_after(),
            &format!("{change:?}"),
        )
        .await;
    }
}

/// So is what an operator ends, who knows the public id only.
pub async fn an_operators_revocation_is_seen_within_the_bound(h: &dyn Harness) {
    let (reader, operator) = (Bench::with(h, policy).await, h.admin().await);
    let subject = Subject::new(&reader).await;
    assert!(subject.is_seen(&*reader, BEFORE).await);
    assert!(operator.revoke_session(&subject.public_id).done().await);
    see(&reader, &subject, None, "a revocation").await;
}

/// A fresh read sees what anybody has changed before it, at once, and else does what a read does.
pub async fn a_fresh_read_sees_all_that_was_changed(h: &dyn Harness) {
    let (reader, other) = (Bench::with(h, policy).await, Bench::with(h, policy).await);
    for change in Change::ALL {
        let subject = Subject::new(&reader).await;
        assert!(subject.is_seen(&*reader, BEFORE).await, "{change:?}");
        let fresh = reader.get_fresh_session(&subject.id).found().await;
        let got = reader.get(&subject.id).await;
        assert_eq!(fresh.fields(), got.fields(), "{change:?}");
        change.make(&other, &subject).await;
        let fresh = reader.get_fresh_session(&subject.id).done().await;
        let stored = other.peek_session(&subject.id).done().await;
        let shown = |record: &SessionRecord| (record.fields().clone(), record.principal());
        assert_eq!(
            fresh.as_ref().map(shown),
            stored.as_ref().map(shown),
            "{change:?}"
        );
        // What the fresh read has seen, no later one takes back.
        assert!(
            subject.is_seen(&*reader, change.seen_after()).await,
            "{change:?}"
        );
    }
}

/// While another backend counts, the reads of one, one after another, never go back.
pub async fn reads_do_not_go_back(h: &dyn Harness) {
    const COUNTS: i64 = 200;
    let (reader, other) = (Bench::with(h, policy).await, Bench::with(h, policy).await);
    let id = reader.create(session(1000)).await;
    let is_done = AtomicBool::new(false);
    let count = async {
        for n in 1..=COUNTS {
            assert_eq!(other.count(&id, "n", 1).await, n);
            tokio::task::yield_now().await;
        }
        is_done.store(true, Ordering::Relaxed);
    };
    let read = async {
        let mut last = 0;
        while !is_done.load(Ordering::Relaxed) {
            let record = reader.get(&id).await;
            let n = record.fields().get_str("n").map(str::parse);
            let n = n.transpose().expect("a number").unwrap_or(0);
            assert!(n >= last, "{n} after {last}");
            last = n;
            tokio::task::yield_now().await;
        }
    };
    both(count, read).await;
}

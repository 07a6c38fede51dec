//! The cookie as browsers see it.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{World, insert, log_out, principal, read, rotate};
use http::header::{CACHE_CONTROL, VARY};
use session_core::{Lifetime, LogIn, SessionId, SessionPolicy, SessionTtl, Touch};
use session_memory::Step;
use session_tower::{ReadSession, Session, SessionCookie, SessionLayer};

/// A persistent cookie, over a policy.
fn persistent(policy: SessionPolicy) -> World {
    let mut world = World::with_policy(policy);
    let cookie = SessionCookie::host("id").persistent().build().unwrap();
    world.layer = SessionLayer::new(Arc::new(world.backend.clone())).with_cookie(cookie);
    world
}

fn max_age(line: Option<&str>) -> Option<u64> {
    let (_, age) = line?.split_once("; Max-Age=")?;
    Some(age.parse().unwrap())
}

#[tokio::test]
async fn the_cookie_is_sent_when_it_changes_and_only_then() {
    let world = World::new();
    let begin = world.visit(None, insert).await;
    let id = begin.new_id().unwrap();
    let expected = format!(
        "__Host-id={}; Path=/; Secure; HttpOnly; SameSite=Lax",
        id.expose()
    );
    assert_eq!(begin.set_cookie(), Some(&*expected));
    begin.assert_headers_agree();

    let read = world.visit(Some(&id), read).await;
    let write = world
        .visit(Some(&id), async |session: Session| session.insert("a", "2"))
        .await;
    for reply in [read, write] {
        assert_eq!(reply.set_cookie(), None);
        assert_eq!(reply.response.headers()[CACHE_CONTROL], "private");
        // What the response says depends on the cookie all the same.
        assert_eq!(reply.response.headers()[VARY], "Cookie");
    }

    let rotate = world.visit(Some(&id), rotate).await;
    rotate.assert_headers_agree();
    assert_ne!(rotate.new_id().unwrap(), id);
}

#[tokio::test]
async fn unknown_expired_and_ended_ids_get_the_same_answer() {
    let world = World::new();
    let ended = world.session().await;
    let expired = world.session().await;
    world.visit(Some(&ended), log_out).await;
    world.clock.advance(Duration::from_secs(1801));
    let unknown = SessionId::random().unwrap();
    let mut answers = Vec::new();
    let ids = [&ended, &expired, &unknown].map(SessionId::expose);
    for value in ids {
        let line = format!("__Host-id={value}");
        let reply = world.visit_with(&[line.as_bytes()], read).await;
        // Another request may have set a newer cookie meanwhile.
        assert_eq!(reply.set_cookie(), None);
        answers.push(format!("{:?}", reply.response));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    for value in ["guess", ""] {
        let line = format!("__Host-id={value}");
        assert!(
            world
                .visit_with(&[line.as_bytes()], read)
                .await
                .is_cleared()
        );
    }
}

#[tokio::test]
async fn a_malformed_cookie_is_left_alone_by_those_who_do_not_ask() {
    let world = World::new();
    let reply = world.visit_with(&[b"__Host-id=guess"], async |_| ()).await;
    assert!(reply.is_untouched());
}

// ---- Persistent cookies -------------------------------------------------------------------------

/// Its age is the time to the deadline, or the 400 days that browsers keep it at most: that the
/// session slides needs no word.
#[tokio::test]
async fn a_persistent_cookie_lives_until_the_deadline() {
    const DAYS_400: u64 = 34_560_000;
    for (lifetime, at_first, later) in [(None, DAYS_400, DAYS_400), (Some(5000), 5000, 4900)] {
        let mut policy = SessionPolicy::new();
        if let Some(secs) = lifetime {
            policy = policy.with_max_lifetime(Lifetime::from_secs(secs).unwrap());
        }
        let world = persistent(policy);
        let begin = world.visit(None, insert).await;
        assert_eq!(max_age(begin.set_cookie()), Some(at_first));
        let id = begin.new_id().unwrap();
        world.clock.advance(Duration::from_secs(100));
        for reply in [
            world.visit(Some(&id), read).await,
            world.visit(Some(&id), insert).await,
            world
                .visit(Some(&id), async |session: Session| {
                    session.set_ttl(SessionTtl::from_secs(60)?)
                })
                .await,
        ] {
            assert_eq!(reply.set_cookie(), None);
        }
        let rotate = world.visit(Some(&id), rotate).await;
        assert_eq!(max_age(rotate.set_cookie()), Some(later));
        rotate.assert_headers_agree();
    }
}

#[tokio::test]
async fn where_reads_never_slide_reading_sends_no_cookie() {
    let world = persistent(SessionPolicy::new().with_touch(Touch::Never));
    let id = world.session().await;
    let read = world
        .visit(Some(&id), async |session: Session| {
            ReadSession::from(session.clone()).get_raw("seen").await?;
            session.get_raw("seen").await.map(|_| ())
        })
        .await;
    assert_eq!(read.set_cookie(), None);
    // A look is as good as a use.
    read.assert_cost(&[(Step::Read, 1)]);
}

/// "Remember me": what a log-in says of its cookie and its lifetime holds for it and its rotations.
#[tokio::test]
async fn a_log_in_decides_how_long_its_cookie_is_kept() {
    let hour = Lifetime::from_secs(3600).unwrap();
    let ann = || LogIn::new(principal("ann"));
    for (by_default, log_in, expected) in [
        (false, ann(), None),
        (false, ann().persistent(true), Some(12 * 3600)),
        (false, ann().persistent(true).lifetime(hour), Some(3600)),
        (false, ann().lifetime(hour), None),
        (true, ann(), Some(12 * 3600)),
        (true, ann().persistent(false), None),
        (true, ann().lifetime(hour), Some(3600)),
    ] {
        for has_session in [false, true] {
            let world = match by_default {
                true => persistent(SessionPolicy::new()),
                false => World::new(),
            };
            let id = world.session().await;
            let (first, again) = (log_in.clone(), log_in.clone().persistent(false));
            let reply = world
                .visit(has_session.then_some(&id), async move |session: Session| {
                    session.log_in(first)
                })
                .await;
            assert_eq!(
                max_age(reply.set_cookie()),
                expected,
                "{by_default} {log_in:?}"
            );
            let id = reply.new_id().unwrap();
            // One step each, read before or not.
            let bare = world.visit(Some(&id), rotate).await;
            bare.assert_cost(&[(Step::Rename, 1)]);
            assert_eq!(max_age(bare.set_cookie()), expected);
            let known = world
                .visit(bare.new_id().as_ref(), async |session: Session| {
                    session.load().await?;
                    session.rotate()
                })
                .await;
            assert_eq!(max_age(known.set_cookie()), expected);
            // The next log-in decides again.
            let other = world
                .visit(known.new_id().as_ref(), async move |session: Session| {
                    session.log_in(again)
                })
                .await;
            assert_eq!(max_age(other.set_cookie()), None);
        }
    }
}

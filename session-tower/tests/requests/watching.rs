//! Open connections watch their session. In tokio's paused time, which is the store's, too.

mod shared;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::{World, insert, is_dropped, log_in, name, principal, rotate};
use session_core::{
    Clock, Delta, Effect, ErrorKind, Fields, Lifetime, LogIn, NewSession, SessionBackend,
    SessionId, SessionPolicy, SessionRecord, SessionTtl, Touch,
};
use session_memory::{MemoryBackend, Step};
use session_tower::{ReadSession, Session, SessionEnd, SessionError, SessionLayer, Watch};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// The longest that a look comes after another one.
const INTERVAL: Duration = Duration::from_millis(5_750);
const TTL: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_767_225_600) + self.0.elapsed()
    }
}

fn world_with(policy: SessionPolicy) -> World {
    let clock = Arc::new(TokioClock(Instant::now()));
    let ttl = SessionTtl::try_from(TTL).unwrap();
    let policy = policy.with_default_ttl(ttl).with_clock(clock.clone());
    let backend = MemoryBackend::builder().policy(policy).clock(clock).build();
    let layer = SessionLayer::new(Arc::new(backend.clone()));
    World {
        backend,
        clock: Arc::default(),
        layer,
    }
}

fn world() -> World {
    world_with(SessionPolicy::new())
}

/// A session of nobody, or of ann until its deadline, in two minutes.
async fn session(world: &World, is_bound: bool) -> SessionId {
    let mut new = NewSession::new(Fields::new().with(name("seen"), "yes"));
    if is_bound {
        let lifetime = Lifetime::from_secs(120).unwrap();
        new = new.bind(LogIn::new(principal("ann")).lifetime(lifetime));
    }
    world.backend.create_session(new).await.unwrap().id
}

/// Requests with this id, and takes from the handler what it makes of its session.
async fn with_session<T, F>(
    world: &World,
    id: &SessionId,
    take: impl FnOnce(Session) -> F + Send + 'static,
) -> T
where
    T: Send + 'static,
    F: Future<Output = Result<T, SessionError>> + Send,
{
    let (sender, receiver) = oneshot::channel();
    let reply = world.visit(Some(id), async move |session| {
        assert!(sender.send(take(session).await?).is_ok());
        Ok::<(), SessionError>(())
    });
    assert_eq!(reply.await.status(), 200);
    receiver.await.unwrap()
}

async fn watch(world: &World, id: &SessionId) -> Watch {
    let watch = with_session(world, id, async |session: Session| session.watch().await);
    watch.await.expect("it lives")
}

/// What becomes of a session by its next request.
async fn request<F>(
    world: &World,
    id: &SessionId,
    handler: impl FnOnce(Session) -> F + Send + 'static,
) -> SessionId
where
    F: Future<Output = Result<(), SessionError>> + Send,
{
    let reply = world.visit(Some(id), handler).await;
    reply.new_id().unwrap_or_else(|| id.clone())
}

fn looks(world: &World) -> u64 {
    world.backend.faults().calls_of(Step::Read)
}

#[tokio::test(start_paused = true)]
async fn a_watch_says_how_its_session_is_over() {
    use SessionEnd::{Ended, Expired, Rotated};
    for (is_bound, what, expected) in [
        (false, "delete", Ended),
        (true, "delete", Ended),
        (true, "revoke", Ended),
        (true, "rotate, revoke", Ended),
        (false, "wait", Expired),
        (true, "wait", Expired),
        (true, "rotate, wait", Expired),
        (true, "use, wait", Expired),
        (false, "rotate", Rotated),
        (false, "log in", Rotated),
        (true, "log in", Rotated),
        (true, "log in another", Rotated),
        (true, "log out keeping", Rotated),
        (true, "unbind", Rotated),
        (true, "bind", Rotated),
        (true, "bind another", Rotated),
        (false, "bind", Rotated),
    ] {
        let world = world();
        let mut id = session(&world, is_bound).await;
        let watch = watch(&world, &id).await;
        let ended = tokio::spawn({
            let watch = watch.clone();
            async move { (watch.ended().await, Instant::now()) }
        });
        let mut over_at = None;
        for what in what.split(", ") {
            sleep(Duration::from_secs(12)).await;
            assert!(watch.load().await.unwrap().is_some() && !ended.is_finished());
            let backend = &world.backend;
            let record = world.peek(&id).await.unwrap();
            match what {
                "delete" => assert!(backend.delete_session(&id).await.unwrap()),
                "revoke" => {
                    let public_id = record.public_id().unwrap();
                    let ann = principal("ann");
                    assert!(backend.revoke_session(&ann, &public_id).await.unwrap());
                }
                "wait" => over_at = Some(Instant::now() + record.ttl().as_duration().unwrap()),
                "use" => id = request(&world, &id, insert).await,
                "rotate" => id = request(&world, &id, rotate).await,
                "log in" => id = request(&world, &id, log_in).await,
                "log in another" => {
                    id = request(&world, &id, async |session: Session| {
                        session.log_in(principal("bob"))
                    })
                    .await;
                }
                "log out keeping" => {
                    id = request(&world, &id, async |session: Session| {
                        session.log_out_keeping(["seen"])
                    })
                    .await;
                }
                in_its_place => {
                    let delta = match in_its_place {
                        "bind" => Delta::new().bind(principal("ann")),
                        "bind another" => Delta::new().bind(principal("bob")),
                        _ => Delta::new().unbind(),
                    };
                    assert!(backend.update_session(&id, delta).await.unwrap().is_some());
                }
            }
        }
        let at = over_at.unwrap_or_else(Instant::now);
        let tolerance = over_at.map_or(INTERVAL, |_| Duration::from_millis(25));
        let (end, told) = ended.await.unwrap();
        assert_eq!((end, watch.ended().await), (expected, expected), "{what}");
        let late = told.saturating_duration_since(at);
        assert!(told >= at && late <= tolerance, "{what}: {late:?}");
        assert_eq!(watch.load().await.unwrap(), None);
        assert!(!watch.touch().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_bound_session_is_followed_and_a_newer_request_tells_its_id() {
    let world = world();
    let mut id = session(&world, true).await;
    let first = watch(&world, &id).await;
    for _ in 0..2 {
        id = request(&world, &id, rotate).await;
        // Longer than the tombstone lives.
        sleep(Duration::from_secs(15)).await;
        let record = first.load().await.unwrap().unwrap();
        assert_eq!(record.fields().get_str("seen"), Some("yes"));
    }
    world.backend.faults().reset_calls();
    assert!(timeout(2 * INTERVAL, first.ended()).await.is_err());
    assert!((1..=3).contains(&looks(&world)), "one read a look");
    // Who follows by the public id cannot tell a log-in from an end; who has the newest id can.
    let second = watch(&world, &id).await;
    request(&world, &id, log_in).await;
    let ends = tokio::join!(first.ended(), second.ended());
    assert_eq!(ends, (SessionEnd::Rotated, SessionEnd::Rotated));
}

#[tokio::test(start_paused = true)]
async fn a_touch_keeps_alive_and_a_look_does_not() {
    for touch in [Touch::Always, Touch::Never] {
        let world = world_with(SessionPolicy::new().with_touch(touch));
        let id = session(&world, false).await;
        let watch = watch(&world, &id).await;
        // Each is a look.
        world.backend.faults().reset_calls();
        for _ in 0..20 {
            assert!(timeout(TTL / 30, watch.ended()).await.is_err());
            assert!(watch.touch().await.unwrap());
        }
        assert_eq!(looks(&world), 20);
        let opened = Instant::now();
        for _ in 0..5 {
            assert!(timeout(TTL / 2, watch.ended()).await.is_err());
            assert!(watch.touch().await.unwrap());
        }
        let mut last_look: Option<SessionRecord> = None;
        while let Some(record) = watch.load().await.unwrap() {
            last_look = Some(record);
            sleep(TTL / 10).await;
        }
        assert_eq!(watch.ended().await, SessionEnd::Expired);
        assert!(opened.elapsed() <= TTL / 2 * 5 + TTL * 11 / 10);
        let left = last_look.unwrap().ttl().as_duration();
        assert!(left.unwrap() <= TTL / 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_begins_after_what_waits_and_also_after_the_response_headers() {
    let world = world();
    let visitor = session(&world, false).await;
    let (sender, receiver) = oneshot::channel();
    let reply = world.visit(Some(&visitor), async move |session: Session| {
        session.log_in(principal("ann"))?;
        let watch = session.watch().await?.expect("it lives");
        assert!(sender.send((session, watch)).is_ok());
        Ok::<(), SessionError>(())
    });
    let reply = reply.await;
    reply.assert_cost(&[(Step::Rename, 1)]);
    let id = reply.new_id().unwrap();
    let (session, early) = receiver.await.unwrap();
    let late = session.watch().await.unwrap().expect("it lives");
    for watch in [&early, &late] {
        let record = watch.load().await.unwrap().unwrap();
        assert_eq!(record.principal(), Some(principal("ann")));
    }
    request(&world, &id, rotate).await;
    // The handle has the old id, and the watch follows.
    assert_eq!(session.load().await.unwrap(), None);
    assert!(late.load().await.unwrap().is_some());
    assert!(session.watch().await.unwrap().is_none());
    // No session, and one that is about to end.
    let none = SessionId::random().unwrap();
    for id in [&none, &visitor] {
        let watch = with_session(&world, id, async |session: Session| {
            session.log_out()?;
            session.watch().await
        });
        assert!(watch.await.is_none());
    }
    with_session(&world, &visitor, async |session: Session| {
        session.insert("a", "1")?;
        assert!(is_dropped(session.watch().await));
        Ok(())
    })
    .await;
    // What a request could not apply is not applied later.
    let (sender, receiver) = oneshot::channel();
    let id = world.session().await;
    world
        .fault(Step::Write)
        .fail(ErrorKind::Unavailable, Effect::NotApplied);
    let reply = world.visit(Some(&id), async move |session: Session| {
        session.insert("a", "1")?;
        assert!(sender.send(session).is_ok());
        Ok::<(), SessionError>(())
    });
    assert_eq!(reply.await.status(), 503);
    let watch = receiver.await.unwrap().watch().await.unwrap().unwrap();
    assert_eq!(watch.load().await.unwrap().unwrap().fields().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_polling_route_reads_all_it_needs_and_uses_nothing() {
    let world = world();
    let id = session(&world, true).await;
    let watch = with_session(&world, &id, async |session: Session| {
        let look = ReadSession::from(session);
        assert_eq!(look.name(), crate::common::NAME);
        let devices = look.devices(["seen"]).await?;
        assert_eq!(devices[0].fields.get_str("seen"), Some("yes"));
        assert_eq!(Some(devices[0].public_id), look.public_id());
        sleep(TTL - Duration::from_secs(3)).await;
        look.watch().await
    });
    let watch = watch.await.unwrap();
    // What it loaded long ago does not count.
    let told = timeout(Duration::from_millis(3_025), watch.ended()).await;
    assert_eq!(told, Ok(SessionEnd::Expired));
    // A store that fails is not "no session".
    world
        .fault(Step::Read)
        .fail(ErrorKind::Unavailable, Effect::NotApplied);
    let reply = world.visit(Some(&id), async |session: Session| {
        assert!(ReadSession::from(session).watch().await.is_err());
        Ok(())
    });
    assert_eq!(reply.await.status(), 200);
}

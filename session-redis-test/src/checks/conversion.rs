//! From plain ids to hashed ones, while the store is in use.

mod users;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::MultiplexedConnection;
use session_conformance::RawKey;
use session_core::{
    Delta, Effect, ErrorKind, NewSession, PageSize, Principal, SessionAdmin, SessionBackend,
    SessionHandle, SessionId, SessionTtl,
};
use session_redis_wire::{IdStorage, KeyPrefix, KeySpace, hash_slot};

use self::users::Users;
use super::{Administrate, Connect, fields, name};
use crate::harness::raw;
use crate::{Cluster, Proxy, RedisServer, Target, unique_prefix};

/// Sessions that nobody uses meanwhile.
const IDLE: usize = 3_000;

/// All processes of an application go from plain ids to hashed ones, step by step, neighbouring steps side by
/// side, while users log in and out, count, rotate and revoke; and the store is converted under their hands,
/// twice at once. No user is logged out, no count is lost, nobody comes back, every list is complete. Idle
/// sessions keep every field, expiry and deadline. In the end no key and no index member shows an id.
///
/// # Panics
/// When it is not so.
pub async fn a_store_in_use_is_converted<F, B, A>(connect: Connect<F>, admin: Administrate<B, A>)
where
    F: Future<Output = B>,
    B: SessionBackend,
    A: SessionAdmin,
{
    let server = RedisServer::start().await;
    let mut raw = server.connection().await;
    let steps = Steps::connect(connect, server.url()).await;
    let idle = steps.create_idle().await;
    let before = stored(&mut raw, &steps.keys(IdStorage::Plain), &idle).await;
    let mut users = Users::log_in(&steps.plain).await;

    users.live_on(&[&steps.plain]).await;
    users.live_on(&[&steps.plain, &steps.plain_before]).await;
    users.live_on(&[&steps.plain_before]).await;
    users
        .live_on(&[&steps.plain_before, &steps.hashed_after])
        .await;
    let early = admin(&steps.plain_before).convert_sessions().await;
    let error = early.expect_err("nothing is converted to plain");
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Unsupported, Effect::NotApplied)
    );
    let left = admin(&steps.plain).count_sessions().await.expect("a count");
    let all = admin(&steps.hashed_after)
        .count_sessions()
        .await
        .expect("a count");
    assert!(left < all, "an operator sees how many are stored plainly");

    let (one, other) = (admin(&steps.hashed_after), admin(&steps.hashed_after));
    let processes = [&steps.hashed_after];
    let is_over = AtomicBool::new(false);
    let convert = async {
        let (converted, again) = tokio::join!(one.convert_sessions(), other.convert_sessions());
        is_over.store(true, Ordering::Relaxed);
        converted.expect("converted") + again.expect("converted")
    };
    let operator = admin(&steps.hashed_after);
    let (converted, walks, ()) = tokio::join!(
        convert,
        walks_meanwhile(&operator, &idle, &is_over),
        users.live_on(&processes),
    );
    println!("{converted} sessions converted, {walks} walks meanwhile");
    let idle_ones = u64::try_from(IDLE).expect("a small number");
    assert!(converted > idle_ones, "sessions in use among them");
    assert_eq!(
        one.convert_sessions().await.expect("converted"),
        0,
        "all are"
    );
    let left = admin(&steps.plain).count_sessions().await;
    assert_eq!(left.expect("a count"), 0, "none is stored plainly");

    users.live_on(&[&steps.hashed_after, &steps.hashed]).await;
    users.live_on(&[&steps.hashed]).await;

    let after = stored(&mut raw, &steps.keys(IdStorage::Hashed), &idle).await;
    assert_eq!(after, before, "idle sessions are as they were");
    let alive = IDLE + users.assert_all_are_well(&steps.hashed).await;
    let counted = admin(&steps.hashed).count_sessions().await;
    assert_eq!(
        counted.expect("a count"),
        u64::try_from(alive).expect("a small number")
    );
    assert_no_id_is_shown(&mut raw, &steps.prefix).await;
}

/// The same on a cluster, where nothing is converted: sessions stay in their form until they end, and
/// it is told whether there are any left.
///
/// # Panics
/// When it is not so.
pub async fn a_cluster_in_use_changes_its_form<F, B, A>(
    connect: Connect<F>,
    admin: Administrate<B, A>,
) where
    F: Future<Output = B>,
    B: SessionBackend,
    A: SessionAdmin,
{
    let cluster = Cluster::start(3).await;
    let steps = Steps::connect(connect, cluster.url()).await;
    let mut users = Users::log_in(&steps.plain).await;
    users.live_on(&[&steps.plain]).await;
    users.live_on(&[&steps.plain, &steps.plain_before]).await;
    users.live_on(&[&steps.plain_before]).await;
    users
        .live_on(&[&steps.plain_before, &steps.hashed_after])
        .await;
    let operator = admin(&steps.hashed_after);
    let error = operator
        .convert_sessions()
        .await
        .expect_err("some are plain");
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Unsupported, Effect::NotApplied)
    );
    users.live_on(&[&steps.hashed_after]).await;
    users.log_in_anew(&steps.hashed_after).await;
    assert_eq!(operator.convert_sessions().await.expect("none is plain"), 0);
    assert_a_moving_session_is_noticed(&cluster, &steps, &operator).await;
    users.live_on(&[&steps.hashed_after, &steps.hashed]).await;
    users.live_on(&[&steps.hashed]).await;
    let alive = users.assert_all_are_well(&steps.hashed).await;
    let counted = admin(&steps.hashed).count_sessions().await;
    assert_eq!(
        counted.expect("a count"),
        u64::try_from(alive).expect("a small number")
    );
    for node in cluster.nodes() {
        let keys = keys_below(&mut node.connection().await, &steps.prefix).await;
        let is_shown = |name: &String| !name.starts_with(['{', '@']);
        assert!(!keys.iter().any(is_shown), "a session's key shows its id");
    }
}

/// While one plain session's slot moves to another node, it is not overlooked.
async fn assert_a_moving_session_is_noticed<B: SessionBackend>(
    cluster: &Cluster,
    steps: &Steps<B>,
    operator: &impl SessionAdmin,
) {
    let created = steps.plain.create_session(NewSession::new(fields())).await;
    let id = created.expect("a session").id;
    let slot = hash_slot(&steps.keys(IdStorage::Plain).session(&id));
    let (from, to) = (cluster.owner(slot), (cluster.owner(slot) + 1) % 3);
    let is_noticed = async || {
        let answer = operator.convert_sessions().await;
        answer.expect_err("one is plain").kind() == ErrorKind::Unsupported
    };
    assert!(is_noticed().await);
    cluster.begin_move(slot, from, to).await;
    assert!(is_noticed().await);
    cluster.move_keys(slot, from, to).await;
    assert!(is_noticed().await);
    cluster.end_move(slot, to).await;
    assert!(is_noticed().await);
    assert!(steps.plain.delete_session(&id).await.expect("an answer"));
    assert_eq!(operator.convert_sessions().await.expect("none is plain"), 0);
}

/// Looks through the store until it is over; how often. Each walk shows every session that nobody ends.
async fn walks_meanwhile(
    operator: &impl SessionAdmin,
    idle: &[SessionId],
    is_over: &AtomicBool,
) -> usize {
    let idle: HashSet<SessionHandle> = idle.iter().map(SessionId::handle).collect();
    let mut walks = 0;
    while !is_over.load(Ordering::Relaxed) {
        let (mut missing, mut cursor) = (idle.clone(), None);
        loop {
            let page = operator.list_page(cursor.as_ref(), PageSize::DEFAULT).await;
            let page = page.expect("a page");
            for session in page.sessions {
                missing.remove(&session.handle);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(
            missing.is_empty(),
            "{} sessions were not shown",
            missing.len()
        );
        walks += 1;
    }
    walks
}

/// What two forms cost: nothing where the session is in the form of new ones, one round trip more in the other,
/// one or two more where there is none. A page is one round trip, and ending what is on it
/// one more.
///
/// # Panics
/// When it is more, or less than the documentation says.
pub async fn two_forms_cost_one_round_trip_more<F, B, A>(
    connect: Connect<F>,
    admin: Administrate<B, A>,
) where
    F: Future<Output = B>,
    B: SessionBackend,
    A: SessionAdmin,
{
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let steps = Steps::connect(connect, proxy.url()).await;
    let created = async |process: &B| {
        let new = NewSession::new(fields());
        process.create_session(new).await.expect("a session").id
    };
    let (before, after) = (&*steps.plain_before, &*steps.hashed_after);
    for (process, other, trips_to_nothing) in [(before, after, 2), (after, before, 3)] {
        // The server learns the scripts, the process the version, in the first round.
        for is_measured in [false, true] {
            let here = created(process).await;
            let there = created(other).await;
            let nowhere = SessionId::random().expect("an id");
            for (id, expected) in [(&here, 1), (&there, 2), (&nowhere, trips_to_nothing)] {
                proxy.reset();
                drop(process.get_session(id).await.expect("an answer"));
                let read = proxy.bursts();
                let delta = || Delta::new().set(name("note"), "x");
                drop(
                    process
                        .update_session(id, delta())
                        .await
                        .expect("an answer"),
                );
                let written = proxy.bursts() - read;
                let was_live = process.delete_session(id).await.expect("an answer");
                assert_eq!(was_live, *id != nowhere);
                let deleted = proxy.bursts() - read - written;
                if is_measured {
                    assert_eq!((read, written, deleted), (expected, expected, expected));
                }
            }
        }
    }
    let operator = admin(&steps.plain);
    for is_measured in [false, true] {
        let id = created(&steps.plain).await;
        proxy.reset();
        let page = operator.list_page(None, PageSize::MAX).await;
        let shown = proxy.bursts();
        assert_eq!(page.expect("a page").sessions.len(), 1);
        assert!(
            operator
                .revoke_session(&id.handle())
                .await
                .expect("an answer")
        );
        let ended = proxy.bursts() - shown;
        if is_measured {
            assert_eq!((shown, ended), (1, 2), "a page; a page and the session");
        }
    }
}

/// One process of each step of the way, all on one store.
struct Steps<B> {
    prefix: KeyPrefix,
    plain: Arc<B>,
    plain_before: Arc<B>,
    hashed_after: Arc<B>,
    hashed: Arc<B>,
}

impl<B: SessionBackend> Steps<B> {
    async fn connect<F: Future<Output = B>>(connect: Connect<F>, url: String) -> Self {
        let prefix: KeyPrefix = unique_prefix().parse().expect("a key prefix");
        let process = async |storage| {
            let target = Target {
                storage,
                ..Target::patient(url.clone(), prefix.clone())
            };
            Arc::new(connect(target).await)
        };
        Self {
            plain: process(IdStorage::Plain).await,
            plain_before: process(IdStorage::PlainBeforeHashed).await,
            hashed_after: process(IdStorage::HashedAfterPlain).await,
            hashed: process(IdStorage::Hashed).await,
            prefix,
        }
    }

    fn keys(&self, storage: IdStorage) -> KeySpace {
        KeySpace::new(self.prefix.clone(), storage)
    }

    /// Bound and unbound, with a deadline and without.
    async fn create_idle(&self) -> Vec<SessionId> {
        let hours = |hours| SessionTtl::from_secs(hours * 3600).expect("a TTL");
        let mut ids = Vec::new();
        for n in 0..IDLE {
            let new = NewSession::new(fields()).ttl(hours(1 + n as u64 % 5));
            let new = match n % 3 {
                0 => new.bind(Principal::new(format!("idle {}", n % 30)).expect("a principal")),
                1 => new.max_lifetime(hours(48)),
                _ => new,
            };
            let created = self.plain.create_session(new).await;
            ids.push(created.expect("a session").id);
        }
        ids
    }
}

/// What is stored under these ids, and when each key expires.
async fn stored(
    raw: &mut MultiplexedConnection,
    keys: &KeySpace,
    ids: &[SessionId],
) -> Vec<(Option<RawKey>, i64)> {
    let mut all = Vec::new();
    for id in ids {
        let key = keys.session(id);
        let mut dump = raw::dump(raw, &key).await;
        if let Some(dump) = &mut dump {
            // Time goes on; when it expires is asked below.
            dump.expires_in = None;
        }
        let mut expiry = redis::cmd("PEXPIRETIME");
        let expires_at = expiry.arg(key).query_async(raw).await;
        all.push((dump, expires_at.expect("PEXPIRETIME")));
    }
    all
}

/// Every key below the prefix is a hashed session's or an index, and every member of an index is hashed.
async fn assert_no_id_is_shown(raw: &mut MultiplexedConnection, prefix: &KeyPrefix) {
    for name in keys_below(raw, prefix).await {
        if !name.starts_with('@') {
            assert!(name.starts_with('{'), "a session's key shows its id");
            continue;
        }
        let mut members = redis::cmd("ZRANGE");
        members.arg(format!("{prefix}{name}")).arg(0).arg(-1);
        let members: Vec<String> = members.query_async(raw).await.expect("ZRANGE");
        let is_hashed = |member: &String| member.starts_with('{');
        assert!(members.iter().all(is_hashed), "an index shows an id");
    }
}

/// The names of all keys with this prefix, without it.
async fn keys_below(raw: &mut MultiplexedConnection, prefix: &KeyPrefix) -> Vec<String> {
    let mut keys = redis::cmd("KEYS");
    let keys = keys.arg(format!("{prefix}*")).query_async(raw).await;
    let keys: Vec<String> = keys.expect("KEYS");
    assert!(!keys.is_empty(), "somebody is logged in");
    let name = |key: &String| key.strip_prefix(prefix.as_str()).map(str::to_owned);
    keys.iter().filter_map(name).collect()
}

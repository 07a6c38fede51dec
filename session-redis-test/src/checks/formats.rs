//! From plain keys to hashed ones, while the store is in use.

mod users;

use redis::aio::MultiplexedConnection;
use session_core::{
    Delta, NewSession, PageSize, PublicId, SessionAdmin, SessionBackend, SessionId,
};
use session_redis::{IdStorage, KeyPrefix};

use self::users::Users;
use super::{fields, name};
use crate::harness::{Connect, Connected};
use crate::{Cluster, Proxy, RedisServer, Target, unique_prefix};

/// All processes of an application go from plain keys to hashed ones, step by step, neighbouring steps side by
/// side, while users log in and out, count, rotate and revoke. Before the last step everybody logs out, and in
/// again. No user is logged out by the change, no count is lost, nobody comes back, every list is complete.
/// In the end no key and no index entry shows an id.
///
/// # Panics
/// When it is not so.
pub async fn a_store_in_use_changes_its_key_format(connect: Connect) {
    let server = RedisServer::start().await;
    let steps = Steps::connect(connect, &server.url());
    steps.go_through().await;
    assert_no_id_is_shown(&mut server.connection().await, &steps.prefix).await;
}

/// The same on a cluster.
///
/// # Panics
/// When it is not so.
pub async fn a_cluster_in_use_changes_its_key_format(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let steps = Steps::connect(connect, &cluster.url());
    steps.go_through().await;
    for node in cluster.nodes() {
        assert_no_id_is_shown(&mut node.connection().await, &steps.prefix).await;
    }
}

/// What two formats cost: nothing where the session is in the format of new ones, one round trip more where it
/// is in the other or there is none. A page is one round trip, and ending what is on it one more.
///
/// # Panics
/// When it is more, or less than the documentation says.
pub async fn two_key_formats_cost_one_round_trip_more(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let steps = Steps::connect(connect, &proxy.url());
    let created = async |process: &dyn SessionBackend| {
        let new = NewSession::new(fields());
        process.create_session(new).await.expect("a session").id
    };
    let (before, after) = (&*steps.plain_before.backend, &*steps.hashed_after.backend);
    for (process, other) in [(before, after), (after, before)] {
        // The server learns the scripts, the process the version, in the first round.
        for is_measured in [false, true] {
            let here = created(process).await;
            let there = created(other).await;
            let nowhere = SessionId::random().expect("an id");
            for (id, expected) in [(&here, 1), (&there, 2), (&nowhere, 2)] {
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
    let operator = &steps.plain.admin;
    for is_measured in [false, true] {
        let id = created(&*steps.plain.backend).await;
        proxy.reset();
        let page = operator.list_page(None, PageSize::MAX).await;
        let shown = proxy.bursts();
        assert_eq!(page.expect("a page").sessions.len(), 1);
        assert!(
            operator
                .revoke_session(&PublicId::of_unbound(&id))
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
struct Steps {
    prefix: KeyPrefix,
    plain: Connected,
    plain_before: Connected,
    hashed_after: Connected,
    hashed: Connected,
}

impl Steps {
    fn connect(connect: Connect, url: &str) -> Self {
        let prefix: KeyPrefix = unique_prefix().parse().expect("a key prefix");
        let process = |storage| {
            let target = Target {
                storage,
                ..Target::patient(url.to_owned(), prefix.clone())
            };
            connect(target)
        };
        Self {
            plain: process(IdStorage::Plain),
            plain_before: process(IdStorage::PlainBeforeHashed),
            hashed_after: process(IdStorage::HashedAfterPlain),
            hashed: process(IdStorage::Hashed),
            prefix,
        }
    }

    /// All of them one after the other, neighbours side by side.
    async fn go_through(&self) {
        let count = async |process: &Connected| {
            let count = process.admin.count_sessions().await;
            usize::try_from(count.expect("a count")).expect("a small number")
        };
        let mut users = Users::log_in(&self.plain).await;
        users.live_on(&[&self.plain]).await;
        users.live_on(&[&self.plain, &self.plain_before]).await;
        users.live_on(&[&self.plain_before]).await;
        let processes = [&self.plain_before, &self.hashed_after];
        users.live_on(&processes).await;
        let (left, all) = (count(&self.plain).await, count(&self.hashed_after).await);
        assert!(left < all, "an operator sees how many are stored plainly");
        users.live_on(&[&self.hashed_after]).await;
        users.log_in_again(&self.hashed_after).await;
        assert_eq!(count(&self.plain).await, 0, "none is stored plainly");
        users.live_on(&[&self.hashed_after, &self.hashed]).await;
        users.live_on(&[&self.hashed]).await;
        let alive = users.assert_all_are_well(&self.hashed).await;
        assert_eq!(count(&self.hashed).await, alive);
    }
}

/// Every key below the prefix is a hashed session's or an index, and every entry of an index is hashed.
async fn assert_no_id_is_shown(raw: &mut MultiplexedConnection, prefix: &KeyPrefix) {
    for name in keys_below(raw, prefix).await {
        if !name.starts_with('@') {
            assert!(name.starts_with('{'), "a session's key shows its id");
            continue;
        }
        let mut members = redis::cmd("ZRANGE");
        members.arg(format!("{prefix}{name}")).arg(0).arg(-1);
        let members: Vec<String> = members.query_async(raw).await.expect("ZRANGE");
        // Behind the public id.
        let is_hashed = |entry: &String| {
            let suffix = entry.get(PublicId::LEN..);
            suffix.is_some_and(|suffix| suffix.starts_with('{'))
        };
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

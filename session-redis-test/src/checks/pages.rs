//! A store looked through page by page.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use session_core::{Effect, ErrorKind, PageSize, PublicId, SessionAdmin, SessionId};
use session_redis::KeySpace;

use super::create;
use super::rights::COMMANDS;
use crate::harness::{Connect, Connected};
use crate::{RedisServer, Target, unique_prefix};

const MANY: usize = 100_000;
/// How long a page may keep the server from other work. Judged by the server's processor time over all pages,
/// which all look at as many keys: the wall clock on a busy machine says little.
const LONGEST: Duration = Duration::from_millis(3);

/// However many sessions there are, a page keeps the server busy for less than 3 ms, nobody sends `KEYS`, and
/// each session is counted once.
///
/// # Panics
/// When it is not so.
pub async fn a_large_store_is_looked_through_without_blocking(connect: Connect) {
    let server = RedisServer::start().await;
    let mut raw = server.connection().await;
    let target = Target::patient(server.url(), unique_prefix().parse().expect("a key prefix"));
    let keys = target.keys();
    let Connected { admin, .. } = connect(target);
    let last = plant(&mut raw, &keys, MANY).await;
    assert!(admin.revoke_session(&last).await.expect("an answer"));
    let before = processor_time(&mut raw).await;
    let began = Instant::now();
    let (mut pages, mut shown, mut cursor) = (0, HashSet::new(), None);
    loop {
        let page = admin
            .list_page(cursor.as_ref(), PageSize::MAX)
            .await
            .expect("a page");
        shown.extend(
            page.sessions
                .into_iter()
                .map(|shown| shown.session.public_id),
        );
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let took = began.elapsed();
    let busy = (processor_time(&mut raw).await - before) / pages;
    println!("{MANY} sessions: {pages} pages in {took:?}, {busy:?} of the server's time each");
    assert_eq!(shown.len(), MANY - 1);
    assert!(busy < LONGEST, "{busy:?}");
    let counted = admin.count_sessions().await.expect("a count");
    assert_eq!(counted, u64::try_from(shown.len()).expect("a number"));
    let mut stats = redis::cmd("INFO");
    let stats: String = stats
        .arg("commandstats")
        .query_async(&mut raw)
        .await
        .expect("INFO");
    assert!(stats.contains("cmdstat_scan:"));
    assert!(!stats.contains("cmdstat_keys:"));
}

/// An account with the rights that the backend needs may not look through the store; with one right more it
/// may.
///
/// # Panics
/// When it is not so.
pub async fn looking_through_takes_a_right_of_its_own(connect: Connect) {
    let server = RedisServer::start().await;
    let mut raw = server.connection().await;
    let prefix = unique_prefix();
    for (user, more) in [("app", None), ("operator", Some("+scan"))] {
        let mut set_user = redis::cmd("ACL");
        set_user
            .arg("SETUSER")
            .arg(user)
            .arg("reset")
            .arg("on")
            .arg(">password");
        set_user
            .arg(format!("~{prefix}*"))
            .arg("resetchannels")
            .arg("-@all");
        for right in COMMANDS.split_whitespace().chain(more) {
            set_user.arg(right);
        }
        let () = set_user.query_async(&mut raw).await.expect("ACL SETUSER");
    }
    let as_user = |user: &str| {
        let url = format!("redis://{user}:password@127.0.0.1:{}", server.port());
        connect(Target::patient(url, prefix.parse().expect("a prefix")))
    };
    let app = as_user("app");
    let operator = as_user("operator");
    let shown = PublicId::of_unbound(&create(&*app.backend).await.id);
    let denied = app.admin.count_sessions().await.expect_err("no right");
    assert_eq!(
        (denied.kind(), denied.effect()),
        (ErrorKind::Denied, Effect::NotApplied)
    );
    let denied = app
        .admin
        .revoke_session(&shown)
        .await
        .expect_err("no right");
    assert_eq!(
        (denied.kind(), denied.effect()),
        (ErrorKind::Denied, Effect::NotApplied)
    );
    let operator = operator.admin;
    assert_eq!(operator.count_sessions().await.expect("the right"), 1);
    assert!(operator.revoke_session(&shown).await.expect("the right"));
}

/// Stores so many sessions, as another client would; the public id of the last, as operators see it.
async fn plant(raw: &mut MultiplexedConnection, keys: &KeySpace, count: usize) -> PublicId {
    let mut last = SessionId::random().expect("an id");
    for batch in (0..count).step_by(1_000) {
        let mut commands = redis::pipe();
        for _ in batch..count.min(batch + 1_000) {
            last = SessionId::random().expect("an id");
            let key = keys.session(&last);
            let hset = commands.cmd("HSET").arg(&key);
            hset.arg("created_at").arg("2026-04-02T12:34:56+00:00");
            hset.arg("last_accessed_at")
                .arg("2026-04-02T12:34:56+00:00");
            hset.arg("session_ttl")
                .arg(3600)
                .arg("username")
                .arg("andrew")
                .ignore();
            commands.cmd("EXPIRE").arg(key).arg(3600).ignore();
        }
        let () = commands.query_async(raw).await.expect("HSET, EXPIRE");
    }
    PublicId::of_unbound(&last)
}

/// What the server has used of the processor.
async fn processor_time(raw: &mut MultiplexedConnection) -> Duration {
    let mut info = redis::cmd("INFO");
    let info: String = info.arg("cpu").query_async(raw).await.expect("INFO");
    let seconds = |name: &str| -> f64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.expect("the server tells").parse().expect("seconds")
    };
    Duration::from_secs_f64(seconds("used_cpu_user:") + seconds("used_cpu_sys:"))
}

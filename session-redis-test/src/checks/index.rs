//! The index of a principal.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Instant;

use redis::Script;
use session_conformance::{Harness as _, RawHash};
use session_core::steps::{RevokeRequest, RevokeTarget};
use session_core::{
    CreatedSession, Delta, ListedSession, OnExcess, PageRequest, PageSize, PrincipalLimit,
    PublicId, SessionBackend, SessionCount, SessionId, UnixMillis,
};
use session_redis::{IdStorage, hash_slot};

use super::{Subject, Work, ann, count, log_in, login, name};
use crate::accounts::as_user;
use crate::cluster::owner;
use crate::connect::{info_field, send};
use crate::harness::{Connect, RedisHarness, own_prefix};
use crate::{Cluster, RedisServer, Target};

/// The entries of ann's index, their scores, and its expiry.
async fn index_of(server: &RedisServer, subject: &Subject) -> (Vec<(String, i64)>, i64) {
    let index = subject.index();
    let entries = server.ask(&format!("ZRANGE {index} 0 -1 WITHSCORES")).await;
    (entries, server.ask(&format!("PEXPIRETIME {index}")).await)
}

/// The index is lost: each kind of use of a session brings its entry back, with its score and the
/// key's expiry; also on a full server. Where the account may not do that, or the key is of another
/// type, the use succeeds all the same.
pub async fn a_lost_index_comes_back_with_the_next_use(connect: Connect) {
    for storage in [IdStorage::Plain, IdStorage::Hashed] {
        assert_heals(connect, storage).await;
    }
}

async fn assert_heals(connect: Connect, storage: IdStorage) {
    let server = RedisServer::start().await;
    let user = "ACL SETUSER app on >password ~* +@all";
    server.ask::<()>(user).await;
    let target = Target::patient(server.url(), own_prefix());
    let target = Target { storage, ..target };
    let subject = Subject::of(connect, as_user("app", target));
    let backend = &*subject.backend;
    let id = log_in(backend).await.id;
    let before = index_of(&server, &subject).await;
    let lose = async || server.ask::<()>(&format!("DEL {}", subject.index())).await;
    let use_by = async |what| {
        let is_found = match what {
            "a read" => backend.get_session(&id).await.map(|it| it.is_some()),
            "a write" => {
                let written = backend.update_session(&id, Delta::new()).await;
                written.map(|it| it.is_some())
            }
            _ => count(backend, &id).await.map(|it| it.is_some()),
        };
        assert!(is_found.expect(what), "{what}");
    };
    for what in ["a read", "a write", "an increment"] {
        lose().await;
        drop(backend.peek_session(&id).await.expect("a peek"));
        assert_eq!(index_of(&server, &subject).await, (Vec::new(), -2));
        for right in ["zscore", "zadd", "zrange"] {
            server.ask::<()>(&format!("{user} -{right}")).await;
            use_by(what).await;
            assert_eq!(index_of(&server, &subject).await, (Vec::new(), -2));
        }
        server.ask::<()>(user).await;
        server
            .ask::<()>(&format!("SET {} text", subject.index()))
            .await;
        use_by(what).await;
        lose().await;
        use_by(what).await;
        assert_eq!(index_of(&server, &subject).await, before, "{what}");
    }
    lose().await;
    server.ask::<()>("CONFIG SET maxmemory 1kb").await;
    use_by("a read").await;
    assert_eq!(index_of(&server, &subject).await, before);
    let ended = backend.revoke_sessions(&ann(), None).await;
    assert_eq!(ended.expect("revocation"), 1);
}

/// Under each eviction policy some of the sessions, or their index, are evicted. After one use of
/// those that live none of them is unlisted, and none survives "log out everywhere".
pub async fn evicted_entries_come_back_with_the_next_use(connect: Connect) {
    const SESSIONS: usize = 80;
    const EVICTED: u64 = 20;
    let server = RedisServer::start().await;
    let info = async |section: &str, name| {
        let info: String = server.ask(&format!("INFO {section}")).await;
        let value = info_field(&info, name).and_then(|value| value.parse::<u64>().ok());
        value.expect("a number")
    };
    let mut survivors = 0;
    for policy in [
        "noeviction",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ] {
        server.ask::<()>("FLUSHALL").await;
        server.ask::<()>("CONFIG RESETSTAT").await;
        let subject = Subject::at(connect, server.url());
        let backend = &*subject.backend;
        let mut ids = Vec::new();
        for _ in 0..SESSIONS {
            ids.push(log_in(backend).await.id);
        }
        let set = format!("CONFIG SET maxmemory-policy {policy}");
        server.ask::<()>(&set).await;
        let limit = info("memory", "used_memory").await + 100_000;
        let set = format!("CONFIG SET maxmemory {limit}");
        server.ask::<()>(&set).await;
        let mut admin = server.connection().await;
        for n in 0.. {
            let filler = format!("SET filler:{n} {} EX 100000", "x".repeat(400));
            let is_full = send::<()>(&mut admin, &filler).await.is_err();
            if is_full || info("stats", "evicted_keys").await >= EVICTED {
                break;
            }
        }
        let has_index: bool = server.ask(&format!("EXISTS {}", subject.index())).await;
        if policy != "noeviction" {
            // What makes room for itself may evict a session that was used already.
            server.ask::<()>("CONFIG SET maxmemory 0").await;
        }
        let mut live = Vec::new();
        for id in &ids {
            let found = backend.get_session(id).await.expect("a read");
            live.extend(found.and_then(|found| found.public_id()));
        }
        println!("{policy}: {} live, index kept: {has_index}", live.len());
        survivors += live.len();
        let listed = backend.list_sessions(&ann()).await.expect("a list");
        let listed = listed.into_iter().map(|it| it.public_id);
        assert_eq!(
            listed.collect::<HashSet<_>>(),
            live.iter().copied().collect()
        );
        let ended = backend.revoke_sessions(&ann(), None).await;
        assert_eq!(usize::try_from(ended.expect("revocation")), Ok(live.len()));
        for id in &ids {
            assert!(backend.peek_session(id).await.expect("a peek").is_none());
        }
        server.ask::<()>("CONFIG SET maxmemory 0").await;
    }
    // A client's buffers may have made the server evict all of a round, but not of each.
    assert!(survivors > SESSIONS, "{survivors} sessions lived on");
}

/// A log-in below the limit looks at no session of the principal. At the limit it looks at each
/// once, refused or not, and ends the oldest log-in.
pub async fn a_log_in_at_the_limit_takes_little_time(connect: Connect) {
    const LOG_INS: u32 = 50;
    let server = RedisServer::start().await;
    for (max, on_excess) in [
        (100, OnExcess::EvictOldest),
        (100, OnExcess::Refuse),
        (1_000, OnExcess::EvictOldest),
        (1_000, OnExcess::Refuse),
    ] {
        let limit = PrincipalLimit {
            max: SessionCount::new(max).expect("a limit"),
            on_excess,
        };
        let target = Target::patient(server.url(), own_prefix());
        let policy = target.policy.clone().with_principal_limit(limit);
        let backend = Subject::of(connect, Target { policy, ..target }).backend;
        server.ask::<()>("CONFIG RESETSTAT").await;
        let mut logged_in = Vec::new();
        let mut note = |created: &CreatedSession| {
            let record = &created.record;
            logged_in.push((record.login_at(), record.public_id()));
        };
        for _ in 0..max {
            note(&log_in(&*backend).await);
        }
        let stats: String = server.ask("INFO commandstats").await;
        let looks = ["cmdstat_hget:", "cmdstat_hmget:", "cmdstat_zrange:"];
        let [hget, hmget, zrange] = looks.map(|command| stats.contains(command));
        assert!(
            !hget && !hmget && zrange,
            "below the limit it looks at nobody"
        );
        let before = Work::of(&server).await;
        for _ in 0..LOG_INS {
            let created = backend.create_session(login()).await;
            assert_eq!(created.is_ok(), on_excess == OnExcess::EvictOldest);
            created.iter().for_each(&mut note);
        }
        let log_in = Work::of(&server).await.each_since(before, LOG_INS);
        println!("limit {max}, {on_excess:?}: {log_in:?}");
        let commands = 100 + 2 * u64::from(max);
        log_in.assert_little(&server, commands).await;
        logged_in.sort_unstable();
        let live = logged_in.iter().rev().take(max as usize);
        let live: HashSet<_> = live.map(|(_, public_id)| *public_id).collect();
        let listed = backend.list_sessions(&ann()).await.expect("a list");
        let listed: HashSet<_> = listed.into_iter().map(|it| Some(it.public_id)).collect();
        assert_eq!(listed, live, "the oldest log-ins have ended");
    }
}

/// However many of a principal's sessions expired by themselves, by deadline or by idleness: none
/// is listed, a page is little work for the server, and each use removes some of all of them; it is
/// gone at the greatest deadline.
pub async fn expired_sessions_are_never_listed_and_cost_little(connect: Connect) {
    const EXPIRED: usize = 100_000;
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let subject = Subject::at(connect, server.url());
    let backend = &*subject.backend;
    let live = log_in(backend).await;
    let known = live.record.public_id();
    // Half of them reached their deadline, half were idle for too long before theirs.
    let (seconds, _): (u64, u64) = server.ask("TIME").await;
    for n in (0..EXPIRED).step_by(1_000) {
        let deadline = seconds * 1_000 + if n < EXPIRED / 2 { 0 } else { 1_000_000 };
        let mut add = redis::cmd("ZADD");
        add.arg(subject.index());
        for _ in 0..1_000 {
            let id = SessionId::random().expect("an id");
            let public_id = PublicId::of_unbound(&id);
            let entry = [public_id.as_str().as_bytes(), &subject.keys.suffix(&id)].concat();
            add.arg(deadline).arg(entry);
        }
        add.exec_async(&mut admin).await.expect("ZADD");
    }
    let before = Work::of(&server).await;
    let (mut uses, count) = (0, format!("ZCARD {}", subject.index()));
    while send::<usize>(&mut admin, &count).await.expect("ZCARD") > 1 {
        let (mut listed, mut cursor, ann) = (Vec::new(), None, ann());
        loop {
            let page = backend.list_sessions_page(&ann, Vec::new(), cursor.as_ref(), PageSize::MAX);
            let page = page.await.expect("a page");
            listed.extend(page.sessions.into_iter().map(|it| Some(it.public_id)));
            uses += 1;
            assert!(uses <= 100_000, "each use removes some");
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, [known], "only the live one");
    }
    let page = Work::of(&server).await.each_since(before, uses);
    println!("{EXPIRED} expired sessions: pruned by {uses} pages of {page:?}");
    page.assert_little(&server, 1_000).await;

    let expiry = format!("PEXPIRETIME {}", subject.index());
    let expires_at = UnixMillis::new(server.ask(&expiry).await);
    assert_eq!(live.record.deadline(), Some(expires_at));
    let ended = backend.revoke_sessions(&ann(), None).await;
    assert_eq!(ended.expect("revocation"), 1);
    assert_eq!(server.ask::<usize>(&count).await, 0);
}

/// Plants sessions of ann's: keys, entries of their index, and deadlines, each three arguments.
static PLANT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
for i = 2, #ARGV, 3 do
  local key, entry, deadline = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if ARGV[1] == 'sessions' then
    redis.call('HSET', key, 'created_at', 'then', 'last_accessed_at', 'now', 'session_ttl', 3600,
      'session_deadline', deadline, 'session_principal', 'ann', 'session_public_id', string.sub(entry, 1, 16),
      'session_login_at', '1760000000000', 'user_agent', 'Opera 1.0', 'username', 'andrew')
    redis.call('PEXPIREAT', key, deadline)
  else
    redis.call('ZADD', KEYS[1], deadline, entry)
    redis.call('PEXPIREAT', KEYS[1], deadline)
  end
end
",
    )
});

/// A hundred thousand sessions of one principal, half of them with one deadline, are listed with a
/// field and ended. No page is much work for the server.
pub async fn very_many_sessions_of_one_are_listed_and_ended(connect: Connect) {
    let server = RedisServer::start().await;
    let subject = Subject::at(connect, server.url());
    list_and_end(&subject, &[server], 100_000).await;
}

/// The same on a cluster, which takes a call for each session: fewer of them.
pub async fn very_many_sessions_of_one_are_listed_and_ended_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    list_and_end(&subject, &cluster.into_nodes(), 20_000).await;
}

async fn list_and_end(subject: &Subject, nodes: &[RedisServer], many: usize) {
    let mut connections = Vec::new();
    for node in nodes {
        connections.push(node.connection().await);
    }
    let node_of = |key: &[u8]| owner(hash_slot(key), nodes.len());
    let index = subject.index();
    let (seconds, _): (u64, u64) = nodes.first().expect("a node").ask("TIME").await;
    let mut kept = None;
    for first in (0..many).step_by(1_000) {
        let script = |_: &RedisServer| PLANT.arg("sessions");
        let mut sessions: Vec<_> = nodes.iter().map(script).collect();
        let mut entries = PLANT.key(&*index);
        entries.arg("index");
        for n in first..first + 1_000 {
            let id = SessionId::random().expect("an id");
            let public_id = PublicId::of_unbound(&id);
            let entry = [public_id.as_str().as_bytes(), &subject.keys.suffix(&id)].concat();
            let key = subject.keys.session(&id);
            let deadline = (seconds + 3_000) * 1_000 + if n % 2 == 0 { 0 } else { n as u64 };
            let of_node = sessions.get_mut(node_of(&key)).expect("its node");
            for planted in [of_node, &mut entries] {
                planted.arg(&*key).arg(&*entry).arg(deadline);
            }
            kept = Some(id);
        }
        let of_index = connections.get(node_of(index.as_bytes())).cloned();
        let () = entries
            .invoke_async(&mut of_index.expect("its node"))
            .await
            .expect("planted");
        for (script, connection) in sessions.iter().zip(&mut connections) {
            let () = script.invoke_async(connection).await.expect("planted");
        }
    }
    let backend = &*subject.backend;
    let index_node = nodes.get(node_of(index.as_bytes())).expect("its node");
    // The last, and so one of the farthest deadlines.
    let kept = kept.expect("there are some");
    for what in ["listed", "ended"] {
        let (began, ann) = (Instant::now(), ann());
        let (mut done, mut cursor) = (0, None);
        let mut pages = Vec::new();
        loop {
            let before = Work::of(index_node).await;
            cursor = if what == "listed" {
                let (cursor, fields) = (cursor.as_ref(), vec![name("user_agent")]);
                let page = backend.list_sessions_page(&ann, fields, cursor, PageSize::MAX);
                let page = page.await.expect("a page");
                let has_field = |it: &&ListedSession| it.fields.get_str("user_agent").is_some();
                done += page.sessions.iter().filter(has_field).count();
                page.next
            } else {
                let target = RevokeTarget::AllExcept(kept.clone());
                let page = PageRequest::new(cursor.as_ref(), PageSize::MAX);
                let request = RevokeRequest::new(ann.clone(), target, page);
                let page = backend.revoke(&request).await.expect("a page");
                done += usize::try_from(page.ended).expect("a number");
                page.next
            };
            pages.push(Work::of(index_node).await.each_since(before, 1));
            if cursor.is_none() {
                break;
            }
        }
        let took = began.elapsed();
        assert_eq!(done, if what == "listed" { many } else { many - 1 });
        // The server does something else meanwhile, too: of their times that in the middle counts.
        pages.sort_by_key(|page| page.time);
        let page = Work {
            commands: pages.iter().map(|it| it.commands).max().expect("a page"),
            ..*pages.get(pages.len() / 2).expect("a page")
        };
        println!(
            "{done} {what} on {} pages in {took:?}, of {page:?}",
            pages.len()
        );
        page.assert_little(index_node, 1_000).await;
    }
    let left = backend.list_sessions(&ann()).await.expect("the list");
    assert_eq!(left.len(), 1);
}

/// A text of another client's that is no principal binds to nobody, and no operation makes an index
/// of it; one of any script does.
pub async fn only_a_principal_has_an_index(connect: Connect) {
    let harness = RedisHarness::on_shared(&[IdStorage::Plain], connect).await;
    let backend = harness.backend().await;
    let deadline = harness.now().await.get() + 1_000_000;
    let long = "x".repeat(257);
    let broken: [&[u8]; 9] = [
        b"",
        long.as_bytes(),
        b"\xff",
        b"\xc0\xaf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ann\xc3",
        b"\xe2\xc3\xa9\x82\xac",
    ];
    let texts = [
        "ann",
        "naïve",
        "€",
        "\u{7ff}\u{800}\u{ffff}",
        "🦀\u{10ffff}",
        "a\0\r\n",
    ];
    let principals = texts.map(|text| (text.as_bytes(), true));
    for (text, is_principal) in broken
        .map(|text| (text, false))
        .into_iter()
        .chain(principals)
    {
        let id = SessionId::random().expect("an id");
        let (deadline, public_id) = (deadline.to_string(), PublicId::of_unbound(&id));
        let hash: [(&str, &[u8]); 6] = [
            ("created_at", b"then"),
            ("last_accessed_at", b"then"),
            ("session_ttl", b"900"),
            ("session_deadline", deadline.as_bytes()),
            ("session_principal", text),
            ("session_public_id", public_id.as_str().as_bytes()),
        ];
        let hash: RawHash = hash.map(|(name, value)| (name.into(), value.into())).into();
        harness.plant(&id, hash, None).await;
        let rotated = backend.rotate_session(&id, Delta::new()).await;
        let id = rotated.expect("a reply").expect("a session").id;
        let mut exists = redis::cmd("EXISTS");
        exists.arg([&harness.keys().index_prefix(), text].concat());
        let has_index = exists.query_async(&mut harness.node_of(b"")).await;
        let has_index: bool = has_index.expect("EXISTS");
        assert_eq!(has_index, is_principal, "{}", text.escape_ascii());
        let record = backend.peek_session(&id).await.expect("a reply");
        let principal = record.and_then(|record| record.principal());
        assert_eq!(principal.is_some(), is_principal);
        assert!(backend.delete_session(&id).await.expect("a reply"));
    }
}

//! When the server forgets.

use session_core::{Lifetime, NewSession, SessionBackend, SessionTtl};

use super::{fields, now};
use crate::harness::Connect;
use crate::{RedisServer, Target, unique_prefix};

/// The keys of 10 000 sessions expire at now + TTL, or at the deadline if that is nearer, where now is the
/// server's clock between the call and its answer. To the millisecond; the client's clock plays no part.
///
/// # Panics
/// When one does not.
pub async fn expiry_is_exact_to_the_millisecond(connect: Connect) {
    const SESSIONS: u64 = 10_000;
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let target = Target::patient(server.url(), unique_prefix().parse().expect("a key prefix"));
    let keys = target.keys();
    let backend = connect(target).backend;
    let mut before = now(&mut admin).await;
    for n in 0..SESSIONS {
        let ttl = SessionTtl::from_secs(100 + n % 900).expect("a TTL");
        let lifetime = Lifetime::from_secs(50 + n % 1_000).expect("a lifetime");
        let with_deadline = n % 2 == 1;
        let mut new = NewSession::new(fields()).ttl(ttl);
        if with_deadline {
            new = new.max_lifetime(lifetime);
        }
        let id = backend.create_session(new).await.expect("a session").id;
        let mut expiry = redis::pipe();
        expiry.cmd("PEXPIRETIME").arg(keys.session(&id)).cmd("TIME");
        let (expires_at, (seconds, micros)): (u64, (u64, u64)) =
            expiry.query_async(&mut admin).await.expect("PEXPIRETIME");
        let after = seconds * 1000 + micros / 1000;
        let life = if with_deadline {
            ttl.as_secs().min(lifetime.as_secs())
        } else {
            ttl.as_secs()
        };
        let life = u64::from(life) * 1000;
        assert!(
            (before + life..=after + life).contains(&expires_at),
            "session {n}: {expires_at} is not between {before} and {after} and {life} ms"
        );
        before = after;
    }
}

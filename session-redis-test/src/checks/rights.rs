//! What the server's ACL must grant.

use session_core::{Delta, Effect, ErrorKind, NewSession, SessionBackend};

use super::{ann, create, fields, name};
use crate::harness::Connect;
use crate::{RedisServer, Target, unique_prefix};

/// The commands that a backend and its scripts use; what the documentation tells administrators.
pub(super) const COMMANDS: &str = "+ping +evalsha +eval +exists +hget +hmget +hgetall +hset +hdel +hlen +hkeys +hincrby \
     +expire +pexpireat +pexpiretime +pttl +time +del +rename +zadd +zrem +zrange +zrangebyscore +zscan";

/// A user with no more than the documented rights can do everything.
///
/// # Panics
/// When a right is missing.
pub async fn the_documented_rights_suffice(connect: Connect) {
    let server = RedisServer::start().await;
    let prefix = unique_prefix();
    let mut admin = server.connection().await;
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER")
        .arg("app")
        .arg("reset")
        .arg("on")
        .arg(">password")
        .arg(format!("~{prefix}*"));
    for right in ["resetchannels", "-@all"]
        .into_iter()
        .chain(COMMANDS.split_whitespace())
    {
        user.arg(right);
    }
    let () = user.query_async(&mut admin).await.expect("ACL SETUSER");
    let url = format!("redis://app:password@127.0.0.1:{}", server.port());
    let target = Target::patient(url, prefix.parse().expect("a prefix"));
    let backend = connect(target).backend;

    backend.ping().await.expect("ping");
    let id = create(&backend).await.id;
    assert!(backend.get_session(&id).await.expect("read").is_some());
    assert!(backend.peek_session(&id).await.expect("peek").is_some());
    let delta = Delta::new()
        .set(name("a"), "b")
        .remove(name("c"))
        .increment(name("page_views"), 1);
    assert!(
        backend
            .update_session(&id, delta)
            .await
            .expect("write")
            .is_some()
    );
    let rotated = backend
        .rotate_session(&id, Delta::new().bind(ann()))
        .await
        .expect("rename");
    let id = rotated.expect("it lives").id;
    backend
        .create_session(NewSession::new(fields()).bind(ann()))
        .await
        .expect("insert");
    assert_eq!(backend.list_sessions(&ann()).await.expect("list").len(), 2);
    assert_eq!(
        backend
            .revoke_sessions(&ann(), Some(&id))
            .await
            .expect("revoke"),
        1
    );
    assert!(backend.delete_session(&id).await.expect("remove"));
}

/// A server that refuses the credentials is told from one that is away, and no text shows the password.
///
/// # Panics
/// When it is not.
pub async fn wrong_credentials_are_denied(connect: Connect) {
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let mut password = redis::cmd("CONFIG");
    password.arg("SET").arg("requirepass").arg("right");
    let () = password.query_async(&mut admin).await.expect("CONFIG SET");
    let backend = super::backend(
        connect,
        format!("redis://:SECRET@127.0.0.1:{}", server.port()),
    );
    let error = backend.ping().await.expect_err("the password is wrong");
    assert_eq!(error.effect(), Effect::NotApplied, "{error:?}");
    assert!(
        [
            ErrorKind::Denied,
            ErrorKind::Unavailable,
            ErrorKind::Timeout
        ]
        .contains(&error.kind()),
        "{error:?}"
    );
    println!("wrong credentials: {error:?}");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert!(!format!("{backend:?} {error:?} {error} {source:?}").contains("SECRET"));
}

//! What the server's ACL must grant.

use session_core::{Delta, Effect, ErrorKind, PageSize, PublicId, SessionBackend};

use super::{Subject, ann, assert_refused, create, log_in, name};
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, RedisServer, Target};

/// The commands that a backend and its scripts use; what the documentation tells administrators.
const COMMANDS: &str = "+evalsha +eval +exists +hget +hmget +hgetall +hset +hdel +hlen \
    +hkeys +hincrby +expire +pexpireat +pexpiretime +pttl +time +del +rename +zadd +zrem +zrange \
    +zrangebyscore +zscan +zscore +zcount +zcard";
/// What it tells administrators of clusters beyond that.
pub(super) const MORE_ON_A_CLUSTER: &str = "+cluster|slots +asking";

/// And of a database that the URL names; and where first contact is to know the server's version
/// and mode.
const OPTIONAL: &str = "+select +info";

/// Makes a user with these rights on keys below a prefix.
pub(super) async fn set_user(server: &RedisServer, user: &str, prefix: &str, more: &str) {
    let rights = format!("resetchannels -@all {COMMANDS} {more}");
    let command = format!("ACL SETUSER {user} reset on >password ~{prefix}* {rights}");
    server.ask::<()>(command.trim_end()).await;
}

pub(super) fn as_user(user: &str, target: Target) -> Target {
    let url = target.url.replace("://", &format!("://{user}:password@"));
    Target { url, ..target }
}

/// Every step there is.
pub(super) async fn use_all(backend: &dyn SessionBackend) {
    backend.ping().await.expect("ping");
    let id = create(backend).await.id;
    assert!(backend.get_session(&id).await.expect("read").is_some());
    assert!(backend.peek_session(&id).await.expect("peek").is_some());
    let delta = Delta::new().set(name("a"), "b").remove(name("c"));
    let delta = delta.increment(name("page_views"), 1);
    let written = backend.update_session(&id, delta).await;
    assert!(written.expect("write").is_some());
    let mut id = id;
    for delta in [
        Delta::new().bind(ann()).keep_only([name("page_views")]),
        Delta::new(),
    ] {
        let rotated = backend.rotate_session(&id, delta).await;
        id = rotated.expect("rename").expect("it lives").id;
    }
    let other = create(backend).await.id;
    let written = backend.update_session(&other, Delta::new().bind(ann()));
    assert!(written.await.expect("write").is_some());
    let last = log_in(backend).await.id;
    assert_eq!(backend.list_sessions(&ann()).await.expect("list").len(), 3);
    let (ann, size) = (ann(), PageSize::new(1).expect("a size"));
    let page = backend.list_sessions_page(&ann, vec![name("a")], None, size);
    let next = page.await.expect("a page").next;
    let page = backend.list_sessions_page(&ann, vec![name("a")], next.as_ref(), PageSize::MAX);
    assert_eq!(page.await.expect("a page").sessions.len(), 2);
    assert!(backend.delete_session(&last).await.expect("remove"));
    let ended = backend.revoke_sessions(&ann, Some(&id)).await;
    assert_eq!(ended.expect("revoke"), 1);
    let record = backend.peek_session(&id).await.expect("peek");
    let known = record.and_then(|it| it.public_id()).expect("it is bound");
    let found = backend.get_session_of(&ann, &known).await;
    assert!(found.expect("find and read").is_some());
    let ended = backend.revoke_session(&ann, &known).await;
    assert!(ended.expect("remove"));
}

/// A user with no more than the documented rights can do everything but what operators do; with one
/// right more, that too; with those that are optional, also in another database.
pub async fn the_documented_rights_suffice(connect: Connect) {
    let readme = include_str!("../../../README.md");
    let documented: Vec<&str> = readme.split([' ', '`', '\n']).collect();
    for right in [COMMANDS, OPTIONAL, MORE_ON_A_CLUSTER].join(" ").split(' ') {
        assert!(documented.contains(&right), "{right} is not documented");
    }
    let server = RedisServer::start().await;
    let prefix = own_prefix();
    let [app, operator] = ["app", "operator"].map(|user| {
        let target = Target::patient(server.url(), prefix.clone());
        Subject::of(connect, as_user(user, target))
    });
    set_user(&server, "app", prefix.as_str(), "").await;
    set_user(&server, "operator", prefix.as_str(), "+scan").await;
    use_all(&*app.backend).await;
    let shown = PublicId::of_unbound(&create(&*app.backend).await.id);
    assert_refused(app.admin.count_sessions().await, ErrorKind::Denied);
    assert_refused(app.admin.revoke_session(&shown).await, ErrorKind::Denied);
    let database = Target::patient(server.url() + "/1", own_prefix());
    set_user(&server, "app", database.prefix.as_str(), OPTIONAL).await;
    use_all(&*Subject::of(connect, as_user("app", database)).backend).await;
    let operator = operator.admin;
    assert_eq!(operator.count_sessions().await.expect("the right"), 1);
    assert!(operator.revoke_session(&shown).await.expect("the right"));
}

/// The same on a cluster, while a slot moves too.
pub async fn the_documented_rights_suffice_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let app = Subject::with(connect, &cluster, |target| as_user("app", target)).await;
    for node in cluster.nodes() {
        set_user(node, "app", app.keys.prefix().as_str(), MORE_ON_A_CLUSTER).await;
    }
    let id = app.session_on(&cluster, 0).await;
    let slot = app.slot(&id);
    cluster.begin_move(slot, 0, 1).await;
    cluster.move_keys(slot, 0, 1).await;
    assert!(app.backend.get_session(&id).await.expect("read").is_some());
    cluster.end_move(slot, 1).await;
    app.session_per_node(&cluster).await;
    use_all(&*app.backend).await;
}

/// Credentials that the server refuses are an error like others, and no text shows the password.
pub async fn wrong_credentials_are_denied(connect: Connect) {
    let server = RedisServer::start().await;
    server.ask::<()>("CONFIG SET requirepass right").await;
    let url = server.url().replace("://", "://:SECRET@");
    let backend = super::backend(connect, url);
    let error = backend.ping().await.expect_err("the password is wrong");
    assert_eq!(error.effect(), Effect::NotApplied, "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert!(!format!("{backend:?} {error:?} {error} {source:?}").contains("SECRET"));
}

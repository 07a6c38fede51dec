//! What the server's ACL must grant.

use session_core::{Delta, Effect, ErrorKind, NewSession, PageSize, PublicId, SessionBackend};
use session_redis::AclFeature::{self, Admin, ClientName, Database, Info, Principals, Sessions};
use session_redis::KeyPrefix;

use super::{Subject, ann, assert_refused, create, log_in, login, name};
use crate::accounts::{as_user, rules, set_user};
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, RedisServer, Target};

/// What nobody needs, and an account of an application or an operator must not have.
const FORBIDDEN: &str = "FLUSHALL|FLUSHDB|KEYS *|CONFIG GET dir|CONFIG SET dir /tmp|SCRIPT FLUSH|\
    SCRIPT LOAD return|FUNCTION LIST|DEBUG SLEEP 0|SHUTDOWN NOSAVE|ACL LIST|ACL WHOAMI|MONITOR|SAVE|\
    BGSAVE|BGREWRITEAOF|REPLICAOF NO ONE|SLAVEOF NO ONE|PSYNC ? -1|CLIENT LIST|CLIENT KILL TYPE normal|\
    MODULE LIST|MIGRATE h 1 k 0 1|DUMP k|RESTORE k 0 v|SLOWLOG GET|LATENCY RESET|SWAPDB 0 1|\
    CLUSTER RESET|CLUSTER NODES|FAILOVER|MEMORY DOCTOR|RANDOMKEY|DBSIZE|GET k|SET k v|UNLINK k|\
    PUBLISH c m|SUBSCRIBE c|COMMAND COUNT|LASTSAVE|SORT k|OBJECT ENCODING k|WAIT 0 1";

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

/// The steps on sessions that are bound to nobody.
async fn use_unbound(backend: &dyn SessionBackend) {
    backend.ping().await.expect("ping");
    let id = create(backend).await.id;
    assert!(backend.get_session(&id).await.expect("read").is_some());
    let delta = Delta::new().remove(name("page_views")).set(name("a"), "b");
    let written = backend.update_session(&id, delta).await;
    assert!(written.expect("write").is_some());
    let kept = Delta::new().keep_only([name("page_views")]);
    let rotated = backend.rotate_session(&id, kept).await;
    assert!(rotated.expect("rename").is_some());
    assert!(backend.delete_session(&id).await.expect("remove"));
}

/// The page on ACLs says what the scripts use.
pub async fn the_rights_are_documented(_: Connect) {
    let page = include_str!("../../../docs/acl.md").replace(r"\|", "|");
    for feature in AclFeature::ALL {
        let row = format!("| `{}` |", feature.rights().join(" "));
        let documented = page.lines().any(|line| line.ends_with(&row));
        assert!(documented, "{feature:?}: the table needs {row}");
    }
    for rules in [
        rules("session:", &[Sessions]),
        rules("session:", &[Sessions, Principals, Info]),
        rules(
            "session:",
            &[Sessions, Principals, Info, AclFeature::Cluster],
        ),
        rules("session:", &[Sessions, Principals, Admin, Info]),
    ] {
        assert!(page.contains(&rules), "the page needs {rules}");
    }
}

/// A user with no more than the documented rights can do everything but what operators do; with one
/// right more, that too; with those that are optional, also in another database. Without principals
/// fewer will do. (What each right is for is shown where every operation is all or nothing.)
pub async fn the_documented_rights_suffice(connect: Connect) {
    let server = RedisServer::start().await;
    let prefix = own_prefix();
    let [app, operator, plain] = ["app", "operator", "plain"].map(|user| {
        let target = Target::patient(server.url(), prefix.clone());
        Subject::of(connect, as_user(user, target))
    });
    let set = async |user, prefix: &KeyPrefix, features: &[AclFeature]| {
        set_user(&server, user, prefix.as_str(), features).await;
    };
    set("plain", &prefix, &[Sessions]).await;
    set("app", &prefix, &[Sessions, Principals]).await;
    set("operator", &prefix, &[Sessions, Principals, Admin]).await;
    use_unbound(&*plain.backend).await;
    let bound = plain.backend.create_session(login()).await;
    assert_refused(bound, ErrorKind::Denied);
    let sessions = operator.admin.count_sessions().await.expect("the right");
    use_all(&*app.backend).await;
    let shown = PublicId::of_unbound(&create(&*app.backend).await.id);
    assert_refused(app.admin.count_sessions().await, ErrorKind::Denied);
    assert_refused(app.admin.revoke_session(&shown).await, ErrorKind::Denied);
    let named = format!("{}/1?client_name=shop", server.url());
    let database = Target::patient(named, own_prefix());
    let optional = [Sessions, Principals, Info, Database, ClientName];
    set("app", &database.prefix, &optional).await;
    use_all(&*Subject::of(connect, as_user("app", database)).backend).await;
    let operator = operator.admin;
    let counted = operator.count_sessions().await.expect("the right");
    assert_eq!(counted, sessions + 1);
    assert!(operator.revoke_session(&shown).await.expect("the right"));
    // Scripts are how it all is done.
    for right in ["eval", "evalsha"] {
        set("plain", &prefix, &[Sessions]).await;
        let take = format!("ACL SETUSER plain -{right}");
        server.ask::<()>(&take).await;
        server.ask::<()>("SCRIPT FLUSH").await;
        let created = plain.backend.create_session(NewSession::default()).await;
        assert_refused(created, ErrorKind::Denied);
    }
}

/// The same on a cluster, while a slot moves too.
pub async fn the_documented_rights_suffice_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let app = Subject::with(connect, &cluster, |target| as_user("app", target)).await;
    let rights = [Sessions, Principals, AclFeature::Cluster];
    for node in cluster.nodes() {
        set_user(node, "app", app.keys.prefix().as_str(), &rights).await;
    }
    let id = app.session_on(&cluster, 0).await;
    let slot = app.slot(&id);
    cluster.begin_move(slot, 0, 1).await;
    cluster.move_keys(slot, 0, 1).await;
    assert!(app.backend.get_session(&id).await.expect("read").is_some());
    for right in ["asking", "cluster|slots"] {
        for node in cluster.nodes() {
            node.ask::<()>(&format!("ACL SETUSER app -{right}")).await;
        }
        let target = Target::patient(cluster.url(), app.keys.prefix().clone());
        let fresh = Subject::of(connect, as_user("app", target));
        assert_refused(fresh.backend.get_session(&id).await, ErrorKind::Denied);
        for node in cluster.nodes() {
            set_user(node, "app", app.keys.prefix().as_str(), &rights).await;
        }
    }
    cluster.end_move(slot, 1).await;
    app.session_per_node(&cluster).await;
    use_all(&*app.backend).await;
}

/// What an account must not have it has not, whatever it is for.
pub async fn forbidden_commands_are_denied(_: Connect) {
    let server = RedisServer::builder()
        .arg("enable-debug-command", "yes")
        .arg("enable-module-command", "yes");
    let server = server.start().await;
    set_user(&server, "app", "session:", &AclFeature::ALL[..7]).await;
    let url = as_user("app", Target::patient(server.url(), own_prefix())).url;
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .expect("a connection");
    let of_other_keys = ["HGETALL other:1", "EVAL return 1 other:1"];
    for line in FORBIDDEN.split('|').chain(of_other_keys) {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap_or_default());
        let denied = command.arg(words.collect::<Vec<_>>());
        let denied = denied.exec_async(&mut connection).await;
        let code = denied.err().and_then(|it| it.code().map(str::to_owned));
        assert_eq!(code.as_deref(), Some("NOPERM"), "{line}");
    }
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

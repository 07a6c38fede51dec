//! What a cluster's ACL must grant.

use session_core::{Delta, NewSession};

use super::Subject;
use crate::checks::rights::COMMANDS;
use crate::checks::{ann, create, fields, public_id};
use crate::harness::Connect;
use crate::{Cluster, Target};

/// What the documentation tells administrators of clusters, beyond what it tells of single servers.
const MORE: &str = "+cluster|slots +asking +zscore +zcard";

/// A user with no more than the documented rights can do everything, while a slot moves too.
///
/// # Panics
/// When a right is missing.
pub async fn the_documented_rights_suffice_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| {
        let url = target.url.replace("://", "://app:password@");
        Target { url, ..target }
    })
    .await;
    for node in cluster.nodes() {
        let mut user = redis::cmd("ACL");
        user.arg("SETUSER")
            .arg("app")
            .arg("reset")
            .arg("on")
            .arg(">password");
        user.arg(format!("~{}*", subject.keys.prefix()));
        user.arg("resetchannels").arg("-@all");
        for right in COMMANDS.split_whitespace().chain(MORE.split_whitespace()) {
            user.arg(right);
        }
        let () = user
            .query_async(&mut node.connection().await)
            .await
            .expect("ACL SETUSER");
    }
    let backend = &*subject.backend;
    backend.ping().await.expect("ping");
    subject.session_per_node(&cluster).await;
    let id = subject.session_on(&cluster, 0).await;
    let slot = subject.slot(&id);
    cluster.begin_move(slot, 0, 1).await;
    cluster.move_keys(slot, 0, 1).await;
    assert!(backend.get_session(&id).await.expect("read").is_some());
    cluster.end_move(slot, 1).await;
    let login = backend
        .rotate_session(&id, Delta::new().bind(ann()))
        .await
        .expect("rename");
    let id = login.expect("it lives").id;
    let rotated = backend
        .rotate_session(&id, Delta::new())
        .await
        .expect("rename");
    let id = rotated.expect("it lives").id;
    let other = create(backend).await.id;
    let written = backend
        .update_session(&other, Delta::new().bind(ann()))
        .await;
    assert!(written.expect("write").is_some());
    let new = NewSession::new(fields()).bind(ann());
    let last = backend.create_session(new).await.expect("insert").id;
    assert_eq!(backend.list_sessions(&ann()).await.expect("list").len(), 3);
    assert!(backend.delete_session(&last).await.expect("remove"));
    let ended = backend.revoke_sessions(&ann(), Some(&id)).await;
    assert_eq!(ended.expect("revoke"), 1);
    let id = public_id(backend, &id).await;
    let found = backend.get_session_of(&ann(), &id).await;
    assert!(found.expect("find and read").is_some());
    assert!(backend.revoke_session(&ann(), &id).await.expect("remove"));
}

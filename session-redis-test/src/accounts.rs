//! Accounts with the documented rights.

use session_redis::AclFeature;

use crate::{RedisServer, Target};

/// What an account needs for these, on keys below a prefix.
pub(crate) fn rules(prefix: &str, features: &[AclFeature]) -> String {
    let rights: Vec<_> = features.iter().flat_map(|it| it.rights()).collect();
    format!("~{prefix}* resetchannels -@all {}", rights.join(" "))
}

/// Makes a user with these rights on keys below a prefix.
pub(crate) async fn set_user(
    server: &RedisServer,
    user: &str,
    prefix: &str,
    features: &[AclFeature],
) {
    let rules = rules(prefix, features);
    let set = format!("ACL SETUSER {user} reset on >password {rules}");
    server.ask::<()>(&set).await;
}

/// The same target by this user.
pub(crate) fn as_user(user: &str, target: Target) -> Target {
    let url = target.url.replace("://", &format!("://{user}:password@"));
    Target { url, ..target }
}

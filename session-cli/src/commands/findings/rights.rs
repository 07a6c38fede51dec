//! What an account may not do.

use session_store::admin::{AclFeature, KeyPrefix, MissingRights, ServerReport};

use super::Finding;

/// What the account lacks, and the line that grants it.
pub(super) fn of_rights(facts: &ServerReport, prefix: &KeyPrefix) -> Finding {
    let name = Some(facts.endpoint.to_string());
    let account = facts.account.as_deref();
    let Some(missing) = &facts.missing_rights else {
        return Finding::warning(
            "rights",
            name,
            "unknown: the server does not tell",
            "try the commands one by one",
        );
    };
    if missing.is_empty() {
        let found = format!("the account {} may do all", account.unwrap_or("(unknown)"));
        return Finding::ok("rights", name, found);
    }
    let of = |it: &MissingRights| format!("{} for {}", it.rights.join(" "), purpose(it.feature));
    let found = missing.iter().map(of).collect::<Vec<_>>().join(", ");
    let rights = missing.iter().flat_map(|it| it.rights.iter());
    let rights = rights.map(String::as_str).collect::<Vec<_>>().join(" ");
    let account = account.unwrap_or("ACCOUNT");
    let advice = format!("ACL SETUSER {account} ~{prefix}* {rights}");
    // What is only not shown is no problem.
    let is_info = |it: &MissingRights| it.feature == AclFeature::Info;
    let found = format!("missing {found}");
    match missing.iter().all(is_info) {
        true => Finding::warning("rights", name, found, advice),
        false => Finding::problem("rights", name, found, advice),
    }
}

fn purpose(feature: AclFeature) -> &'static str {
    match feature {
        AclFeature::Sessions => "sessions",
        AclFeature::Principals => "log-ins",
        AclFeature::Admin => "this command",
        AclFeature::Cluster => "a cluster",
        AclFeature::Info => "what a server is",
        _ => "more",
    }
}

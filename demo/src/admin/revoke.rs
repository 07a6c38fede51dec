//! Ending sessions.

use std::collections::HashSet;
use std::io::Write;

use session_store::PublicId;
use session_store::admin::SessionAdmin;

use super::IsComplete;
use super::failure::Failure;
use super::output::Output;

/// Ends these sessions and says of each whether it was there. Goes on when nobody reads that any
/// more: they are to end all the same.
pub(super) async fn revoke<W: Write>(
    admin: &dyn SessionAdmin,
    public_ids: &[PublicId],
    out: &mut Output<W>,
) -> Result<IsComplete, Failure> {
    let (mut done, mut is_complete) = (HashSet::new(), true);
    for public_id in public_ids {
        // Named twice, it would not be there the second time.
        if !done.insert(public_id) {
            continue;
        }
        if admin.revoke_session(public_id).await? {
            out.line(&format!("revoked {public_id}"))?;
        } else {
            is_complete = false;
            out.line(&format!("no such session: {public_id}"))?;
        }
        // Before the next one, which may fail.
        out.flush()?;
    }
    Ok(is_complete)
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use session_store::{Connect, NewSession, Principal};

    #[tokio::test]
    async fn each_public_id_is_told_of_once() {
        let (sessions, admin) = Connect::to("memory:").build_with_admin().unwrap();
        // One is bound to nobody, the other one to a user.
        let unbound = sessions.create_session(NewSession::default()).await;
        let unbound = PublicId::of_unbound(&unbound.unwrap().id);
        let bound = NewSession::default().bind(Principal::new("Ann").unwrap());
        let bound = sessions.create_session(bound).await.unwrap();
        let bound = bound.record.public_id().unwrap();
        let missing = PublicId::parse("AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let named = [unbound, unbound, missing, bound];
        let mut out = Vec::new();
        let is_complete = revoke(&*admin, &named, &mut Output::to(&mut out)).await;
        assert!(!is_complete.unwrap());
        let expected = format!("revoked {unbound}\nno such session: {missing}\nrevoked {bound}\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(admin.count_sessions().await.unwrap(), 0);
    }
}

//! Ending sessions.

use std::collections::HashSet;
use std::io::Write;

use session_store::{SessionAdmin, SessionHandle};

use super::IsComplete;
use super::failure::Failure;
use super::output::Output;

/// Ends these sessions and says of each whether it was there. Goes on when nobody reads that any
/// more: they are to end all the same.
pub(super) async fn revoke<W: Write>(
    admin: &dyn SessionAdmin,
    handles: &[SessionHandle],
    out: &mut Output<W>,
) -> Result<IsComplete, Failure> {
    let (mut done, mut is_complete) = (HashSet::new(), true);
    for handle in handles {
        // Named twice, it would not be there the second time.
        if !done.insert(handle) {
            continue;
        }
        if admin.revoke_session(handle).await? {
            out.line(&format!("revoked {handle}"))?;
        } else {
            is_complete = false;
            out.line(&format!("no such session: {handle}"))?;
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
    use session_store::{Connect, NewSession};

    #[tokio::test]
    async fn each_handle_is_told_of_once() {
        let (sessions, admin) = Connect::to("memory:").build_with_admin().unwrap();
        let mut handles = Vec::new();
        for _ in 0..2 {
            let created = sessions.create_session(NewSession::default()).await;
            handles.push(created.unwrap().id.handle());
        }
        let mut out = Vec::new();
        let named = [
            handles[0].clone(),
            handles[0].clone(),
            SessionHandle::parse("AAAAAAAAAAAAAAAAAAAAAA").unwrap(),
            handles[1].clone(),
        ];
        let is_complete = revoke(&*admin, &named, &mut Output::to(&mut out)).await;
        assert!(!is_complete.unwrap());
        let expected = format!(
            "revoked {}\nno such session: AAAAAAAAAAAAAAAAAAAAAA\nrevoked {}\n",
            handles[0], handles[1]
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(admin.count_sessions().await.unwrap(), 0);
    }
}

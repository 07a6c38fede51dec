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

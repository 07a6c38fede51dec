//! Every operation on one session.

use std::time::Duration;

use session_core::{Delta, Result, SessionBackend, SessionId, Touch};

use super::{Bench, fresh_principal, name, ttl};

/// An operation on one session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Get,
    GetFresh,
    GetThrottled,
    Peek,
    UpdateFields,
    UpdateUntouched,
    UpdateNothing,
    RemoveField,
    Increment,
    Bind,
    SetTtl,
    ConfiguredTtl,
    Ttl,
    Rotate,
    RotateWithDelta,
    Delete,
}

impl Operation {
    pub(crate) const ALL: [Self; 16] = [
        Self::Get,
        Self::GetFresh,
        Self::GetThrottled,
        Self::Peek,
        Self::UpdateFields,
        Self::UpdateUntouched,
        Self::UpdateNothing,
        Self::RemoveField,
        Self::Increment,
        Self::Bind,
        Self::SetTtl,
        Self::ConfiguredTtl,
        Self::Ttl,
        Self::Rotate,
        Self::RotateWithDelta,
        Self::Delete,
    ];

    /// Whether the operation finds a session.
    pub(crate) async fn finds(self, backend: &dyn SessionBackend, id: &SessionId) -> Result<bool> {
        let delta = || {
            Delta::new()
                .set(name("username"), "ghost")
                .increment(name("page_views"), 1)
                .ttl(ttl(600))
        };
        Ok(match self {
            Self::Get => backend.get_session(id).await?.is_some(),
            Self::GetFresh => backend.get_fresh_session(id).await?.is_some(),
            Self::GetThrottled => {
                let touch = Touch::IfOlderThan(Duration::ZERO);
                backend.get_session_with(id, touch).await?.is_some()
            }
            Self::Peek => backend.peek_session(id).await?.is_some(),
            Self::UpdateFields => backend.update_session(id, delta()).await?.is_some(),
            Self::UpdateUntouched => {
                let delta = delta().touch(Touch::Never);
                backend.update_session(id, delta).await?.is_some()
            }
            Self::UpdateNothing => backend.update_session(id, Delta::new()).await?.is_some(),
            Self::RemoveField => {
                let names = vec![name("username"), name("page_views")];
                backend.remove_fields(id, names).await?
            }
            Self::Increment => {
                let views = backend.increment_field(id, name("page_views"), 1).await?;
                views.is_some()
            }
            Self::Bind => {
                let delta = Delta::new().bind(fresh_principal("ghost"));
                backend.update_session(id, delta).await?.is_some()
            }
            Self::SetTtl => backend.set_session_ttl(id, ttl(600)).await?,
            Self::ConfiguredTtl => backend.configured_ttl(id).await?.is_some(),
            Self::Ttl => backend.ttl(id).await?.is_some(),
            Self::Rotate => backend.rotate_session(id, Delta::new()).await?.is_some(),
            Self::RotateWithDelta => backend.rotate_session(id, delta()).await?.is_some(),
            Self::Delete => backend.delete_session(id).await?,
        })
    }
}

/// Asserts that no operation finds the session, and that none changes anything of what is
/// stored under its id.
pub(crate) async fn assert_not_found_and_left_alone(b: &Bench<'_>, id: &SessionId, what: &str) {
    for operation in Operation::ALL {
        let before = b.snapshot(id).await;
        let found = operation.finds(&**b, id).await;
        let found = found.unwrap_or_else(|error| panic!("{what}, {operation:?}: {error}"));
        assert!(!found, "{what}: {operation:?} found a session");
        let context = format!("{what}: {operation:?}");
        b.assert_unchanged(id, &before, &context).await;
    }
}

/// Asserts that nothing is stored under an id, and that no operation changes that.
pub(crate) async fn assert_nothing_there(b: &Bench<'_>, id: &SessionId, what: &str) {
    assert_eq!(b.h.dump(id).await, None, "{what}");
    assert_not_found_and_left_alone(b, id, what).await;
    assert_eq!(b.h.dump(id).await, None, "{what}");
}

//! What a request says of its session.

use session_core::SessionId;

/// How many different ids of one request are looked at.
const MOST: usize = 3;

/// What a request's cookies, or its header, say of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presented {
    /// There is no cookie or header of the session's name.
    Nothing,
    /// There is one, but it is malformed: it can never name a session.
    Unusable,
    /// It names a session, which may or may not exist.
    Id(SessionId),
    /// There are several well-formed ones that differ, as after a change of the cookie's scope.
    Several(Vec<SessionId>),
}

impl Presented {
    /// The ids that were presented, each once.
    pub(crate) fn ids(&self) -> &[SessionId] {
        match self {
            Self::Nothing | Self::Unusable => &[],
            Self::Id(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }

    /// Learns of one more value: an id, or nothing for one that is malformed.
    pub(crate) fn add(&mut self, value: Option<SessionId>) {
        let before = std::mem::replace(self, Self::Nothing);
        *self = match (before, value) {
            (Self::Nothing, None) => Self::Unusable,
            (before, None) => before,
            (Self::Nothing | Self::Unusable, Some(id)) => Self::Id(id),
            (Self::Id(first), Some(id)) if first == id => Self::Id(first),
            (Self::Id(first), Some(id)) => Self::Several(vec![first, id]),
            (Self::Several(mut ids), Some(id)) => {
                if ids.len() < MOST && !ids.contains(&id) {
                    ids.push(id);
                }
                Self::Several(ids)
            }
        };
    }
}

//! The kinds of calls.

/// A kind of call: one for each required step of [`SessionBackend`](session_core::SessionBackend)
/// and [`SessionAdmin`](session_core::SessionAdmin).
///
/// The provided methods end in these: `get_session`, `peek_session`, `ttl` and `configured_ttl` in
/// a [`Read`](Step::Read); `update_session`, `increment_field`, `remove_fields` and
/// `set_session_ttl` in a [`Write`](Step::Write).
///
/// ```
/// use session_memory::Step;
///
/// assert!(Step::ALL.contains(&Step::Rename));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `create_session`.
    Insert,
    /// `get_session`, `get_fresh_session`, `get_session_with`, `peek_session`, `get_session_of`,
    /// `peek_session_of`, `ttl`, `configured_ttl`.
    Read,
    /// `update_session`, `update_session_of`, `increment_field`, `remove_fields`,
    /// `set_session_ttl`.
    Write,
    /// `rotate_session`.
    Rename,
    /// `delete_session`, `revoke_session`.
    Remove,
    /// Each page of `list_sessions`, `list_sessions_with` and `ListedSessions`;
    /// `list_sessions_page`.
    List,
    /// Each page of `revoke_sessions`.
    Revoke,
    /// `ping`.
    Ping,
    /// An admin's `list_page`, and each page that `count_sessions` looks at.
    Page,
    /// Each page that an admin's `revoke_session` looks at.
    RevokeInPage,
}

impl Step {
    /// All kinds of calls.
    pub const ALL: [Self; 10] = [
        Self::Insert,
        Self::Read,
        Self::Write,
        Self::Rename,
        Self::Remove,
        Self::List,
        Self::Revoke,
        Self::Ping,
        Self::Page,
        Self::RevokeInPage,
    ];
}

//! How a store names its sessions.

/// How a session's id becomes the name of its key in a store that others can look into. (One in memory
/// has no use for it.)
///
/// # From plain to hashed
/// A store in use moves from one to the other in steps, each a roll-out of the application; nobody is
/// logged out, as long as all its processes are at the same step or at neighbouring ones:
///
/// 1. [`Plain`](Self::Plain), where it is;
/// 2. [`PlainBeforeHashed`](Self::PlainBeforeHashed), which finds what the next step stores;
/// 3. [`HashedAfterPlain`](Self::HashedAfterPlain). When every process is there,
///    [`convert_sessions`](crate::SessionAdmin::convert_sessions) moves the sessions that are still stored
///    plainly, each in one atomic step; so does a rotation. Call it until it answers 0, with no restart or
///    failover of the server meanwhile;
/// 4. [`Hashed`](Self::Hashed), when none is left.
///
/// In a Redis Cluster a session's two keys are in different hash slots, and no step moves a session between
/// them: there it stays as it was created, rotated or not. The fourth step is due when the last plain one has
/// ended: when `convert_sessions` answers 0 and not [`Unsupported`](crate::ErrorKind::Unsupported), with no
/// slot moving meanwhile.
///
/// While there are two forms, an operation on a session in the less likely form costs one round trip more,
/// one on an id that is no session one or two more; listing and revoking cost what they always do.
/// Successors of ids keep 224 bits of entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum IdStorage {
    /// The id itself: the guide's format, readable by its clients in every language. Whoever can
    /// read key names (a dump, `MONITOR`, the slow log) holds usable cookies.
    #[default]
    Plain,
    /// New sessions are stored plainly. Those that are stored hashed are found too.
    PlainBeforeHashed,
    /// New sessions are stored hashed. Those that are stored plainly are found too.
    HashedAfterPlain,
    /// `{` + the id's first three characters + `}` + base64url(SHA-256(id)). A leaked key name is no
    /// usable cookie, and the braces keep a session in its hash slot when it rotates.
    Hashed,
}

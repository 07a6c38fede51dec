//! How an id becomes the name of its key.

/// How a session's id becomes the name of its key.
///
/// # From plain to hashed
/// A store in use moves from one to the other in steps, each a roll-out of the application; nobody
/// is logged out, as long as all its processes are at the same step or at neighbouring ones:
///
/// 1. [`Plain`](Self::Plain), where it is;
/// 2. [`PlainBeforeHashed`](Self::PlainBeforeHashed), which finds what the next step stores;
/// 3. [`HashedAfterPlain`](Self::HashedAfterPlain). Sessions that are stored plainly stay so until
///    they end or (but in a Redis Cluster, where the two keys are in different hash slots) are
///    rotated;
/// 4. [`Hashed`](Self::Hashed), when the last plain one has ended. Bound sessions end with their
///    lifetime.
///
/// While there are two formats, an operation on a session in the second one costs one round trip
/// more, as does one on an id that is no session; listing and revoking cost what they always do. In
/// a cluster a log-in costs one round trip more, where the principal has a limit, and another where
/// it binds a session that is stored already. Successors of ids keep 224 bits of entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum IdStorage {
    /// The id itself: the Redis guide's format, readable by its clients in every language. Whoever
    /// can read key names (a dump, `MONITOR`, the slow log) holds usable cookies, and sees who has
    /// sessions: the key of a principal's index shows its name.
    #[default]
    Plain,
    /// New sessions are stored plainly. Those that are stored hashed are found too.
    PlainBeforeHashed,
    /// New sessions are stored hashed. Those that are stored plainly are found too.
    HashedAfterPlain,
    /// `{` + the id's first three characters + `}` + base64url(SHA-256(id)). A leaked key name is
    /// no usable cookie, and the braces keep a session in its hash slot when it rotates.
    ///
    /// The key of a principal's index shows 128 bits of a SHA-1 of the principal in place of its
    /// name.
    Hashed,
}

/// The format of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyFormat {
    Plain,
    Hashed,
}

impl IdStorage {
    /// The format of new sessions.
    pub(crate) fn written(self) -> KeyFormat {
        match self {
            Self::Plain | Self::PlainBeforeHashed => KeyFormat::Plain,
            Self::HashedAfterPlain | Self::Hashed => KeyFormat::Hashed,
        }
    }

    /// The formats in which a session is looked for, in this order.
    pub(crate) fn read(self) -> &'static [KeyFormat] {
        match self {
            Self::Plain => &[KeyFormat::Plain],
            Self::PlainBeforeHashed => &[KeyFormat::Plain, KeyFormat::Hashed],
            Self::HashedAfterPlain => &[KeyFormat::Hashed, KeyFormat::Plain],
            Self::Hashed => &[KeyFormat::Hashed],
        }
    }
}

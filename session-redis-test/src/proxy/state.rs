//! What the two directions of a connection share.

use std::io;
use std::sync::atomic::AtomicBool;

use super::counters::Burst;

/// How many bytes are read at once: more than a usual burst, which so passes in one piece.
pub(super) const CHUNK: usize = 64 * 1024;

/// What the two directions of a connection know of each other.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) burst: Burst,
    /// A request passed after a mode was set that cuts replies.
    pub(super) cut_next_reply: AtomicBool,
    /// The client will send nothing more.
    pub(super) client_is_done: AtomicBool,
    /// The server will send nothing more.
    pub(super) server_is_done: AtomicBool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What was written arrives, then the end of the stream.
    Close,
    /// RST, towards both ends.
    Reset,
}

impl From<io::Error> for End {
    /// An end that broke breaks the other.
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

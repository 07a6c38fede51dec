//! What a proxy does to what passes.

use std::time::Duration;

/// What a [`Proxy`](super::Proxy) does to what passes.
///
/// A network may delay bytes or stop delivering them, but it never leaves some out and delivers
/// later ones. Nor does the proxy: once it has swallowed bytes of a connection, it swallows all
/// that follow in that direction, in whatever mode, until that connection is closed, by the
/// client or by [`Proxy::cut_all`](super::Proxy::cut_all). A swallowed direction does not tell
/// its end either: a client behind it does not learn of the server's death.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    #[default]
    Pass,
    /// Connections are accepted, and everything is swallowed, both ways.
    Blackhole,
    /// Requests pass, replies are swallowed: the server does what it is asked, and nobody knows.
    DropReplies,
    /// Replies arrive this much later. Requests pass at once, and what is answered together
    /// arrives together: this is a longer way, not a slower server.
    DelayReplies(Duration),
    /// The next request passes; when its reply begins, the connection is closed before any byte
    /// of it reaches the client. Happens to one connection, and turns to [`Mode::Pass`] then.
    ///
    /// The next request is the first bytes from a client from now on, the next reply the first
    /// bytes from the server after that. For a client with several requests under way on one
    /// connection, these may belong to an earlier request; both are lost then.
    CutBeforeReply,
    /// As [`Mode::CutBeforeReply`], but this many bytes of the reply, or of it and those that
    /// follow, reach the client first.
    CutAfter(usize),
    /// New connections are reset at once. Those there are remain.
    Refuse,
}

impl Mode {
    /// How many bytes of a reply pass before the connection is cut, if this mode cuts.
    pub(super) fn cut_after(self) -> Option<usize> {
        match self {
            Self::CutBeforeReply => Some(0),
            Self::CutAfter(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn swallows_requests(self) -> bool {
        self == Self::Blackhole
    }

    pub(super) fn swallows_replies(self) -> bool {
        matches!(self, Self::Blackhole | Self::DropReplies)
    }

    pub(super) fn delay(self) -> Duration {
        match self {
            Self::DelayReplies(delay) => delay,
            _ => Duration::ZERO,
        }
    }
}

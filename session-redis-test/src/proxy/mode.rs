//! What a proxy does to what passes.

use std::time::Duration;

/// What a [`Proxy`](super::Proxy) does to what passes.
///
/// A network may delay bytes, but it never leaves some out and delivers later ones. Nor does the
/// proxy: what it swallows it holds, and delivers when the mode ends, the ends of connections too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    #[default]
    Pass,
    /// Connections are accepted, and everything is swallowed, both ways.
    Swallow,
    /// Requests pass, replies are swallowed: the server does what it is asked, and nobody knows.
    SwallowReplies,
    /// Replies arrive this much later. Requests pass at once, and what is answered together
    /// arrives together: this is a longer way, not a slower server.
    DelayReplies(Duration),
    /// Replies arrive byte by byte, each this long after the one before.
    Trickle(Duration),
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
    /// Each connection is closed when so many bytes of replies have passed from now on: a new one
    /// at that byte of its handshake.
    CutEach(usize),
    /// New connections are reset at once. Those there are remain.
    Refuse,
    /// New connections are accepted and closed. Those there are remain.
    Close,
    /// Bytes of no protocol arrive in place of the replies.
    Garbage,
    /// Every second script is not run: this error arrives in its place among the replies to the
    /// others.
    Error(&'static str),
}

impl Mode {
    /// How many bytes of a reply pass before the connection is cut, if this mode cuts one.
    pub(super) fn cut_after(self) -> Option<usize> {
        match self {
            Self::CutBeforeReply => Some(0),
            Self::CutAfter(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn swallows(self, direction: Direction) -> bool {
        match self {
            Self::Swallow => true,
            Self::SwallowReplies => direction == Direction::Replies,
            _ => false,
        }
    }

    /// Whether what comes in this direction does not pass at once.
    pub(super) fn holds(self, direction: Direction) -> bool {
        let is_slow = matches!(self, Self::DelayReplies(_) | Self::Trickle(_));
        self.swallows(direction) || is_slow && direction == Direction::Replies
    }

    pub(super) fn delay(self) -> Duration {
        match self {
            Self::DelayReplies(delay) => delay,
            _ => Duration::ZERO,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Requests,
    Replies,
}

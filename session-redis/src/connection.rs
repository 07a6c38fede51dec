//! What a client crate provides: connections to single servers.

use std::fmt;
use std::sync::Arc;

use session_core::Result;
use tokio::time::Instant;

use crate::command::Command;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::reply::Reply;

/// A connection to one server. Clones share it. When the last clone goes, its tasks end and its
/// socket closes.
pub trait Connection: Clone + Send + Sync + 'static {
    /// Sends the commands in one round trip, each once.
    ///
    /// # Returns
    /// A reply or an error for each command, in their order; at the deadline at the latest, and at
    /// once when the connection closes.
    ///
    /// # Errors
    /// Those of a command come from [`ServerError::into_error`](crate::ServerError::into_error). An
    /// error of the connection is never a command's result: unless the client knows that the
    /// command was not sent, its effect is [`Effect::Unknown`](session_core::Effect::Unknown).
    ///
    /// # Cancellation
    /// A dropped future drops its replies and mixes up none of those that others wait for.
    fn send(
        &self,
        commands: &[Command],
        deadline: Instant,
    ) -> impl Future<Output = Vec<Result<Reply>>> + Send;

    /// Resolves when the connection has closed; never for one that a client keeps alive by itself.
    fn closed(&self) -> impl Future<Output = ()> + Send;
}

/// Makes connections.
pub trait Connect: fmt::Debug + Send + Sync + 'static {
    /// What it makes.
    type Connection: Connection;

    /// Whether it encrypts the connections of a URL that asks for it. Where it does not, such a URL
    /// is refused.
    const OFFERS_TLS: bool;

    /// Which form of a read is the fastest with this client.
    const READ_FORM: ReadForm;

    /// Whether the connections of a URL hand on every push, in the order of the stream. Where they
    /// do not, a near cache is refused.
    const DELIVERS_PUSHES: bool = false;

    /// Makes one fresh connection with these credentials, handshake included: the host's name is
    /// resolved again, nothing is shared with an earlier connection. `pushes` is called in the
    /// order of the stream.
    ///
    /// # Errors
    /// Why there is no connection; the effect is
    /// [`Effect::NotApplied`](session_core::Effect::NotApplied).
    fn connect(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
        pushes: PushSink,
    ) -> impl Future<Output = Result<Self::Connection>> + Send;
}

/// How a read that slides the expiry is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadForm {
    /// A script that slides, and `HGETALL` behind it, in one round trip.
    Pipeline,
    /// One script that slides and returns the fields.
    Script,
}

/// What a server says without being asked (RESP3's pushes).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Push {
    /// These keys have changed, or may have.
    Invalidated(Vec<bytes::Bytes>),
    /// All keys may have changed.
    AllInvalidated,
}

/// Where a connection's pushes go. Called in the order of the stream; never blocks.
#[derive(Clone)]
pub struct PushSink(Option<Arc<dyn Fn(Push) + Send + Sync>>);

impl PushSink {
    /// Pushes go to this function, which must not block.
    pub fn new(sink: impl Fn(Push) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Pushes are dropped.
    pub fn ignore() -> Self {
        Self(None)
    }

    /// Whether pushes are dropped. Where they are not, a connection that would bring none must not
    /// be made.
    pub fn is_ignored(&self) -> bool {
        self.0.is_none()
    }

    /// Hands a push over.
    pub fn push(&self, push: Push) {
        if let Some(sink) = &self.0 {
            sink(push);
        }
    }
}

impl fmt::Debug for PushSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushSink")
    }
}

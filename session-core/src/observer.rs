//! What becomes of a backend's connections.

use std::fmt;

use crate::error::Error;

/// Is told of each change in a backend's connections: for metrics and alarms.
///
/// It is given to a backend's builder, and called by the task that looks after the connection: it
/// must not block. Operations are not reported here.
///
/// ```
/// use session_core::{ConnectionChange, ConnectionObserver, ConnectionState};
///
/// #[derive(Debug)]
/// struct Alarm;
///
/// impl ConnectionObserver for Alarm {
///     fn connection_changed(&self, change: &ConnectionChange<'_>) {
///         if change.to == ConnectionState::Down {
///             eprintln!("{}: no session store", change.endpoint);
///         }
///     }
/// }
/// ```
pub trait ConnectionObserver: fmt::Debug + Send + Sync + 'static {
    /// A connection is in another state than before.
    fn connection_changed(&self, change: &ConnectionChange<'_>);
}

/// The connection to one server is in another state than before.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectionChange<'a> {
    /// The server's address, as the backend knows it.
    pub endpoint: &'a str,
    /// The state before.
    pub from: ConnectionState,
    /// The state now.
    pub to: ConnectionState,
    /// Why there is no connection, if that is known.
    pub reason: Option<&'a Error>,
}

impl<'a> ConnectionChange<'a> {
    /// This change.
    pub fn new(
        endpoint: &'a str,
        from: ConnectionState,
        to: ConnectionState,
        reason: Option<&'a Error>,
    ) -> Self {
        Self {
            endpoint,
            from,
            to,
            reason,
        }
    }
}

/// What a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// It is being made, for the first time or right after a loss; operations wait for it.
    Connecting,
    /// It is used.
    Up,
    /// It is used although an operation found it silent; a fresh one is being made.
    Suspect,
    /// Operations fail at once, and nothing of them is applied. It comes back by itself.
    Down,
}

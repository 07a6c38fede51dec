//! The connection that carries the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::interfaces::{ClientLike as _, EventInterface as _};
use fred::types::config::Options;
use session_core::{Effect, Error, ErrorKind};
use tokio::time::Instant;

use crate::convert;

/// A client with the options that every command needs.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    options: Options,
    /// An operation has waited for the connection in vain, and it is not back yet.
    known_down: Arc<AtomicBool>,
}

impl Link {
    /// Over a client that the application runs.
    pub(crate) fn of(client: Client, deadline: Duration) -> Self {
        let options = Options {
            // The client's own timeout, for only that keeps a command which was not yet written when
            // the time was over from being written later.
            timeout: Some(deadline),
            fail_fast: true,
            ..Options::default()
        };
        Self {
            client,
            options,
            known_down: Arc::default(),
        }
    }

    /// Over a client that this starts.
    pub(crate) fn connecting(client: Client, deadline: Duration) -> Self {
        // The task ends with the client.
        drop(client.connect());
        Self::of(client, deadline)
    }

    /// The client, connected. Waits for the connection until it is there, is refused, or the time is
    /// over; not at all if it is known to be away.
    pub(crate) async fn ready(&self, until: Instant) -> Result<WithOptions<Client>, Error> {
        if !self.client.is_connected() {
            if self.known_down.load(Ordering::Relaxed) {
                return Err(not_sent(ErrorKind::Unavailable));
            }
            if let Err(kind) = self.connected(until).await {
                self.known_down.store(true, Ordering::Relaxed);
                return Err(not_sent(kind));
            }
        }
        self.known_down.store(false, Ordering::Relaxed);
        Ok(self.client.with_options(&self.options))
    }

    /// Waits until the client is connected, or until it is clear that it will not be in time.
    async fn connected(&self, until: Instant) -> Result<(), ErrorKind> {
        // Subscribed before the wait, or the news could come in between.
        let mut failures = self.client.error_rx();
        tokio::select! {
            connected = self.client.wait_for_connect() => connected.map_err(|error| convert::error(error).kind()),
            Ok((failure, _)) = failures.recv() => Err(convert::error(failure).kind()),
            () = tokio::time::sleep_until(until) => Err(ErrorKind::Timeout),
        }
    }
}

/// Why no connection could be had: nothing was sent.
fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}

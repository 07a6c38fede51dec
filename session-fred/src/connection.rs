//! The connection that carries the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::interfaces::{ClientLike as _, EventInterface as _};
use fred::types::ConnectHandle;
use fred::types::config::Options;
use session_core::{Effect, Error, ErrorKind};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::convert;

/// How long to wait before a client that has ended is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// A client with the options that every command needs.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    /// What keeps the client running, if this started it.
    _keeper: Option<Arc<Keeper>>,
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
            _keeper: None,
            options,
            known_down: Arc::default(),
        }
    }

    /// Over a client that this starts.
    pub(crate) fn connecting(client: Client, deadline: Duration) -> Self {
        Self {
            _keeper: Some(Arc::new(Keeper::of(client.clone()))),
            ..Self::of(client, deadline)
        }
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

/// Keeps a client running: its task ends of itself after some errors, and only then; nothing else would
/// start or end it.
struct Keeper(JoinHandle<()>);

impl Keeper {
    fn of(client: Client) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let mut running = Running(client.connect());
                // Whether it ended well or not, the client is of no use without it.
                drop((&mut running.0).await);
                tokio::time::sleep(RESTART_PAUSE).await;
            }
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A client's task, which ends with this.
struct Running(ConnectHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why no connection could be had: nothing was sent.
fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fred::types::Builder;
    use fred::types::config::Config;
    use session_redis_test::RedisServer;

    #[tokio::test]
    async fn a_client_that_has_ended_is_started_again() {
        let mut server = RedisServer::start().await;
        server.kill();
        // So it ends when its first connection fails.
        let mut config = Config::from_url(&server.url()).unwrap();
        config.fail_fast = true;
        let client = Builder::from_config(config).build().unwrap();
        let keeper = Keeper::of(client.clone());
        tokio::time::sleep(2 * RESTART_PAUSE).await;
        assert!(!client.is_connected());
        server.restart().await;
        let connected = tokio::time::timeout(Duration::from_secs(10), client.wait_for_connect());
        connected.await.expect("in time").expect("connected");
        drop(keeper);
    }
}

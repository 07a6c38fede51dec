//! How a backend is built, and over which connections.

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use session_core::{Effect, Error, ErrorKind, Operation, Result};
use session_redis::{Endpoint, InvalidUrl, NamedBackend, RedisBackend, RedisBuilder, ServerUrl};

use crate::backend::FredBackend;
use crate::connection::FredConnect;

/// Builds a [`FredBackend`]. TLS needs the cargo feature `tls-ring` or `tls-aws-lc-rs`.
pub type FredBuilder = RedisBuilder<FredBackend>;

impl NamedBackend for FredBackend {
    type Connect = FredConnect;

    fn connect(url: &ServerUrl) -> Result<FredConnect> {
        FredConnect::to(url).ok_or_else(|| refused(InvalidUrl::Database))
    }
}

impl FredBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or
    /// for the cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`. What
    /// else a URL can say: [`ServerUrl`].
    pub fn builder(url: impl Into<String>) -> FredBuilder {
        FredBuilder::new(url)
    }

    /// A backend over a client that the application already has, with the default settings. It is
    /// used as it is, and connects again by its own policy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the client may send a command
    /// more than once: its connection config must have `max_command_attempts = 1`, and it must not
    /// be a cluster's (for these there is the URL of one).
    pub fn from_client(client: Client) -> Result<Self> {
        Self::from_client_with(client, |builder| builder)
    }

    /// A backend over a client that the application already has; `configure` sets what differs from
    /// the defaults.
    ///
    /// # Errors
    /// As [`from_client`](Self::from_client).
    ///
    /// ```no_run
    /// # fn example(client: fred::clients::Client) -> session_core::Result<()> {
    /// use session_fred::FredBackend;
    ///
    /// let prefix = "shop:".parse()?;
    /// let backend = FredBackend::from_client_with(client, |it| it.key_prefix(prefix))?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client_with(
        client: Client,
        configure: impl FnOnce(FredBuilder) -> FredBuilder,
    ) -> Result<Self> {
        Self::over(client, configure(FredBuilder::new("")))
    }

    fn over(client: Client, builder: FredBuilder) -> Result<Self> {
        let refused = |why| Err(refused(why).during(Operation::Connect));
        if client.connection_config().max_command_attempts != 1 {
            return refused(COUNTS_TWICE);
        }
        if client.is_clustered() {
            return refused(IS_CLUSTERED);
        }
        // The client knows where it leads.
        let nowhere = Endpoint::tcp("", 0);
        let connect = FredConnect::given(client);
        let backend = RedisBackend::standalone(connect, nowhere, builder.into_settings()?);
        Ok(Self(backend))
    }
}

const COUNTS_TWICE: &str = "the client must have max_command_attempts = 1, or it would count twice";
const IS_CLUSTERED: &str =
    "a cluster's client cannot be taken over: give the cluster's URL to FredBackend::builder";

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(why)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fred::types::Builder;
    use session_core::SessionBackend as _;

    use super::*;

    #[tokio::test]
    async fn no_deadline_is_refused_and_any_other_can_be_used() {
        let url = "redis://127.0.0.1:1";
        let built = |deadline| {
            let client = Builder::default_centralized()
                .with_connection_config(|connection| connection.max_command_attempts = 1)
                .build()
                .unwrap();
            [
                FredBackend::builder(url).deadline(deadline).build(),
                FredBackend::from_client_with(client, |it| it.deadline(deadline)),
            ]
        };
        for refused in built(Duration::ZERO) {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
        }
        for deadline in [Duration::from_nanos(1), Duration::MAX] {
            let [own, given] = built(deadline).map(Result::unwrap);
            let error = own.ping().await.unwrap_err();
            assert_eq!(
                error.effect(),
                Effect::NotApplied,
                "{deadline:?}: {error:?}"
            );
            drop(given);
        }
    }
}

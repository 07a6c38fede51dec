//! How a backend is built, and over which connections.

use session_core::Result;
use session_redis::{Endpoint, NamedBackend, RedisBackend, RedisBuilder, ServerUrl, Settings};

use crate::backend::RedisRsBackend;
use crate::connection::{RedisRsConnect, SingleServer};

/// Builds a [`RedisRsBackend`].
pub type RedisRsBuilder = RedisBuilder<RedisRsBackend>;

impl NamedBackend for RedisRsBackend {
    type Connect = RedisRsConnect;

    fn connect(url: &ServerUrl) -> Result<RedisRsConnect> {
        Ok(RedisRsConnect::to(url))
    }
}

impl RedisRsBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or
    /// for the cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`. What
    /// else a URL can say: [`ServerUrl`].
    pub fn builder(url: impl Into<String>) -> RedisRsBuilder {
        RedisRsBuilder::new(url)
    }

    /// A backend over a connection that the application already has, with the default settings. It
    /// is used as it is: a [`ConnectionManager`](redis::aio::ConnectionManager) connects again by
    /// its own rules, a [`MultiplexedConnection`](redis::aio::MultiplexedConnection) never does.
    pub fn from_connection(connection: impl SingleServer) -> Self {
        Self::over(connection, Settings::default())
    }

    /// A backend over a connection that the application already has; `configure` sets what differs
    /// from the defaults.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the deadline is zero.
    ///
    /// ```no_run
    /// # fn example(connection: redis::aio::ConnectionManager) -> session_core::Result<()> {
    /// use session_redis_rs::RedisRsBackend;
    ///
    /// let prefix = "shop:".parse()?;
    /// let backend = RedisRsBackend::from_connection_with(connection, |it| it.key_prefix(prefix))?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_connection_with(
        connection: impl SingleServer,
        configure: impl FnOnce(RedisRsBuilder) -> RedisRsBuilder,
    ) -> Result<Self> {
        let settings = configure(RedisRsBuilder::new("")).into_settings()?;
        Ok(Self::over(connection, settings))
    }

    fn over(connection: impl SingleServer, settings: Settings) -> Self {
        let connect = RedisRsConnect::given(connection.into_given());
        // The connection knows where it leads.
        let nowhere = Endpoint::tcp("", 0);
        Self(RedisBackend::standalone(connect, nowhere, settings))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::{Effect, ErrorKind, SessionBackend as _};

    use super::*;

    #[tokio::test]
    async fn no_deadline_is_refused_and_any_other_can_be_used() {
        let built = |deadline| {
            let builder = RedisRsBackend::builder("redis://127.0.0.1:1");
            builder.deadline(deadline).build()
        };
        let error = built(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        for deadline in [Duration::from_nanos(1), Duration::MAX] {
            let error = built(deadline).unwrap().ping().await.unwrap_err();
            assert_eq!(
                error.effect(),
                Effect::NotApplied,
                "{deadline:?}: {error:?}"
            );
        }
    }
}

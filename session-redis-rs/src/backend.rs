//! The backend's name.

use crate::connection::RedisRsConnect;

session_redis::named_backend!(
    /// Sessions on Redis through the `redis` crate. Cheap to clone; clones share the connection.
    RedisRsBackend,
    /// The admin API of the sessions of a [`RedisRsBackend`].
    RedisRsAdmin,
    RedisRsConnect
);

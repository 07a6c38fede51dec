//! The backend's name.

use crate::connection::FredConnect;

session_redis::named_backend!(
    /// Sessions on Redis through the `fred` crate. Cheap to clone; clones share the connection.
    FredBackend,
    /// The admin API of the sessions of a [`FredBackend`].
    FredAdmin,
    FredConnect
);

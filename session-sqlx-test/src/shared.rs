//! One server for all tests of a process.

use tokio::sync::OnceCell;

use crate::PostgresServer;

/// The server all tests of this process share, started at the first call.
///
/// Tests that use it keep to a schema or a database of their own, and change nothing that concerns
/// the server as a whole: no `ALTER SYSTEM`, no roles of fixed names. It cannot be killed or
/// stopped; a test that wants that starts its own.
///
/// Under cargo-nextest every test is a process, so every test has a server of its own, for the
/// second or two that making one takes.
pub async fn shared() -> &'static PostgresServer {
    static SHARED: OnceCell<PostgresServer> = OnceCell::const_new();
    SHARED.get_or_init(PostgresServer::start).await
}

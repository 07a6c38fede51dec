//! Starts a server and waits to be killed, for the tests of what happens to the server then.
//!
//! Prints the server's directory on a line of its own, once the server, if the argument is `pause`,
//! stands still.

use std::env;
use std::future::pending;
use std::io;

use session_sqlx_test::PostgresServer;
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut server = PostgresServer::start().await;
            if env::args().nth(1).as_deref() == Some("pause") {
                server.pause();
            }
            println!("{}", server.directory().display());
            pending().await
        })
}

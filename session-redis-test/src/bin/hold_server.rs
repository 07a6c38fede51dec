//! Starts a server and goes away, for the tests of what happens to the server then.
//!
//! Prints the server's address and its directory, each on a line of its own. Then, by its
//! argument: `hold` waits for its end, `pause` stops the server and waits for its end, `leave`
//! ends at once, leaving the shared server to nobody.

use std::env;
use std::future::pending;

use session_redis_test::{RedisServer, shared};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    match env::args().nth(1).as_deref() {
        Some("hold") => {
            let server = RedisServer::start().await;
            report(&server);
            pending::<()>().await;
        }
        Some("pause") => {
            let mut server = RedisServer::start().await;
            server.pause();
            report(&server);
            pending::<()>().await;
        }
        Some("leave") => report(shared().await),
        _ => eprintln!("usage: hold_server hold|pause|leave"),
    }
}

fn report(server: &RedisServer) {
    println!("{}\n{}", server.addr(), server.directory().display());
}

//! Starts a server and ends, for the tests of what happens to the server then.
//!
//! Prints the server's address and its directory, each on a line of its own. Then, by its
//! argument: `hold` waits for its end, `pause` stops the server and waits for its end, `leave`
//! ends at once, leaving the shared server to nobody.

use std::env;
use std::future::pending;

use session_redis_test::{RedisServer, shared};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let what = env::args().nth(1);
    if what.as_deref() == Some("leave") {
        return report(shared().await);
    }
    let mut server = RedisServer::start().await;
    if what.as_deref() == Some("pause") {
        server.pause();
    }
    report(&server);
    pending::<()>().await;
}

fn report(server: &RedisServer) {
    println!("{}\n{}", server.addr(), server.directory().display());
}

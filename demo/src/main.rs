//! A web application on session-store, for looking at sessions as they run.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    demo::run().await
}

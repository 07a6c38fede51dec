//! The operator's command for session-store.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    session_cli::run().await
}

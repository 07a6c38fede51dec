//! Commands sent over a connection, with an end.

use session_core::{Effect, Error, ErrorKind, Result};
use tokio::time::{Instant, timeout_at};

use crate::command::Command;
use crate::connection::Connection;
use crate::reply::{Reply, corrupt};

/// The reply to one command.
pub(crate) async fn ask<C: Connection>(
    connection: &C,
    command: Command,
    deadline: Instant,
) -> Result<Reply> {
    let commands = [command];
    let replies = in_time(connection.send(&commands, deadline), &commands, deadline);
    replies.await.pop().unwrap_or_else(|| Err(corrupt()))
}

/// One reply or error for each command, by the deadline. What was sent and has no reply by then may have
/// been done; what was not sent by then is not sent any more.
pub(crate) async fn in_time(
    replies: impl Future<Output = Vec<Result<Reply>>>,
    commands: &[Command],
    deadline: Instant,
) -> Vec<Result<Reply>> {
    let late = |effect| {
        let errors = commands
            .iter()
            .map(|_| Err(Error::new(ErrorKind::Timeout, effect)));
        errors.collect()
    };
    if Instant::now() >= deadline {
        return late(Effect::NotApplied);
    }
    let in_time = timeout_at(deadline, replies).await;
    in_time.unwrap_or_else(|_| late(Effect::Unknown))
}

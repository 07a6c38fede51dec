//! One operation on its way: its deadline, and how it runs scripts.

use futures_util::future::join_all;
use session_core::{Effect, Error, ErrorKind, Result};
use tokio::time::{Instant, timeout_at};

use crate::cluster::Cluster;
use crate::command::Command;
use crate::connection::{Connect, Connection};
use crate::keys::KeySpace;
use crate::link::Link;
use crate::reply::{self, Outcome, Reply, corrupt};
use crate::script_call::ScriptCall;
use crate::server_error::ServerError;

/// Where the keys are, and the connections there.
#[derive(Debug)]
pub(crate) enum Servers<C: Connect> {
    Standalone(Link<C>),
    Cluster(Box<Cluster<C>>),
}

/// One operation on its way.
///
/// Everything that it sends ends by its deadline. A command is sent once; once more only when its reply
/// says that it did nothing.
pub(crate) struct Operation<'a, C: Connect> {
    pub(crate) keys: &'a KeySpace,
    pub(crate) servers: &'a Servers<C>,
    pub(crate) deadline: Instant,
}

impl<C: Connect> Operation<'_, C> {
    /// Runs a script, on the server or on the node that serves its slot.
    pub(crate) async fn run(&self, call: &ScriptCall) -> Result<Reply> {
        let reply = match self.servers {
            Servers::Standalone(link) => match link.connection(self.deadline).await {
                Ok(connection) => {
                    let [reply] = evaluate(&connection, [], call, [], self.deadline).await;
                    reply
                }
                Err(error) => Err(error),
            },
            Servers::Cluster(cluster) => cluster.run(call, self.deadline).await,
        };
        reply.map_err(|error| call.checked(error))
    }

    /// The same, and what the script says of it.
    pub(crate) async fn outcome(&self, call: &ScriptCall) -> Result<Outcome> {
        self.run(call).await.and_then(reply::outcome)
    }

    /// Runs scripts at the same time. One reply or error for each, in their order.
    pub(crate) async fn outcomes(&self, calls: &[ScriptCall]) -> Vec<Result<Outcome>> {
        join_all(calls.iter().map(|call| self.outcome(call))).await
    }

    /// Asks whether the server, or any node, can be reached.
    pub(crate) async fn ping(&self) -> Result<()> {
        let ping = Command::new("PING", None);
        let reply = match self.servers {
            Servers::Standalone(link) => {
                let connection = link.connection(self.deadline).await?;
                send_one(&connection, ping, self.deadline).await
            }
            Servers::Cluster(cluster) => cluster.ask_any(&ping, self.deadline).await,
        };
        // A question changes nothing.
        let reply = reply.map_err(|error| error.with_effect(Effect::NotApplied));
        reply.map(drop)
    }
}

/// Runs a script, with commands before and behind it, in one round trip; and all of them again, with the
/// script's source, if the server does not know the script and so has not run it.
pub(crate) async fn evaluate<C: Connection, const A: usize, const B: usize, const N: usize>(
    connection: &C,
    before: [Command; A],
    call: &ScriptCall,
    behind: [Command; B],
    deadline: Instant,
) -> [Result<Reply>; N] {
    let mut commands = Vec::with_capacity(A + 1 + B);
    commands.extend(before);
    commands.push(call.evalsha());
    commands.extend(behind);
    let mut replies = send(connection, &commands, deadline).await;
    if replies.get(A).is_some_and(is_unknown_script) {
        if let Some(evaluation) = commands.get_mut(A) {
            *evaluation = call.eval();
        }
        replies = send(connection, &commands, deadline).await;
    }
    let mut replies = replies.into_iter();
    std::array::from_fn(|_| replies.next().unwrap_or_else(|| Err(corrupt())))
}

fn is_unknown_script(reply: &Result<Reply>) -> bool {
    let error = reply.as_ref().err().and_then(ServerError::of);
    error.is_some_and(|error| error.code() == "NOSCRIPT")
}

/// The reply to one command.
pub(crate) async fn send_one<C: Connection>(
    connection: &C,
    command: Command,
    deadline: Instant,
) -> Result<Reply> {
    let mut replies = send(connection, &[command], deadline).await.into_iter();
    replies.next().unwrap_or_else(|| Err(corrupt()))
}

/// One reply or error for each command, by the deadline. What was sent and has no reply by then may have
/// been done; what was not sent by then is not sent any more.
async fn send<C: Connection>(
    connection: &C,
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
    let replies = timeout_at(deadline, connection.send(commands, deadline)).await;
    replies.unwrap_or_else(|_| late(Effect::Unknown))
}

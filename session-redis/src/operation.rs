//! One operation on its way: its deadline, and how it runs scripts.

use futures_util::future::join_all;
use session_core::{Effect, Error, Result};
use tokio::time::Instant;

use crate::cluster::{Cluster, Route};
use crate::command::Command;
use crate::connection::{Connect, Connection};
use crate::keys::KeySpace;
use crate::link::Link;
use crate::reply::{self, Outcome, Reply, corrupt};
use crate::script_call::ScriptCall;
use crate::send::{ask, in_time};
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
    /// Runs a script, on the server or on the node that serves its slot: by its SHA-1, and again by its source
    /// where it is not known, and so has not run. Again too while it only removes entries of ended sessions.
    pub(crate) async fn run(&self, call: &ScriptCall) -> Result<Outcome> {
        let deadline = self.deadline;
        let mut route = match self.servers {
            Servers::Standalone(_) => None,
            Servers::Cluster(cluster) => Some(Route::of(cluster, call)),
        };
        let mut evaluation = call.evalsha();
        let mut is_by_source = false;
        loop {
            let connection = match (self.servers, &mut route) {
                (_, Some(route)) => route.connection(deadline).await,
                (Servers::Standalone(link), _) => link.connection(deadline).await,
                _ => Err(corrupt()),
            };
            let is_asking = route.as_ref().is_some_and(Route::is_asking);
            let replies = match connection {
                Ok(connection) => {
                    let asking = is_asking.then(|| Command::new("ASKING", None));
                    let script = Some(evaluation.clone());
                    let commands = asking.into_iter().chain(script).chain(call.behind());
                    let commands: Vec<Command> = commands.collect();
                    in_time(connection.send(&commands, deadline), &commands, deadline).await
                }
                Err(error) => vec![Err(error)],
            };
            match outcome(replies, is_asking) {
                Ok(Outcome::Again) => {}
                Ok(outcome) => {
                    if let Some(route) = &route {
                        route.replied();
                    }
                    return Ok(outcome);
                }
                Err(error) if !is_by_source && is_unknown_script(&error) => {
                    (evaluation, is_by_source) = (call.eval(), true);
                }
                Err(error) => {
                    let next = match &mut route {
                        Some(route) => route.after(error, deadline).await,
                        None => Err(error),
                    };
                    next.map_err(|error| call.checked(error))?;
                }
            }
        }
    }

    /// Runs scripts at the same time. One outcome or error for each, in their order.
    pub(crate) async fn run_all(&self, calls: &[ScriptCall]) -> Vec<Result<Outcome>> {
        join_all(calls.iter().map(|call| self.run(call))).await
    }

    /// Asks whether the server, or any node, can be reached.
    pub(crate) async fn ping(&self) -> Result<()> {
        let ping = Command::new("PING", None);
        let reply = match self.servers {
            Servers::Standalone(link) => {
                let connection = link.connection(self.deadline).await?;
                ask(&connection, ping, self.deadline).await
            }
            Servers::Cluster(cluster) => cluster.ask_any(&ping, self.deadline).await,
        };
        // A question changes nothing.
        let reply = reply.map_err(|error| error.with_effect(Effect::NotApplied));
        reply.map(drop)
    }
}

/// What a script says, and behind it the reply to the command that was sent behind it, if one was.
fn outcome(replies: Vec<Result<Reply>>, is_asking: bool) -> Result<Outcome> {
    let mut replies = replies.into_iter().skip(usize::from(is_asking));
    let outcome = reply::outcome(replies.next().ok_or_else(corrupt)??)?;
    match (outcome, replies.next()) {
        (Outcome::Done(parts), Some(behind)) => {
            let parts: Vec<Reply> = parts.chain([behind?]).collect();
            Ok(Outcome::Done(parts.into_iter()))
        }
        // Whatever it was: the script found no session.
        (outcome, _) => Ok(outcome),
    }
}

fn is_unknown_script(error: &Error) -> bool {
    ServerError::of(error).is_some_and(|error| error.code() == "NOSCRIPT")
}

//! One operation on its way: its deadline, and how it runs scripts.

use std::sync::Arc;

use futures_util::future::join_all;
use session_core::steps::ReadOutcome;
use session_core::{Effect, Error, Principal, QuotaWarnings, Result};
use tokio::time::Instant;

use crate::cluster::{Cluster, Route};
use crate::command::Command;
use crate::connection::Connect;
use crate::keys::KeySpace;
use crate::near::{self, Near, Reading, Tracking};
use crate::reply::{self, Outcome, Reply, Seen, corrupt};
use crate::script_call::{self, ScriptCall};
use crate::server_error::{ServerError, is_redirected};
use crate::supervisor::{Lease, Supervisor, write_probe};

/// Where the keys are, and the connections there.
#[derive(Debug)]
pub(crate) enum Servers<C: Connect> {
    Standalone(Supervisor<C>),
    Cluster(Box<Cluster<C>>),
}

/// One operation on its way.
///
/// Everything that it sends ends by its deadline. A command is sent once; once more only when its
/// reply says that it did nothing.
pub(crate) struct Operation<'a, C: Connect> {
    pub(crate) keys: &'a KeySpace,
    pub(crate) servers: &'a Servers<C>,
    pub(crate) deadline: Instant,
    pub(crate) quota_warnings: &'a QuotaWarnings,
}

impl<C: Connect> Servers<C> {
    pub(crate) fn near(&self) -> Option<&Arc<Near>> {
        match self {
            Self::Standalone(server) => server.near(),
            Self::Cluster(cluster) => cluster.near(),
        }
    }

    /// What the connection that serves the key has to do with the near cache.
    pub(crate) fn tracking(&self, key: &[u8]) -> Option<Arc<Tracking>> {
        match self {
            Self::Standalone(server) => server.tracking(),
            Self::Cluster(cluster) => cluster.tracking(key),
        }
    }
}

impl<C: Connect> Operation<'_, C> {
    /// Runs a script, on the server or on the node that serves its slot: by its SHA-1, and again by
    /// its source where it is not known, and so has not run. Again too while it only removes
    /// entries of ended sessions.
    pub(crate) async fn run(&self, call: &ScriptCall) -> Result<Outcome> {
        self.run_reading(call, None).await
    }

    /// The same. `reading`: where the near cache puts what it knows of a read of the first key.
    async fn run_reading(
        &self,
        call: &ScriptCall,
        mut reading: Option<&mut Option<Reading>>,
    ) -> Result<Outcome> {
        let deadline = self.deadline;
        // The rare ways are boxed, so that the usual one is small to move.
        let mut route = match self.servers {
            Servers::Standalone(_) => None,
            Servers::Cluster(cluster) => Some(Box::new(Route::of(cluster, call))),
        };
        let mut is_by_source = false;
        let mut closed = None;
        let mut has_evicted = false;
        loop {
            let lease = match (self.servers, &mut route) {
                (_, Some(route)) => Box::pin(route.lease(deadline)).await,
                (Servers::Standalone(server), _) => {
                    server.lease_after(closed.as_ref(), deadline).await
                }
                _ => Err(corrupt()),
            };
            let is_asking = route.as_ref().is_some_and(|route| route.is_asking());
            let outcome = match &lease {
                Ok(lease) => {
                    let all = [
                        Command::new("ASKING", None),
                        match is_by_source {
                            true => call.eval(),
                            false => call.evalsha(),
                        },
                        match call.reads_behind {
                            true => call.behind(),
                            false => Command::new("TIME", None),
                        },
                    ];
                    if let (Some(reading), Some(tracking)) = (&mut reading, lease.tracking()) {
                        // One that was sent before has ended: it takes what it began along.
                        **reading = None;
                        **reading = call.first_key().and_then(|key| tracking.reading(&key));
                    }
                    // Once what follows has its reply, the near cache was told of all that the
                    // script has changed.
                    let is_told = call.script.writes() && lease.tracking().is_some();
                    let (first, last) = (
                        usize::from(!is_asking),
                        1 + usize::from(call.reads_behind || is_told),
                    );
                    let commands = all.get(first..=last).unwrap_or_default();
                    let mut replies = lease.send(commands, call.script.writes(), deadline).await;
                    if is_told && !call.reads_behind {
                        replies.pop();
                    }
                    outcome(replies, is_asking)
                }
                Err(_) => Err(corrupt()),
            };
            let (lease, outcome) = match lease {
                Ok(lease) => (Some(lease), outcome),
                Err(error) => (None, Err(error)),
            };
            match outcome {
                Ok(Outcome::Again { evicts }) => {
                    if evicts {
                        self.sessions_ended(call.limited.as_ref());
                    }
                    has_evicted |= evicts;
                }
                Ok(outcome) => {
                    if let Some(route) = &route {
                        route.replied();
                    }
                    return match outcome {
                        Outcome::Refused(why) if has_evicted => {
                            Err(after_eviction(true, why.into()))
                        }
                        Outcome::Evicted(parts) => {
                            self.sessions_ended(call.limited.as_ref());
                            Ok(Outcome::Done(parts))
                        }
                        outcome => Ok(outcome),
                    };
                }
                Err(error) if !is_by_source && is_unknown_script(&error) => {
                    is_by_source = true;
                }
                Err(error) => {
                    let next = match (&mut route, lease) {
                        (Some(route), _) => Box::pin(route.after(error, deadline)).await,
                        // Nothing was sent: the task has not yet seen that the connection has
                        // closed.
                        (None, Some(lease)) if closed.is_none() && is_unsent(&error, &lease) => {
                            closed = Some(lease);
                            Ok(())
                        }
                        (None, _) => Err(error),
                    };
                    next.map_err(|error| after_eviction(has_evicted, call.checked(error)))?;
                }
            }
        }
    }

    /// Looks at a key without a script: nothing is touched. The near cache keeps what it returns.
    pub(crate) async fn look(&self, server: &Supervisor<C>, key: &[u8]) -> Result<Seen> {
        let commands = script_call::look(key);
        let mut closed = None;
        loop {
            let lease = server.lease_after(closed.as_ref(), self.deadline).await?;
            let reading = lease.tracking().and_then(|it| it.reading(key));
            let replies = lease.send(&commands, false, self.deadline).await;
            let replies = replies.try_into().map_err(|_| corrupt());
            match replies.and_then(reply::seen) {
                Err(error) if closed.is_none() && is_unsent(&error, &lease) => closed = Some(lease),
                seen => {
                    let seen = seen.map_err(|error| error.with_effect(Effect::NotApplied))?;
                    near::keep(&seen, reading);
                    return Ok(seen);
                }
            }
        }
    }

    /// The same by a script, wherever the key is.
    pub(crate) async fn peek(&self, key: &[u8]) -> Result<Seen> {
        let mut reading = None;
        let call = script_call::peek(key, None);
        let seen = match self.run_reading(&call, Some(&mut reading)).await? {
            Outcome::Done(parts) => reply::peeked(parts)?,
            Outcome::Rotated(_) => Seen::NotLive(ReadOutcome::Rotated),
            Outcome::NotFound => Seen::NotLive(ReadOutcome::NotFound),
            _ => return Err(corrupt()),
        };
        near::keep(&seen, reading);
        Ok(seen)
    }

    /// Sessions of this principal have ended for its limit.
    pub(crate) fn sessions_ended(&self, principal: Option<&Principal>) {
        if let Some(principal) = principal {
            let now = Instant::now().into_std();
            self.quota_warnings.sessions_ended(principal, now);
        }
    }

    /// Runs scripts at the same time. One outcome or error for each, in their order.
    pub(crate) async fn run_all(&self, calls: &[ScriptCall]) -> Vec<Result<Outcome>> {
        join_all(calls.iter().map(|call| self.run(call))).await
    }

    /// Whether the server refused to slide an expiry, but may be read: its disk or its replicas
    /// fail, or it was demoted just now and its successor is looked for.
    pub(crate) fn may_only_read(&self, error: &Error) -> bool {
        match ServerError::of(error).map(ServerError::code) {
            Some("MISCONF" | "NOREPLICAS") => error.effect() == Effect::NotApplied,
            Some("READONLY") => match self.servers {
                Servers::Standalone(server) => server.took_writes_lately(),
                // The routing follows the master.
                Servers::Cluster(_) => false,
            },
            _ => false,
        }
    }

    /// Asks whether sessions can be read and written on the server, or on any node.
    pub(crate) async fn ping(&self) -> Result<()> {
        let reply = match self.servers {
            Servers::Standalone(server) => {
                let lease = server.lease(self.deadline).await?;
                lease.ask(write_probe(), self.deadline).await
            }
            Servers::Cluster(cluster) => cluster.ask_any(&write_probe(), self.deadline).await,
        };
        // A question changes nothing.
        let reply = reply.map_err(|error| error.with_effect(Effect::NotApplied));
        reply.map(drop)
    }
}

/// What a script says, and behind it the reply to the command that was sent behind it, if one was.
fn outcome(replies: Vec<Result<Reply>>, is_asking: bool) -> Result<Outcome> {
    let mut replies = replies.into_iter();
    let asking = is_asking.then(|| replies.next()).flatten();
    let script = match (asking, replies.next().ok_or_else(corrupt)?) {
        // The account may not ask: nothing that comes after says so.
        (Some(Err(denied)), Err(error)) if is_redirected(&error) => return Err(denied),
        (_, script) => script?,
    };
    let outcome = reply::outcome(script)?;
    match (outcome, replies.next()) {
        (Outcome::Done(parts), Some(behind)) => {
            // The script is done, whatever became of this.
            let behind = behind.map_err(|error| error.with_effect(Effect::Unknown))?;
            Ok(Outcome::Done(parts.with_behind(behind)))
        }
        // Whatever it was: the script found no session.
        (outcome, _) => Ok(outcome),
    }
}

/// The error of a step, where sessions may have been ended before it to make room: then it is not
/// "nothing was changed".
pub(crate) fn after_eviction(has_evicted: bool, error: Error) -> Error {
    if has_evicted {
        error.with_effect(Effect::Unknown)
    } else {
        error
    }
}

/// Whether nothing was sent because the connection had closed.
fn is_unsent<C: Connect>(error: &Error, lease: &Lease<C>) -> bool {
    error.effect() == Effect::NotApplied && ServerError::of(error).is_none() && lease.has_closed()
}

fn is_unknown_script(error: &Error) -> bool {
    ServerError::of(error).is_some_and(|error| error.code() == "NOSCRIPT")
}

//! A connection whose replies a test has written, and a count of the warnings.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use session_core::{Effect, Error, ErrorKind, Result};
use tokio::time::Instant;
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::command::Command;
use crate::connection::{Connect, Connection, PushSink, ReadForm};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::reply::Reply;

/// Servers on ports of `host` that reply what they are told to, and then that they are away.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Told>);

#[derive(Default)]
struct Told {
    replies: Mutex<HashMap<u16, VecDeque<Result<Reply>>>>,
    sent: Mutex<Vec<(u16, Command)>>,
}

impl Scripted {
    /// The next reply of the server at this port.
    pub(crate) fn reply(self, port: u16, reply: Result<Reply>) -> Self {
        let mut replies = self.0.replies.lock().unwrap();
        replies.entry(port).or_default().push_back(reply);
        drop(replies);
        self
    }

    /// What was sent since the last call, and to which port.
    pub(crate) fn sent(&self) -> Vec<(u16, Command)> {
        std::mem::take(&mut self.0.sent.lock().unwrap())
    }

    /// Whether every reply was asked for.
    pub(crate) fn is_exhausted(&self) -> bool {
        let replies = self.0.replies.lock().unwrap();
        replies.values().all(VecDeque::is_empty)
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Connect for Scripted {
    type Connection = ScriptedConnection;

    const OFFERS_TLS: bool = false;

    const READ_FORM: ReadForm = ReadForm::Script;

    async fn connect(
        &self,
        endpoint: &Endpoint,
        _: &Credentials,
        _: PushSink,
    ) -> Result<ScriptedConnection> {
        let Endpoint::Tcp { port, .. } = endpoint else {
            panic!("a port");
        };
        Ok(ScriptedConnection {
            told: Arc::clone(&self.0),
            port: *port,
        })
    }
}

#[derive(Clone)]
pub(crate) struct ScriptedConnection {
    told: Arc<Told>,
    port: u16,
}

impl Connection for ScriptedConnection {
    async fn send(&self, commands: &[Command], _: Instant) -> Vec<Result<Reply>> {
        let reply = |command: &Command| {
            // First contact and probes.
            let asks_of_no_session = |arg: &[u8]| arg.starts_with(b"session:?");
            if command.name() == "INFO"
                || command.args().iter().eq([b"0"])
                || command.args().iter().any(asks_of_no_session)
            {
                return Ok(Reply::Bytes(Bytes::new()));
            }
            let mut sent = self.told.sent.lock().unwrap();
            sent.push((self.port, command.clone()));
            if command.name() == "ASKING" {
                return Ok(Reply::Bytes("OK".into()));
            }
            let mut replies = self.told.replies.lock().unwrap();
            let next = replies.get_mut(&self.port).and_then(VecDeque::pop_front);
            next.unwrap_or_else(|| Err(Error::new(ErrorKind::Unavailable, Effect::NotApplied)))
        };
        commands.iter().map(reply).collect()
    }

    async fn closed(&self) {
        std::future::pending::<()>().await;
    }
}

/// The node of this port serves all slots.
pub(crate) fn all_slots_at(port: u16) -> Result<Reply> {
    let node = vec![Reply::Bytes("host".into()), Reply::Integer(port.into())];
    let range = vec![
        Reply::Integer(0),
        Reply::Integer(16_383),
        Reply::Array(node),
    ];
    Ok(Reply::Array(vec![Reply::Array(range)]))
}

/// Counts the warnings.
#[derive(Clone, Default)]
pub(crate) struct Warnings(Arc<AtomicUsize>);

impl Warnings {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

//! The primary that Redis Sentinel names.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use session_core::{Effect, Error, ErrorKind, Result};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::command::{ArgsBuilder, Command};
use crate::connection::{Connect, Connection, PushSink};
use crate::credentials::CredentialsProvider;
use crate::endpoint::Endpoint;
use crate::reply::{Reply, corrupt};
use crate::server_error::ServerError;

/// How long sentinels may take. One that hangs is not waited for where another replies.
const LIMIT: Duration = Duration::from_millis(500);
/// How long the others are waited for when one has replied: it may not know yet what they know.
const GRACE: Duration = Duration::from_millis(50);
/// How often they are asked again whether it is still the same primary, while that is connected to.
const INTERVAL: Duration = Duration::from_millis(100);

/// Sentinels that know where the primary of a service is.
pub(crate) struct Sentinels<C> {
    pub(crate) connect: C,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) service: String,
    pub(crate) credentials: Arc<dyn CredentialsProvider>,
}

/// What a sentinel says: the primary, and since which fail-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) primary: Endpoint,
    pub(crate) epoch: u64,
}

impl<C: Connect> Sentinels<C> {
    /// The primary: of what the sentinels say that reply, the latest counts.
    ///
    /// # Errors
    /// None of them has said it: why the last one has not.
    pub(crate) async fn primary(&self) -> Result<Endpoint> {
        let mut asked: FuturesUnordered<_> = self.endpoints.iter().map(|it| self.ask(it)).collect();
        let (mut latest, mut failure) = (None::<Said>, None);
        let mut until = Instant::now() + LIMIT;
        loop {
            match timeout_at(until, asked.next()).await {
                Ok(Some(Ok(said))) => {
                    if latest.is_none() {
                        until = Instant::now() + GRACE;
                    }
                    if latest.as_ref().is_none_or(|it| it.epoch < said.epoch) {
                        latest = Some(said);
                    }
                }
                Ok(Some(Err(error))) => failure = Some(error),
                Ok(None) | Err(_) => break,
            }
        }
        match latest {
            Some(said) => Ok(said.primary),
            None => Err(failure.unwrap_or_else(|| error(ErrorKind::Timeout, NO_SENTINEL))),
        }
    }

    /// Resolves when the sentinels name another primary than this one.
    pub(crate) async fn other_than(&self, primary: &Endpoint) {
        loop {
            sleep(INTERVAL).await;
            if self.primary().await.is_ok_and(|named| named != *primary) {
                return;
            }
        }
    }

    async fn ask(&self, endpoint: &Endpoint) -> Result<Said> {
        let asking = async {
            let credentials = self.credentials.credentials(endpoint).await?;
            let connecting = self
                .connect
                .connect(endpoint, &credentials, PushSink::ignore());
            let connection = connecting.await?;
            let mut args = ArgsBuilder::default();
            args.push(self.service.as_bytes());
            let command = Command::with_args("SENTINEL", Some("MASTER"), args.finish());
            let mut replies = connection.send(&[command], Instant::now() + LIMIT).await;
            replies.pop().unwrap_or_else(|| Err(corrupt()))
        };
        match timeout(LIMIT, asking).await {
            Ok(Ok(reply)) => said(reply),
            Ok(Err(refused)) => Err(match ServerError::of(&refused) {
                Some(server) if server.code() == "ERR" => match server.is_not_allowed() {
                    true => error(ErrorKind::Config, NOT_A_SENTINEL),
                    false => error(ErrorKind::Config, UNKNOWN),
                },
                _ => refused.with_effect(Effect::NotApplied),
            }),
            Err(_) => Err(error(ErrorKind::Timeout, NO_SENTINEL)),
        }
    }
}

impl<C> fmt::Debug for Sentinels<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels")
            .field("service", &self.service)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

const NO_SENTINEL: &str = "no sentinel replies";
const UNKNOWN: &str = "the sentinels watch no service of this name: the URL's part `service` must be one that they do";
const NOT_A_SENTINEL: &str = "the server is no sentinel: the URL must name the ports of sentinels";
const NOT_UP: &str = "the sentinels have no primary yet";

fn error(kind: ErrorKind, why: &'static str) -> Error {
    Error::new(kind, Effect::NotApplied).with_source(why)
}

/// The names and values of a service's properties.
pub(crate) fn said(reply: Reply) -> Result<Said> {
    let Reply::Array(properties) = reply else {
        return Err(corrupt());
    };
    let (mut host, mut port, mut epoch) = (None, None, None);
    for pair in properties.chunks_exact(2) {
        let [Reply::Bytes(name), Reply::Bytes(value)] = pair else {
            continue;
        };
        let value = std::str::from_utf8(value).ok();
        match &**name {
            b"ip" => host = value,
            b"port" => port = value.and_then(|it| it.parse().ok()),
            b"config-epoch" => epoch = value.and_then(|it| it.parse().ok()),
            _ => {}
        }
    }
    match (host, port, epoch) {
        (Some(""), ..) | (_, Some(0), _) => Err(error(ErrorKind::Unavailable, NOT_UP)),
        (Some(host), Some(port), Some(epoch)) => Ok(Said {
            primary: Endpoint::tcp(host, port),
            epoch,
        }),
        _ => Err(corrupt()),
    }
}

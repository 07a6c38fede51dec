//! The steps: what is sent, and what its rows mean.

mod insert;
mod many;
mod read;
mod remove;
mod rename;
mod write;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use session_core::rules::{self, State};
use session_core::steps::{Refusal, Target, Write};
use session_core::{
    Effect, Error, ErrorKind, OnExcess, Principal, PrincipalLimit, QuotaWarnings, Result,
    SessionId, Touch, UnixMillis, Written,
};
use sqlx::SqlStr;
use tokio::time::{Instant, sleep, timeout_at};

use crate::engine::{Engine, Value};
use crate::error::{Because, Failure};
use crate::pool::{Lease, Pool, Prepared};
use crate::row::{Content, Key, Row, integer};
use crate::sql::{ByTarget, Change, Statements};

pub(crate) struct Store<E: Engine> {
    pub(crate) statements: Statements,
    pub(crate) writer: Arc<Pool<E>>,
    pub(crate) reader: Arc<Pool<E>>,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) deadline: Duration,
    pub(crate) warnings: QuotaWarnings,
    /// Distinguishes the principals of one table from those of another.
    pub(crate) table_hash: i64,
}

impl<E: Engine> fmt::Debug for Store<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("connections", &self.writer)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Which connections a step needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Reads,
    Writes,
}

/// The row that a step is about.
#[derive(Clone)]
enum Named {
    Key(Key),
    Listing(String, String),
}

impl Named {
    fn of(target: &Target) -> Result<Self> {
        match target {
            Target::Id(id) => Ok(Self::Key(id.digest())),
            Target::PublicId {
                principal,
                public_id,
            } => Ok(Self::Listing(
                text_of(principal),
                public_id.as_str().to_owned(),
            )),
            // A target that this version does not know.
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }

    fn of_id(id: &SessionId) -> Self {
        Self::Key(id.digest())
    }

    fn statement<'a, T>(&self, of: &'a ByTarget<T>) -> &'a T {
        match self {
            Self::Key(_) => &of.id,
            Self::Listing(..) => &of.listing,
        }
    }

    fn values(&self) -> Vec<Value> {
        match self {
            Self::Key(key) => vec![bytes(key)],
            Self::Listing(principal, public_id) => {
                vec![text(principal.clone()), text(public_id.clone())]
            }
        }
    }

    /// Whether this row is meant. One without a listing is meant by its key only.
    fn means(&self, state: &State) -> bool {
        match self {
            Self::Key(_) => true,
            Self::Listing(..) => state.session.listing().is_some(),
        }
    }
}

/// The principal that a step binds to, as its column has it, where it may have so many sessions.
type Bound = Option<(String, PrincipalLimit)>;

fn bound_by(write: &Write) -> Bound {
    let principal = write.delta.principal().map(text_of);
    principal.zip(write.principal_limit)
}

fn text_of(principal: &Principal) -> String {
    crate::text::text(principal.as_str().as_bytes()).into_owned()
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(Some(bytes.to_vec()))
}

fn text(text: String) -> Value {
    Value::Text(Some(text))
}

fn int(number: impl Into<i64>) -> Value {
    Value::Int(Some(number.into()))
}

/// A touch policy as the statements take it: a mode, and an age in milliseconds.
fn touch_values(touch: Touch) -> [Value; 2] {
    let (mode, age) = match touch {
        Touch::Never => (0, 0),
        Touch::Always => (1, 0),
        // Ages are whole milliseconds: a part of one is reached with the next.
        Touch::IfOlderThan(age) => (2, age.as_nanos().div_ceil(1_000_000)),
    };
    let age = i64::try_from(age).unwrap_or(i64::MAX);
    [int(mode), int(age)]
}

/// What a look at a row has found.
enum Looked {
    Live(Box<State>, UnixMillis, Key),
    Rotated(Option<Key>),
    Nothing,
}

/// How long the first connection of all may take.
const CONTACT: Duration = Duration::from_secs(5);

/// The most that a step waits before it tries again.
const PAUSE: Duration = Duration::from_millis(5);
/// What must be left of a step's time for an attempt: of one that the deadline ends nobody knows
/// whether it is applied.
const LAST: Duration = Duration::from_millis(50);

impl<E: Engine> Store<E> {
    /// When a step that begins now must have ended.
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Runs a step: gives it a connection, limits its time, and tries again while that is known to
    /// be safe. `lost` is what is known of its effect where no reply came.
    pub(crate) async fn step<T, F, Fut>(
        &self,
        until: Instant,
        access: Access,
        lost: Effect,
        attempt: F,
    ) -> Result<T>
    where
        F: Fn(Lease<E>) -> Fut + Send + Sync,
        Fut: Future<Output = std::result::Result<T, Failure>> + Send,
        T: Send,
    {
        let is_sent = Arc::new(AtomicBool::new(false));
        let blocked = OnceLock::new();
        let pool = match access {
            Access::Reads => &self.reader,
            Access::Writes => &self.writer,
        };
        let least = LAST.min(self.deadline / 4);
        let is_too_late = || until.saturating_duration_since(Instant::now()) < least;
        let attempts = async {
            loop {
                let once = async {
                    let lease = pool.lease().await?;
                    if is_too_late() {
                        let because = blocked.get().copied();
                        return Err(Failure::again(because.unwrap_or(Because::AllInUse)));
                    }
                    attempt(lease.telling(&is_sent)).await
                };
                let failure = match once.await {
                    Ok(done) => return Ok(done),
                    Err(failure) => failure,
                };
                let Some(because) = failure.passing::<E>() else {
                    let is_sent = is_sent.load(Ordering::Relaxed);
                    let effect = if is_sent { lost } else { Effect::NotApplied };
                    return Err(failure.into_error::<E>(effect));
                };
                is_sent.store(false, Ordering::Relaxed);
                if is_too_late() {
                    let error = Error::new(ErrorKind::Timeout, Effect::NotApplied);
                    return Err(error.with_source(because));
                }
                let _ = blocked.set(because);
                sleep(PAUSE.mul_f64(rand::random::<f64>())).await;
            }
        };
        let ended = timeout_at(until, attempts).await;
        ended.unwrap_or_else(|_| {
            let effect = match is_sent.load(Ordering::Relaxed) {
                true => lost,
                false => Effect::NotApplied,
            };
            let error = Error::new(ErrorKind::Timeout, effect);
            Err(match blocked.get() {
                Some(because) => error.with_source(*because),
                None => error,
            })
        })
    }

    /// Waits until there is a connection, and the table is as it must be: longer than a step may,
    /// as the table may have to be made.
    pub(crate) async fn contact(&self) -> Result<()> {
        let met = async {
            loop {
                match self.writer.lease().await {
                    Err(failure) if failure.passing::<E>().is_some() => sleep(PAUSE).await,
                    met => return met.map(drop),
                }
            }
        };
        let met = tokio::time::timeout(CONTACT.max(self.deadline), met).await;
        let met = met.unwrap_or_else(|_| Err(Failure::timeout()));
        met.map_err(|failure| failure.into_error::<E>(Effect::NotApplied))
    }

    /// Changes the row of a target, or returns it as it is; `None` when there is none.
    async fn change(
        &self,
        lease: &mut Lease<E>,
        change: &Change,
        values: Vec<Value>,
        named: &Named,
    ) -> std::result::Result<Option<Row>, Failure> {
        let mut rows = lease.rows(&change.change, values).await?;
        if rows.is_empty() {
            rows = lease.rows(&change.look, named.values()).await?;
        }
        Ok(pick(rows))
    }

    /// What a row is that was not changed. One that has expired is deleted first: whoever slides it
    /// at the same time comes before that, and it is looked at again, or is too late. So nobody
    /// finds a session that another was told has ended.
    async fn look_at(
        &self,
        lease: &mut Lease<E>,
        row: Option<Row>,
        named: &Named,
    ) -> std::result::Result<Looked, Failure> {
        let mut found = row;
        loop {
            let Some(row) = found else {
                return Ok(Looked::Nothing);
            };
            if row.is_taken() {
                let (now, key) = (row.now, row.key());
                return Ok(match row.into_content() {
                    Content::Live(state) if named.means(&state) => {
                        Looked::Live(Box::new(state), now, key)
                    }
                    Content::Rotated(successor) => Looked::Rotated(successor),
                    Content::Live(_) | Content::Nothing => Looked::Nothing,
                });
            }
            let reaped = lease
                .rows(&self.statements.reap, vec![bytes(&row.id)])
                .await?;
            if !reaped.is_empty() {
                return Ok(Looked::Nothing);
            }
            let look = named.statement(&self.statements.look);
            found = pick(lease.rows(look, named.values()).await?);
        }
    }

    /// Whether a session of this listing was rotated just when a statement waited for its row: it
    /// is another row now, which that statement did not see.
    async fn was_missed(
        &self,
        lease: &mut Lease<E>,
        named: &Named,
    ) -> std::result::Result<bool, Failure> {
        if matches!(named, Named::Key(_)) {
            return Ok(false);
        }
        let look = named.statement(&self.statements.look);
        let row = pick(lease.rows(look, named.values()).await?);
        Ok(row.is_some_and(|row| matches!(row.into_content(), Content::Live(_))))
    }

    /// Begins a transaction. Where it binds to a principal with a limit, waits until nobody else
    /// binds sessions to that one.
    async fn begin(&self, lease: &mut Lease<E>, bound: &Bound) -> std::result::Result<(), Failure> {
        lease.begin().await?;
        if let (Some((principal, _)), Some(lock)) = (bound, E::LOCK_NUMBER) {
            let number = self.table_hash ^ hash(principal.as_bytes());
            lease
                .run(&SqlStr::from_static(lock), vec![int(number)])
                .await?;
        }
        Ok(())
    }

    /// Sees to it that the session of this key may be bound, to a principal that is locked. Returns
    /// how many sessions ended for it.
    async fn make_room(
        &self,
        lease: &mut Lease<E>,
        bound: &Bound,
        key: &Key,
    ) -> std::result::Result<std::result::Result<u64, Refusal>, Failure> {
        /// How many sessions beyond the limit are looked at.
        const BEYOND: i64 = 1_000;
        let Some((principal, limit)) = bound else {
            return Ok(Ok(0));
        };
        let max = i64::from(limit.max.get());
        let values = vec![text(principal.clone()), bytes(key), int(max + BEYOND)];
        let others = lease.rows(&self.statements.others, values).await?;
        let surplus = (others.len() + 1).saturating_sub(usize::from(limit.max.get()));
        if surplus == 0 {
            return Ok(Ok(0));
        }
        if limit.on_excess == OnExcess::Refuse {
            return Ok(Err(Refusal::TooManySessions));
        }
        let keys = others.iter().take(surplus).map(|row| hex(&row.id));
        let keys = crate::text::array(keys.map(Into::into));
        let ended = lease.rows(&self.statements.evict, vec![text(keys)]).await?;
        match ended.len() == surplus {
            true => Ok(Ok(u64::try_from(surplus).unwrap_or(u64::MAX))),
            // One of them is being used, rotated or ended right now: nothing is done, and all of it
            // is done again.
            false => Err(Failure::again(Because::InTheWay)),
        }
    }

    /// Changes a session whose row is locked, but for storing it.
    async fn change_locked(
        &self,
        lease: &mut Lease<E>,
        state: &mut State,
        write: &Write,
        (now, key): (UnixMillis, &Key),
    ) -> std::result::Result<std::result::Result<(Written, u64), Refusal>, Failure> {
        let written = match rules::write(state, write, now) {
            Ok(written) => written,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let room = self.make_room(lease, &bound_by(write), key).await?;
        Ok(room.map(|ended| (written, ended)))
    }

    fn warn(&self, principal: Option<&Principal>, ended: u64) {
        if let (Some(principal), 1..) = (principal, ended) {
            self.warnings
                .sessions_ended(principal, std::time::Instant::now());
        }
    }
}

fn pick(rows: Vec<Row>) -> Option<Row> {
    rows.into_iter().next()
}

/// The first eight bytes of a SHA-256.
pub(crate) fn hash(bytes: &[u8]) -> i64 {
    use sha2::{Digest as _, Sha256};
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    text
}

/// A length as a statement takes it.
fn count(number: usize) -> i64 {
    integer(u64::try_from(number).unwrap_or(u64::MAX))
}

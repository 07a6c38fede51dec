//! What is known of one session, and what an operation may find.

use std::time::Instant;

use session_core::{Fields, SessionId, SessionRecord, SessionTtl};

use super::losses::{Losses, Wrong};
use super::values::{Counter, Register};
use crate::checks::name;

/// Names whose session it is.
pub(super) const OWNER: &str = "owner";
pub(super) const COUNTER: &str = "counter";
/// The fields of a register: both are written together.
pub(super) const PAIRS: [[&str; 2]; 2] = [["one", "one_too"], ["other", "other_too"]];
/// The register that is the TTL, which is so many seconds more.
pub(super) const TTL: usize = PAIRS.len();
const TTL_BASE: usize = 3600;
/// How many former ids are remembered.
const FORMER: usize = 4;

pub(super) fn ttl(value: usize) -> SessionTtl {
    let seconds = u64::try_from(TTL_BASE + value).expect("a number");
    SessionTtl::from_secs(seconds).expect("a TTL")
}

/// The fields of a session that begins.
pub(super) fn fields(number: u64) -> Fields {
    let fields = Fields::new()
        .with(name(OWNER), number.to_string())
        .with(name(COUNTER), 0);
    let zero = |fields: Fields, field: &'static str| fields.with(name(field), 0);
    PAIRS.into_iter().flatten().fold(fields, zero)
}

/// What an operation changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    /// A register, and the value.
    pub(super) register: Option<(usize, usize)>,
    pub(super) counts: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) number: u64,
    /// Where it may be: under its id, and, if nothing is known of a rotation, under the next one.
    pub(super) ids: Vec<SessionId>,
    /// Since when the first of them is known.
    since: Instant,
    pub(super) is_rotating: bool,
    /// Former ids, and since when.
    pub(super) former: Vec<(SessionId, Instant)>,
    /// Deletions that have begun and may end it.
    pub(super) dooms: u32,
    pub(super) ended: Option<Instant>,
    /// Whose it is or may be, and since when.
    pub(super) principal: Option<(u64, Option<Instant>)>,
    registers: [Register; PAIRS.len() + 1],
    counter: Counter,
}

impl Session {
    /// A session whose creation began then and is acknowledged now.
    pub(super) fn new(number: u64, id: SessionId, began: Instant, principal: Option<u64>) -> Self {
        let now = Instant::now();
        Self {
            number,
            ids: vec![id],
            since: now,
            is_rotating: false,
            former: Vec::new(),
            dooms: 0,
            ended: None,
            principal: principal.map(|it| (it, Some(now))),
            registers: std::array::from_fn(|_| Register::new(began, now)),
            counter: Counter::default(),
        }
    }

    /// A change begins: of a register, if one is named, and of the counter, if it counts.
    pub(super) fn begin(&mut self, register: Option<usize>, counts: bool) -> Change {
        if counts {
            self.counter.begin();
        }
        let begin = |at: usize| Some((at, self.registers.get_mut(at)?.begin()));
        Change {
            register: register.and_then(begin),
            counts,
        }
    }

    /// The change was applied; what the counter is.
    pub(super) fn acknowledge(
        &mut self,
        change: Change,
        counter: Option<i64>,
        losses: &Losses,
    ) -> Result<(), Wrong> {
        if let Some((at, value)) = change.register
            && let Some(register) = self.registers.get_mut(at)
        {
            register.acknowledge(value);
        }
        match counter {
            Some(value) if change.counts => self.counter.acknowledge(value, losses),
            None if !change.counts => Ok(()),
            _ => Err(Wrong(
                "partial write",
                format!("the counter is {counter:?}"),
            )),
        }
    }

    /// The change was not applied.
    pub(super) fn refuse(&mut self, change: Change) {
        if let Some((at, value)) = change.register
            && let Some(register) = self.registers.get_mut(at)
        {
            register.refuse(value);
        }
        if change.counts {
            self.counter.refuse();
        }
    }

    /// It has this id, and the one before leads nowhere any more.
    pub(super) fn moved(&mut self, to: &SessionId) {
        if self.ids.first() == Some(to) {
            return;
        }
        let now = Instant::now();
        let former = std::mem::replace(&mut self.ids, vec![to.clone()]);
        let former = former.into_iter().filter(|it| it != to);
        self.former.extend(former.map(|it| (it, now)));
        let more = self.former.len().saturating_sub(FORMER);
        self.former.drain(..more);
        self.since = now;
    }

    /// Whether its last id is one that no fail-over takes back.
    pub(super) fn is_sure(&self, losses: &Losses) -> bool {
        losses.is_sure(self.since)
    }

    /// An operation by this id, which began then, has found the session, and may have seen it.
    pub(super) fn found(
        &mut self,
        id: &SessionId,
        began: Instant,
        record: Option<&SessionRecord>,
        losses: &Losses,
    ) -> Result<(), Wrong> {
        let is_over = |at: Instant| at < began && losses.is_sure(at);
        if self.ended.is_some_and(is_over) {
            return Err(Wrong("resurrection", format!("session {}", self.number)));
        }
        if self.former.iter().any(|(it, at)| it == id && is_over(*at)) {
            let what = format!("a former id of session {}", self.number);
            return Err(Wrong("rotated id lives", what));
        }
        if self.ids.get(1) == Some(id) {
            self.moved(id);
        }
        record.map_or(Ok(()), |it| self.check(it, began, losses))
    }

    /// An operation by this id, which began then, has found no session. Whether the session may
    /// have ended.
    pub(super) fn missed(
        &self,
        id: &SessionId,
        began: Instant,
        losses: &Losses,
    ) -> Result<bool, Wrong> {
        let is_only = matches!(&*self.ids, [only] if only == id);
        match () {
            () if self.ended.is_some() || !is_only => Ok(false),
            () if self.dooms > 0 || !losses.is_sure(self.since) => Ok(true),
            () if self.since >= began => Ok(false),
            () => Err(Wrong("lost session", format!("session {}", self.number))),
        }
    }

    fn check(&self, record: &SessionRecord, began: Instant, losses: &Losses) -> Result<(), Wrong> {
        let owner = record.fields().get_str(OWNER);
        if owner.is_some_and(|it| it != self.number.to_string()) {
            let what = format!("{owner:?} in the place of {}", self.number);
            return Err(Wrong("cross-session read", what));
        }
        let partial = |what: &str| Wrong("partial session", format!("{what} of {}", self.number));
        owner.ok_or_else(|| partial("no owner"))?;
        let text = |field: &str| record.fields().get_str(field).ok_or_else(|| partial(field));
        let number = |field| text(field)?.parse::<usize>().map_err(|_| partial(field));
        let seconds = usize::try_from(record.configured_ttl().as_secs()).ok();
        let ttl = seconds.and_then(|it| it.checked_sub(TTL_BASE));
        let mut values = Vec::new();
        for [one, too] in PAIRS {
            let value = number(one)?;
            if number(too)? != value {
                return Err(partial("half a write"));
            }
            values.push(value);
        }
        values.push(ttl.ok_or_else(|| partial("the TTL"))?);
        for (at, (register, value)) in self.registers.iter().zip(values).enumerate() {
            if !register.allows(value, began, losses) {
                let what = format!("{value} in register {at} of {}", self.number);
                return Err(Wrong("lost write", what));
            }
        }
        let counter = text(COUNTER)?.parse().map_err(|_| partial(COUNTER))?;
        self.counter.check(counter, began, losses)?;
        if record.created_at() > record.last_accessed_at() || record.created_at().is_none() {
            return Err(partial("the times"));
        }
        self.check_principal(record, began, losses)
    }

    fn check_principal(
        &self,
        record: &SessionRecord,
        began: Instant,
        losses: &Losses,
    ) -> Result<(), Wrong> {
        let principal = record.principal().map(|it| it.as_str().to_owned());
        let parts = [record.public_id().is_some(), record.deadline().is_some()];
        let is_known = |since: Option<Instant>| {
            since.is_some_and(|since| since < began && losses.is_sure(since))
        };
        let (is_bound, is_own) = match (&principal, self.principal) {
            (None, None) => (false, true),
            (None, Some((_, since))) => (false, !is_known(since)),
            (Some(_), None) => (true, false),
            (Some(it), Some((number, _))) => (true, *it == number.to_string()),
        };
        match is_own && parts == [is_bound, is_bound] {
            true => Ok(()),
            false => Err(Wrong(
                "partial session",
                format!("{principal:?} {parts:?}, not as {:?}", self.principal),
            )),
        }
    }
}

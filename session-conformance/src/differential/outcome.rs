//! Outcomes and dumps in a form in which two stores can be compared.

use std::fmt;
use std::time::Duration;

use session_core::{Error, Remaining, SessionRecord, Tombstone, UnixMillis, Written};

use crate::harness::{RawKey, RawValue};

/// One thing that is known of an outcome or a dump.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Word(&'static str),
    Number(i128),
    Text(Vec<u8>),
    /// A time from now on; it may differ by the real time that has passed.
    Time(Option<Duration>),
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::Time(Some(time)) => write!(f, "in {time:?}"),
            Self::Time(None) => f.write_str("never"),
        }
    }
}

/// What is known of an outcome or a dump, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts(Vec<Fact>);

impl Facts {
    pub(super) fn word(word: &'static str) -> Self {
        Self(vec![Fact::Word(word)])
    }

    pub(super) fn number(number: impl Into<i128>) -> Self {
        Self(vec![Fact::Number(number.into())])
    }

    pub(super) fn error(error: &Error) -> Self {
        let text = format!("{:?} {:?}", error.kind(), error.effect());
        Self::word("error").text(text)
    }

    pub(super) fn text(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.0.push(Fact::Text(text.into()));
        self
    }

    pub(super) fn time(mut self, time: Option<Duration>) -> Self {
        self.0.push(Fact::Time(time));
        self
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn remaining(remaining: Remaining) -> Self {
        Self::word("remaining").time(remaining.as_duration())
    }

    /// A record, its deadline seen from now.
    pub(super) fn record(record: &SessionRecord, now: UnixMillis) -> Self {
        let mut facts = Self::word("record")
            .text(record.created_at_text().as_bytes())
            .text(record.last_accessed_at_text().as_bytes())
            .text(record.configured_ttl().to_string())
            .time(record.deadline().map(|deadline| deadline.since(now)))
            .and(Self::remaining(record.ttl()));
        if let Some(principal) = record.principal() {
            facts = facts.text(principal.as_str());
        }
        facts = facts.and(Self::word(match record.login_at() {
            Some(_) => "logged in",
            None => "not logged in",
        }));
        if let Some(is_persistent) = record.persistent() {
            facts = facts.and(Self::number(is_persistent));
        }
        for (name, value) in record.fields().iter() {
            facts = facts.text(name.as_str()).text(value.as_bytes());
        }
        facts
    }

    pub(super) fn written(written: &Written, now: UnixMillis) -> Self {
        let mut facts = Self::word("written").and(Self::remaining(written.ttl));
        for (name, value) in &written.counters {
            facts = facts.text(name.as_str()).and(Self::number(*value));
        }
        match &written.record {
            Some(record) => facts.and(Self::record(record, now)),
            None => facts,
        }
    }

    /// A dump, its deadline and the end of its tombstone seen from now, its public id as both sides
    /// call it. The time of the log-in is of the clock of one side, and the key that a tombstone
    /// names is one side's: whom it means, a deletion shows.
    pub(super) fn dump(
        key: Option<&RawKey>,
        now: UnixMillis,
        mut label: impl FnMut(&[u8]) -> String,
    ) -> Self {
        let Some(key) = key else {
            return Self::word("nothing");
        };
        let mut facts = Self::word("key").time(key.expires_in);
        let RawValue::Hash(fields) = &key.value else {
            return facts.and(Self::word("other type"));
        };
        for (name, value) in fields {
            facts = facts.text(name.as_slice());
            if let Some(tombstone) = Tombstone::parse(value).filter(|_| name == b"session_rotated")
            {
                facts = facts
                    .time(Some(tombstone.until().since(now)))
                    .and(Self::number(tombstone.successor().is_some()));
                continue;
            }
            facts = match UnixMillis::parse(value) {
                Some(deadline) if name == b"session_deadline" => {
                    facts.time(Some(deadline.since(now)))
                }
                Some(_) if name == b"session_login_at" => facts.and(Self::word("a time")),
                _ if name == b"session_public_id" => facts.text(label(value)),
                _ => facts.text(value.as_slice()),
            };
        }
        facts
    }

    /// Whether both say the same, times apart by no more than this.
    pub(super) fn agree(&self, other: &Self, apart: Duration) -> bool {
        let same = |(a, b): (&Fact, &Fact)| match (a, b) {
            (Fact::Time(Some(a)), Fact::Time(Some(b))) => a.abs_diff(*b) <= apart,
            (a, b) => a == b,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

//! What is known of a session from the returns about it.

use std::collections::HashSet;
use std::sync::Arc;

use session_core::PublicId;

/// A moment of the store's clock that is known to lie between two readings, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) earliest: u64,
    pub(super) latest: u64,
}

impl Span {
    /// So many milliseconds later.
    pub(super) const fn plus(self, millis: u64) -> Self {
        Self {
            earliest: self.earliest + millis,
            latest: self.latest + millis,
        }
    }

    fn or_before(self, other: Self) -> Self {
        Self {
            earliest: self.earliest.min(other.earliest),
            latest: self.latest.min(other.latest),
        }
    }
}

/// The public ids in a list.
pub(super) type List = Arc<HashSet<PublicId>>;

/// What a list says of a session that was certainly alive, or certainly ended.
#[derive(Debug)]
pub(super) enum Verdict {
    ListsTheLiving,
    OmitsTheEnded,
    /// Whether it lived then is not certain, or is not known yet.
    Open,
    Wrong(String),
}

/// A bound session: when it ends by itself, and its public id. While an operation is under way,
/// what the operation may change is open.
#[derive(Debug, Clone)]
pub(super) struct Life {
    public_id: PublicId,
    ttl: u64,
    deadline: Span,
    end: Span,
    /// It was found ended, or ended by somebody.
    is_over: bool,
    /// Operations that end it, or bring its end nearer: two for each that is over, one for one
    /// under way.
    doubts: u32,
}

impl Life {
    /// A session whose last use was at `used`.
    pub(super) fn new(public_id: PublicId, used: Span, ttl: u64, deadline: Span) -> Self {
        Self {
            public_id,
            ttl,
            deadline,
            end: used.plus(ttl).or_before(deadline),
            is_over: false,
            doubts: 0,
        }
    }

    pub(super) fn public_id(&self) -> PublicId {
        self.public_id
    }

    pub(super) fn end(&self) -> Span {
        self.end
    }

    /// Whether it is certain that it is ended at this time.
    pub(super) fn has_ended_by(&self, now: u64) -> bool {
        self.is_over || self.end.latest < now
    }

    /// An operation begins that slides the expiry.
    pub(super) fn touch_begins(&mut self) {
        self.end.latest = self.deadline.latest;
    }

    /// It slid: it never comes nearer by that.
    pub(super) fn touched(&mut self, at: Span) {
        let known = self.end.earliest;
        self.end = at.plus(self.ttl).or_before(self.deadline);
        self.end.earliest = self.end.earliest.max(known);
    }

    /// An operation begins that ends the session, or may bring its end nearer.
    pub(super) fn doubt_begins(&mut self) {
        self.doubts += 1;
        self.touch_begins();
    }

    pub(super) fn ttl_was_set(&mut self, ttl: u64, at: Span) {
        self.doubts += 1;
        self.ttl = ttl;
        self.end = at.plus(ttl).or_before(self.deadline);
    }

    /// The session was ended, or was not found.
    pub(super) fn has_ended(&mut self) {
        self.is_over = true;
    }

    /// So much of its life was left.
    pub(super) fn had_left(&mut self, left: u64, at: Span) {
        let told = at.plus(left);
        self.end.earliest = self.end.earliest.max(told.earliest);
        self.end.latest = self.end.latest.min(told.latest);
        let Span { earliest, latest } = self.end;
        assert!(
            earliest <= latest,
            "it ends elsewhere than `ttl` tells: {told:?}, {self:?}"
        );
    }

    /// Checks a list against what was known `before` it was asked for, and is known after it.
    pub(super) fn check(&mut self, before: &Self, asked: Span, list: &List) -> Verdict {
        let wrong = |what| Verdict::Wrong(format!("{what}, {asked:?}: {before:?}"));
        let is_listed = list.contains(&self.public_id);
        let is_ended = before.has_ended_by(asked.earliest);
        if is_ended && is_listed {
            return wrong("the ended are listed");
        }
        if is_ended {
            return Verdict::OmitsTheEnded;
        }
        let is_unharmed = before.doubts == self.doubts && before.doubts.is_multiple_of(2);
        if before.end.earliest <= asked.latest || !is_unharmed {
            return Verdict::Open;
        }
        // A rotation keeps its public id: it is listed all the time.
        if is_listed {
            Verdict::ListsTheLiving
        } else {
            wrong("a live session is not listed")
        }
    }
}

//! What is known of a session from the answers about it.

use std::collections::HashSet;
use std::sync::Arc;

use session_core::SessionHandle;

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

/// The handles in an answered list.
pub(super) type List = Arc<HashSet<SessionHandle>>;

/// What a list says of a session that was certainly alive, or certainly dead.
#[derive(Debug)]
pub(super) enum Verdict {
    ListsTheLiving,
    OmitsTheDead,
    /// Whether it lived then is not certain, or is not known yet.
    Open,
    Wrong(String),
}

/// A bound session: when it ends by itself, and what it is called. While an operation is under way, what the
/// operation may change is open.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// All its handles; the last is the present one.
    handles: Vec<SessionHandle>,
    ttl: u64,
    deadline: Span,
    end: Span,
    /// It was found dead, or ended by somebody.
    is_over: bool,
    /// A rotation is under way.
    is_moving: bool,
    /// Operations that end it, or bring its end nearer: two for each that is over, one for one under way.
    doubts: u32,
    /// Lists that must have it, if not under a known name, then under the one that it moves to.
    owed: Vec<List>,
}

impl Life {
    /// A session whose last use was at `used`.
    pub(super) fn new(handle: SessionHandle, used: Span, ttl: u64, deadline: Span) -> Self {
        Self {
            handles: vec![handle],
            ttl,
            deadline,
            end: used.plus(ttl).or_before(deadline),
            is_over: false,
            is_moving: false,
            doubts: 0,
            owed: Vec::new(),
        }
    }

    pub(super) fn handles(&self) -> &[SessionHandle] {
        &self.handles
    }

    pub(super) fn end(&self) -> Span {
        self.end
    }

    /// Whether it is certain that it is dead at this time.
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

    /// A rotation begins, which is a touch as well.
    pub(super) fn move_begins(&mut self) {
        self.is_moving = true;
        self.touch_begins();
    }

    /// It moved; whether the lists meanwhile had it.
    pub(super) fn moved(&mut self, to: SessionHandle, at: Span) -> bool {
        let was_listed = self.owed.drain(..).all(|list| list.contains(&to));
        self.is_moving = false;
        self.handles.push(to);
        self.touched(at);
        was_listed
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

    /// The session was ended, or found dead; whether the lists before had it.
    pub(super) fn is_gone(&mut self) -> bool {
        self.is_over = true;
        self.owed.is_empty()
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

    /// Judges a list by what was known `before` it was asked for, and is known after it was answered.
    pub(super) fn judge(&mut self, before: &Self, asked: Span, list: &List) -> Verdict {
        let wrong = |what| Verdict::Wrong(format!("{what}, {asked:?}: {before:?}"));
        let (last, old_names) = before.handles.split_last().expect("a handle");
        let is_dead = before.has_ended_by(asked.earliest);
        let mut of_the_dead = old_names.iter().chain(is_dead.then_some(last));
        if of_the_dead.any(|handle| list.contains(handle)) {
            return wrong("the dead are listed");
        }
        if is_dead {
            return Verdict::OmitsTheDead;
        }
        let is_unharmed = before.doubts == self.doubts && before.doubts.is_multiple_of(2);
        if before.end.earliest <= asked.latest || !is_unharmed {
            return Verdict::Open;
        }
        // It was under one of these names all the time, or under the next.
        let mut names = self.handles.iter().skip(old_names.len());
        if names.any(|handle| list.contains(handle)) {
            Verdict::ListsTheLiving
        } else if self.is_moving {
            self.owed.push(Arc::clone(list));
            Verdict::Open
        } else {
            wrong("a live session is not listed")
        }
    }
}

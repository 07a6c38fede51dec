//! What one request knows of its session, and what it has asked for.
//!
//! Pure bookkeeping: nothing here asks the backend or waits.

mod loaded;

use session_core::{
    FieldValue, Fields, PublicId, Remaining, SessionId, SessionRecord, Touch, Written,
};

pub(crate) use self::loaded::Loaded;
use self::loaded::may_have_slid;
use crate::change::CookieChange;
use crate::cookie::Presented;
use crate::pending::{Changes, Pending, Said};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) presented: Presented,
    pub(crate) view: View,
    pub(crate) changes: Changes,

    // What has happened so far. Each of these is independent of the others, and stays true.
    /// The handler touched the session in any way.
    pub(crate) is_used: bool,
    /// A handle was dropped by a panic.
    pub(crate) is_panicked: bool,
    /// The response's head is on its way.
    pub(crate) is_closed: bool,
    /// An operation of this request failed because the store did.
    pub(crate) has_store_failed: bool,
    /// The backend acknowledged that this request ended the session.
    was_ended: bool,
}

/// What is known of the session. Changed only by whoever has the turn (see `exchange.rs`).
#[derive(Debug)]
pub(crate) enum View {
    /// There is none; what is set goes into a new one.
    Absent,
    /// The cookie names one; the backend has not been asked.
    Unasked(SessionId),
    /// The backend has said in this request that it lives.
    Live(Live),
    /// It lived, and then was gone: what this request changes is dropped.
    Lost,
}

#[derive(Debug)]
pub(crate) struct Live {
    id: SessionId,
    /// What remained of its life by the backend's last answer.
    ttl: Remaining,
    /// Whether this request moved its expiry.
    has_slid: bool,
    /// Nothing, once an operation may have changed what was loaded.
    loaded: Option<Loaded>,
}

/// What a read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Use,
    Peek,
}

/// An answer from what is known, or the need to ask the backend first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known<T> {
    Now(T),
    Ask,
}

impl State {
    pub(crate) fn new(presented: Presented) -> Self {
        let view = match &presented {
            Presented::Id(id) => View::Unasked(id.clone()),
            Presented::Nothing | Presented::Unusable => View::Absent,
        };
        Self {
            presented,
            view,
            changes: Changes::default(),
            is_used: false,
            is_panicked: false,
            is_closed: false,
            has_store_failed: false,
            was_ended: false,
        }
    }

    // ---- What is known --------------------------------------------------------------------------

    /// The id a step would go to.
    pub(crate) fn target(&self) -> Option<&SessionId> {
        match &self.view {
            View::Unasked(id) | View::Live(Live { id, .. }) => Some(id),
            View::Absent | View::Lost => None,
        }
    }

    /// The session, if it lives and is not about to be ended.
    fn live(&self) -> Option<&Live> {
        match &self.view {
            View::Live(live) if !self.changes.is_ending() => Some(live),
            _ => None,
        }
    }

    /// The id of a session that lives and is not about to be ended.
    pub(crate) fn live_id(&self) -> Option<&SessionId> {
        self.live().map(|live| &live.id)
    }

    /// The public id of a bound session, if its record is known.
    pub(crate) fn public_id(&self) -> Option<PublicId> {
        self.live()?.loaded.as_ref()?.record()?.public_id()
    }

    pub(crate) fn is_loaded(&self) -> bool {
        matches!(&self.view, View::Live(live) if live.loaded.is_some())
    }

    /// The value of a field as this request sees it: its own changes first.
    pub(crate) fn field(&self, name: &str, purpose: Purpose) -> Known<Option<FieldValue>> {
        match self.changes.says(name) {
            Said::Value(value) => Known::Now(Some(value)),
            Said::Absent => Known::Now(None),
            Said::Nothing => (self.loaded(purpose))
                .map(|loaded| loaded.and_then(|loaded| loaded.fields().get(name).cloned())),
        }
    }

    /// All fields as this request sees them.
    pub(crate) fn fields(&self, purpose: Purpose) -> Known<Fields> {
        let before = if self.changes.is_ending() {
            Known::Now(None)
        } else {
            self.loaded(purpose)
        };
        before.map(|loaded| {
            let mut fields = loaded.map_or_else(Fields::new, |loaded| loaded.fields().clone());
            self.changes.apply_to(&mut fields);
            fields
        })
    }

    /// The record of the backend's last answer.
    pub(crate) fn record(&self, purpose: Purpose) -> Known<Option<SessionRecord>> {
        if self.changes.is_ending() {
            return Known::Now(None);
        }
        match self.loaded(purpose) {
            Known::Now(Some(loaded)) => {
                (loaded.record()).map_or(Known::Ask, |record| Known::Now(Some(record.clone())))
            }
            Known::Now(None) => Known::Now(None),
            Known::Ask => Known::Ask,
        }
    }

    /// What is loaded and serves this purpose; nothing, where there is no session.
    fn loaded(&self, purpose: Purpose) -> Known<Option<&Loaded>> {
        match &self.view {
            View::Absent | View::Lost => Known::Now(None),
            View::Unasked(_) => Known::Ask,
            View::Live(live) => match &live.loaded {
                Some(loaded) if loaded.serves(purpose) => Known::Now(Some(loaded)),
                _ => Known::Ask,
            },
        }
    }

    /// What becomes of the cookie when all went well.
    pub(crate) fn cookie_change(&self) -> CookieChange {
        match &self.view {
            View::Live(live) => {
                let (id, ttl) = (live.id.clone(), live.ttl);
                if !self.presented.is(&id) {
                    CookieChange::Set { id, ttl }
                } else if live.has_slid {
                    CookieChange::Extend { id, ttl }
                } else {
                    CookieChange::Keep
                }
            }
            View::Unasked(_) => CookieChange::Keep,
            View::Absent | View::Lost if self.presented == Presented::Nothing => CookieChange::Keep,
            View::Absent | View::Lost => CookieChange::Clear,
        }
    }

    /// What becomes of the cookie when the store failed: nothing, unless the backend acknowledged
    /// before that this request moved or ended the session. Then the old cookie is dead, and the
    /// new id would be lost.
    pub(crate) fn cookie_change_after_failure(&self) -> CookieChange {
        match self.cookie_change() {
            set @ CookieChange::Set { .. } => set,
            CookieChange::Clear if self.was_ended => CookieChange::Clear,
            _ => CookieChange::Keep,
        }
    }

    // ---- What the backend answers ---------------------------------------------------------------

    /// The session is ended; whether that took the backend's word.
    pub(crate) fn ended(&mut self, is_acknowledged: bool) {
        self.view = View::Absent;
        self.was_ended |= is_acknowledged;
    }

    pub(crate) fn gone(&mut self) {
        self.view = match self.view {
            View::Live(_) | View::Lost => View::Lost,
            View::Unasked(_) | View::Absent => View::Absent,
        };
    }

    pub(crate) fn has_read(
        &mut self,
        id: SessionId,
        record: SessionRecord,
        touch: Touch,
        purpose: Purpose,
    ) {
        let before = self.take_live();
        let had_slid = before.as_ref().is_some_and(|live| live.has_slid);
        // A peek takes nothing from an earlier use.
        let was_used =
            (before.and_then(|live| live.loaded)).is_some_and(|loaded| loaded.serves(Purpose::Use));
        self.view = View::Live(Live {
            id,
            ttl: record.ttl(),
            has_slid: had_slid || may_have_slid(touch, &record),
            loaded: Some(if purpose == Purpose::Use || was_used {
                Loaded::Used(record)
            } else {
                Loaded::Peeked(record)
            }),
        });
    }

    pub(crate) fn has_created(&mut self, id: SessionId, record: SessionRecord) {
        self.view = View::Live(Live {
            id,
            ttl: record.ttl(),
            has_slid: false,
            loaded: Some(Loaded::Used(record)),
        });
    }

    /// A write is done: the session lives under this id, and the changes are part of it.
    pub(crate) fn has_written(&mut self, id: SessionId, written: Written, changes: &Pending) {
        let before = self.take_live().and_then(|live| live.loaded);
        self.view = View::Live(Live {
            id,
            ttl: written.ttl,
            has_slid: true,
            loaded: match written.record {
                Some(record) => Some(Loaded::Used(record)),
                None => before.map(|loaded| loaded.changed(changes, &written.counters)),
            },
        });
    }

    /// What was known of a live session, which whoever takes it replaces.
    fn take_live(&mut self) -> Option<Live> {
        match std::mem::replace(&mut self.view, View::Absent) {
            View::Live(live) => Some(live),
            _ => None,
        }
    }

    /// Forgets the fields: an operation whose answer may be lost is about to change them.
    pub(crate) fn forget_loaded(&mut self) -> Option<Loaded> {
        match &mut self.view {
            View::Live(live) => live.loaded.take(),
            _ => None,
        }
    }

    pub(crate) fn remember_loaded(&mut self, known: Option<Loaded>) {
        if let View::Live(live) = &mut self.view {
            live.loaded = known;
        }
    }
}

impl<T> Known<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Now(answer) => Known::Now(with(answer)),
            Self::Ask => Known::Ask,
        }
    }
}

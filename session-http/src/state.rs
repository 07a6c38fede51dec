//! What one request knows of its session, and what it has asked for.
//!
//! Pure bookkeeping: nothing here asks the backend or waits.

mod loaded;

use std::sync::Arc;

use session_core::{
    FieldValue, Fields, PublicId, Remaining, SessionId, SessionRecord, Touch, Written,
};

pub(crate) use self::loaded::Loaded;
use self::loaded::{apply, may_have_slid};
use crate::change::CookieChange;
use crate::cookie::Presented;
use crate::pending::{Pending, Said};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) presented: Presented,
    pub(crate) view: View,
    pub(crate) pending: Pending,
    /// What a step under way carries. A step that failed or was dropped leaves it here, and
    /// [`State::take_back`] makes it pending again.
    pub(crate) sent: Option<Pending>,
    /// What remained of the session's life by the backend's last answer.
    ttl: Remaining,
    /// Whether this request moved the session's expiry.
    has_slid: bool,
    /// Whether the handler touched the session in any way.
    pub(crate) is_used: bool,
    /// Whether the backend acknowledged that this request ended the session.
    was_ended: bool,
    /// Whether an operation of this request failed because the store did.
    pub(crate) has_store_failed: bool,
    /// Whether the response's head is on its way.
    pub(crate) is_closed: bool,
    /// Whether a handle was dropped by a panic.
    pub(crate) is_panicked: bool,
}

/// What is known of the session. Changed only by whoever has the turn (see `exchange.rs`).
#[derive(Debug)]
pub(crate) enum View {
    /// There is none; what is set goes into a new one.
    Absent,
    /// The cookie names one; the backend has not been asked.
    Unasked(SessionId),
    /// The backend has said in this request that it lives.
    Live {
        id: SessionId,
        loaded: Option<Loaded>,
    },
    /// It lived, and then was gone: what this request changes is dropped.
    Lost,
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
            pending: Pending::default(),
            sent: None,
            ttl: Remaining::NoExpiry,
            has_slid: false,
            is_used: false,
            was_ended: false,
            has_store_failed: false,
            is_closed: false,
            is_panicked: false,
        }
    }

    // ---- What is known --------------------------------------------------------------------------

    /// The id a step would go to.
    pub(crate) fn target(&self) -> Option<&SessionId> {
        match &self.view {
            View::Unasked(id) | View::Live { id, .. } => Some(id),
            View::Absent | View::Lost => None,
        }
    }

    /// The public id of a bound session, if its record is known.
    pub(crate) fn public_id(&self) -> Option<PublicId> {
        match &self.view {
            View::Live {
                loaded: Some(loaded),
                ..
            } if !self.is_ending() => loaded.record.as_ref()?.public_id(),
            _ => None,
        }
    }

    /// Whether the session is to be ended before anything else.
    pub(crate) fn is_ending(&self) -> bool {
        self.pending.end || self.sent.as_ref().is_some_and(|sent| sent.end)
    }

    /// The value of a field as this request sees it: its own changes first.
    pub(crate) fn field(&self, name: &str, purpose: Purpose) -> Known<Option<FieldValue>> {
        for changes in [Some(&self.pending), self.sent.as_ref()]
            .into_iter()
            .flatten()
        {
            match changes.says(name) {
                Said::Value(value) => return Known::Now(Some(value)),
                Said::Absent => return Known::Now(None),
                Said::Nothing => {}
            }
        }
        match self.base(purpose) {
            Known::Now(fields) => Known::Now(fields.and_then(|fields| fields.get(name).cloned())),
            Known::Ask => Known::Ask,
        }
    }

    /// All fields as this request sees them.
    pub(crate) fn fields(&self, purpose: Purpose) -> Known<Fields> {
        let mut fields = if self.is_ending() {
            Fields::new()
        } else {
            match self.base(purpose) {
                Known::Now(fields) => fields.map_or_else(Fields::new, |fields| (**fields).clone()),
                Known::Ask => return Known::Ask,
            }
        };
        let sent = self.sent.as_ref().filter(|_| !self.pending.end);
        for changes in [sent, Some(&self.pending)].into_iter().flatten() {
            apply(&mut fields, changes);
        }
        Known::Now(fields)
    }

    /// The record of the backend's last answer.
    pub(crate) fn record(&self, purpose: Purpose) -> Known<Option<SessionRecord>> {
        if self.is_ending() {
            return Known::Now(None);
        }
        match &self.view {
            View::Absent | View::Lost => Known::Now(None),
            View::Live {
                loaded: Some(loaded),
                ..
            } if loaded.serves(purpose) && loaded.record.is_some() => {
                Known::Now(loaded.record.clone())
            }
            View::Live { .. } | View::Unasked(_) => Known::Ask,
        }
    }

    fn base(&self, purpose: Purpose) -> Known<Option<&Arc<Fields>>> {
        match &self.view {
            View::Absent | View::Lost => Known::Now(None),
            View::Live {
                loaded: Some(loaded),
                ..
            } if loaded.serves(purpose) => Known::Now(Some(&loaded.fields)),
            View::Live { .. } | View::Unasked(_) => Known::Ask,
        }
    }

    /// What becomes of the cookie when all went well.
    pub(crate) fn cookie_change(&self) -> CookieChange {
        let ttl = self.ttl;
        match &self.view {
            View::Live { id, .. } if self.presented != Presented::Id(id.clone()) => {
                let id = id.clone();
                CookieChange::Set { id, ttl }
            }
            View::Live { id, .. } if self.has_slid => {
                let id = id.clone();
                CookieChange::Extend { id, ttl }
            }
            View::Live { .. } | View::Unasked(_) => CookieChange::Keep,
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

    /// Moves the pending changes into a step; `None` when there are none.
    pub(crate) fn send(&mut self) -> Option<Pending> {
        if self.pending.is_empty() {
            return None;
        }
        let sent = std::mem::take(&mut self.pending);
        self.sent = Some(sent.clone());
        Some(sent)
    }

    /// Makes what a step failed to deliver pending again.
    pub(crate) fn take_back(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.pending = sent.then(std::mem::take(&mut self.pending));
        }
    }

    /// The session is ended; whether that took the backend's word.
    pub(crate) fn ended(&mut self, is_acknowledged: bool) {
        self.view = View::Absent;
        self.was_ended |= is_acknowledged;
    }

    pub(crate) fn gone(&mut self) {
        self.view = match self.view {
            View::Live { .. } | View::Lost => View::Lost,
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
        self.ttl = record.ttl();
        self.has_slid |= may_have_slid(touch, &record);
        // A peek takes nothing from an earlier use.
        let was_used = self.base(Purpose::Use) != Known::Ask;
        let loaded = Loaded::new(record, purpose == Purpose::Peek && !was_used);
        self.view = View::Live {
            id,
            loaded: Some(loaded),
        };
    }

    pub(crate) fn has_created(&mut self, id: SessionId, record: SessionRecord) {
        self.ttl = record.ttl();
        let loaded = Some(Loaded::new(record, false));
        self.view = View::Live { id, loaded };
    }

    /// A write is done: the session lives under this id, and the changes are part of it.
    pub(crate) fn has_written(&mut self, id: SessionId, written: Written, changes: &Pending) {
        self.ttl = written.ttl;
        self.has_slid = true;
        let before = match std::mem::replace(&mut self.view, View::Absent) {
            View::Live { loaded, .. } => loaded,
            _ => None,
        };
        let loaded = match written.record {
            Some(record) => Some(Loaded::new(record, false)),
            None => before.map(|loaded| loaded.changed(changes, &written.counters)),
        };
        self.view = View::Live { id, loaded };
    }

    /// Forgets the fields: an operation whose answer may be lost is about to change them.
    pub(crate) fn forget_loaded(&mut self) -> Option<Loaded> {
        match &mut self.view {
            View::Live { loaded, .. } => loaded.take(),
            _ => None,
        }
    }

    pub(crate) fn remember_loaded(&mut self, known: Option<Loaded>) {
        if let View::Live { loaded, .. } = &mut self.view {
            *loaded = known;
        }
    }
}

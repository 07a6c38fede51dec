//! What one request knows of its session, and what it has asked for.
//!
//! Pure bookkeeping: nothing here asks the backend or waits.

mod live;
mod loaded;

use std::sync::Arc;

use session_core::steps::ReadOutcome;
use session_core::{
    Binding, FieldValue, Fields, Principal, PublicId, SessionId, SessionRecord, Written,
};

pub(crate) use self::live::Live;
use self::live::Term;
pub(crate) use self::loaded::Loaded;
use crate::change::CookieChange;
use crate::error::SessionError;
use crate::pending::{Changes, Pending, Said};
use crate::presented::Presented;
use crate::sessions::Settings;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) presented: Presented,
    pub(crate) former: Former,
    pub(crate) view: View,
    pub(crate) changes: Changes,
    /// Why a step failed whose answer nobody has taken yet.
    pub(crate) unreported: Option<SessionError>,

    // What has happened so far. Each of these is independent of the others, and stays true.
    /// The handler touched the session in any way.
    pub(crate) is_used: bool,
    /// A handle was dropped by a panic.
    pub(crate) is_panicked: bool,
    /// The response headers are on their way.
    pub(crate) is_closed: bool,
    /// An operation of this request failed because the store did.
    pub(crate) has_store_failed: bool,
    /// The backend said in this request that there is a session.
    pub(crate) was_live: bool,
    /// The commit had changes, and no session to change.
    pub(crate) has_dropped: bool,
    /// The backend acknowledged that this request ended what its cookie names.
    was_ended: bool,
}

/// Where the request has a former cookie of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Former {
    Nowhere,
    /// Beside the present one, or under its name.
    Beside,
    /// There is no present one: what was presented was found under a former name.
    Instead,
}

/// What is known of the session. Changed only by the operation under way (see `operations.rs`).
#[derive(Debug)]
pub(crate) enum View {
    /// There is none; what is set goes into a new one.
    Absent,
    /// The cookie names one; the backend has not been asked.
    Unasked(SessionId),
    /// Several cookies name one each; the backend has not been asked which of them lives.
    Several,
    /// The backend has said in this request that it lives.
    Live(Live),
    /// It lived under this id, and then did not, or it was rotated: what this request changes is
    /// dropped, for it was meant for a session that has moved on or ended. A log-out still goes to
    /// the id, which leads to the session that was rotated.
    Ended(SessionId, Missing),
}

/// Why there is no session under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    NotFound,
    /// Another request moved it to another id a short while ago.
    Rotated,
}

/// What a read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Use,
    /// A use that the store itself is to answer.
    Fresh,
    Peek,
}

/// An answer from what is known, or the need to ask the backend first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known<T> {
    Now(T),
    Ask,
}

impl State {
    pub(crate) fn new(presented: Presented, former: Former) -> Self {
        let view = match &presented {
            Presented::Id(id) => View::Unasked(id.clone()),
            Presented::Several(_) => View::Several,
            Presented::Nothing | Presented::Unusable => View::Absent,
        };
        Self {
            presented,
            former,
            view,
            changes: Changes::default(),
            unreported: None,
            is_used: false,
            is_panicked: false,
            is_closed: false,
            has_store_failed: false,
            was_live: false,
            has_dropped: false,
            was_ended: false,
        }
    }

    // ---- What is known --------------------------------------------------------------------------

    /// The id a step would go to.
    pub(crate) fn target(&self) -> Option<&SessionId> {
        match &self.view {
            View::Unasked(id) | View::Live(Live { id, .. }) => Some(id),
            View::Absent | View::Several | View::Ended(..) => None,
        }
    }

    /// The ids under which the session may be that is to be ended: all that the browser has, so
    /// that it is logged out whichever of them counts. One that was rotated leads to its session.
    pub(crate) fn to_end(&self) -> Vec<SessionId> {
        let mut ids = match &self.view {
            View::Absent | View::Several => Vec::new(),
            View::Unasked(id) | View::Live(Live { id, .. }) | View::Ended(id, _) => {
                vec![id.clone()]
            }
        };
        if let Presented::Several(presented) = &self.presented {
            ids.extend(
                presented
                    .iter()
                    .filter(|id| !ids.contains(id))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        ids
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

    /// Whether another request has given the session a new id.
    pub(crate) fn is_rotated(&self) -> bool {
        matches!(self.view, View::Ended(_, Missing::Rotated))
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
            Said::Nothing => self.loaded(purpose).map(|loaded| {
                let value = loaded?.fields().get(name)?;
                let is_kept = self.changes.keep(name, || loaded?.principal());
                is_kept.then(|| value.clone())
            }),
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
            let principal = loaded.and_then(Loaded::principal);
            self.changes.apply_to(&mut fields, principal.as_ref());
            fields
        })
    }

    /// Whom the session is bound to, as this request sees it.
    pub(crate) fn principal(&self, purpose: Purpose) -> Known<Option<Principal>> {
        match self.changes.binding() {
            Some(Binding::Bind(log_in)) => Known::Now(Some(log_in.principal.clone())),
            Some(_) => Known::Now(None),
            None if self.changes.is_ending() => Known::Now(None),
            None => self.loaded(purpose).map(|loaded| loaded?.principal()),
        }
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
            View::Absent | View::Ended(..) => Known::Now(None),
            View::Unasked(_) | View::Several => Known::Ask,
            View::Live(live) => match &live.loaded {
                Some(loaded)
                    if loaded.serves(purpose) && (live.is_fresh || purpose != Purpose::Fresh) =>
                {
                    Known::Now(Some(loaded))
                }
                _ => Known::Ask,
            },
        }
    }

    /// What becomes of the cookie. The browser's belongs to the newest response: it is set only by
    /// a request that created or rotated a session, and cleared only by one that ended a session,
    /// or that was given a value that can never be one. Another request may have set it since.
    pub(crate) fn cookie_change(&self, settings: &Settings) -> CookieChange {
        match &self.view {
            View::Live(live) if !self.presented.ids().contains(&live.id) => CookieChange::Set {
                id: live.id.clone(),
                max_age: live.max_age(settings),
            },
            View::Live(_) | View::Unasked(_) | View::Several => CookieChange::Keep,
            View::Absent | View::Ended(..) => {
                if self.was_ended || self.presented == Presented::Unusable {
                    CookieChange::Clear
                } else {
                    CookieChange::Keep
                }
            }
        }
    }

    /// What becomes of the cookie when the store failed: nothing, unless the backend acknowledged
    /// before that this request moved or ended the session. Then the old cookie is dead, and the
    /// new id would be lost.
    pub(crate) fn cookie_change_after_failure(&self, settings: &Settings) -> CookieChange {
        match self.cookie_change(settings) {
            CookieChange::Clear if !self.was_ended => CookieChange::Keep,
            change => change,
        }
    }

    // ---- What the backend answers ---------------------------------------------------------------

    /// What the browser has is ended.
    pub(crate) fn ended(&mut self) {
        self.view = View::Absent;
        self.was_ended |= self.presented != Presented::Nothing;
    }

    pub(crate) fn not_found(&mut self, missing: Missing) {
        self.view = match (std::mem::replace(&mut self.view, View::Absent), missing) {
            (View::Live(Live { id, .. }), _) | (View::Unasked(id), Missing::Rotated) => {
                View::Ended(id, missing)
            }
            (View::Ended(id, earlier), _) => View::Ended(id, earlier),
            (View::Unasked(_) | View::Several | View::Absent, _) => View::Absent,
        };
    }

    /// Which of several sessions it is, after a look at each: the one that lives. Of several live
    /// ones none can be told to be right, unless the cookie's name keeps others from planting one
    /// (`trusts_name`): then the one that is bound to a principal, else the first.
    pub(crate) fn chosen(&mut self, found: Vec<(SessionId, ReadOutcome)>, trusts_name: bool) {
        let rotated = (found.iter()).find(|(_, outcome)| *outcome == ReadOutcome::Rotated);
        let rotated = rotated.map(|(id, _)| id.clone());
        let live = found.into_iter().filter_map(|(id, outcome)| match outcome {
            ReadOutcome::Found(record) => Some((id, record)),
            _ => None,
        });
        let mut live: Vec<_> = live.collect();
        if live.len() > 1 {
            tracing::warn!(
                is_one_used = trusts_name,
                "a request names several live sessions"
            );
            live.sort_by_key(|(_, record)| record.principal().is_none());
            live.truncate(usize::from(trusts_name));
            if live.is_empty() {
                self.view = View::Absent;
                return;
            }
        }
        match live.pop() {
            Some((id, record)) => self.has_read(id, record, Purpose::Peek),
            None => {
                let ended = |id| View::Ended(id, Missing::Rotated);
                self.view = rotated.map_or(View::Absent, ended);
            }
        }
    }

    /// The changes to be sent: what waits. A session under a former name of the cookie moves, too,
    /// so that its new id is under the present one.
    pub(crate) fn send(&mut self) -> Option<Arc<Pending>> {
        if self.must_move() {
            self.changes.waiting.rotate();
        }
        self.changes.send()
    }

    /// Whether the session, which lives or is to be changed, is still under a former name of the
    /// cookie.
    pub(crate) fn must_move(&self) -> bool {
        let is_former = match &self.view {
            View::Live(live) => self.presented.ids().contains(&live.id),
            View::Unasked(_) => !self.changes.waiting.is_empty(),
            _ => false,
        };
        self.former == Former::Instead && is_former
    }

    pub(crate) fn has_read(&mut self, id: SessionId, record: SessionRecord, purpose: Purpose) {
        self.was_live = true;
        let before = self.take_live();
        // A peek takes nothing from an earlier use.
        let was_used =
            (before.and_then(|live| live.loaded)).is_some_and(|loaded| loaded.serves(Purpose::Use));
        self.view = View::Live(Live {
            id,
            ttl: record.ttl(),
            term: Some(Term::of(&record)),
            loaded: Some(if purpose != Purpose::Peek || was_used {
                Loaded::Used(record)
            } else {
                Loaded::Peeked(record)
            }),
            is_fresh: purpose == Purpose::Fresh,
        });
    }

    pub(crate) fn has_created(&mut self, id: SessionId, record: SessionRecord) {
        self.was_live = true;
        self.changes.has_begun_anew();
        self.view = View::Live(Live {
            id,
            ttl: record.ttl(),
            term: Some(Term::of(&record)),
            loaded: Some(Loaded::Used(record)),
            is_fresh: true,
        });
    }

    /// A write is done: the session lives under this id, and the changes, if there were any beside
    /// counters, are part of it.
    pub(crate) fn has_written(
        &mut self,
        id: SessionId,
        written: Written,
        changes: Option<&Pending>,
    ) {
        self.was_live = true;
        let before = self.take_live();
        let mut term = before.as_ref().and_then(|live| live.term);
        if let Some(binding) = changes.and_then(|changes| changes.delta.binding()) {
            let persistent = match binding {
                Binding::Bind(log_in) => log_in.persistent,
                _ => None,
            };
            let deadline = term.and_then(|term| term.deadline);
            term = Some(Term {
                deadline,
                persistent,
            });
        }
        self.view = View::Live(Live {
            id,
            is_fresh: written.record.is_some() || before.as_ref().is_some_and(|it| it.is_fresh),
            ttl: written.ttl,
            term: written.record.as_ref().map(Term::of).or(term),
            loaded: match written.record {
                Some(record) => Some(Loaded::Used(record)),
                None => before
                    .and_then(|live| live.loaded)
                    .map(|loaded| loaded.changed(changes, &written.counters)),
            },
        });
    }

    /// Whether the cookie after these changes may be a persistent one, whose age only the session's
    /// record tells.
    pub(crate) fn may_persist(&self, changes: &Pending, is_default: bool) -> bool {
        let persistent = match (changes.delta.binding(), &self.view) {
            (Some(Binding::Bind(log_in)), _) => log_in.persistent,
            (Some(_), _) => None,
            (
                None,
                View::Live(Live {
                    term: Some(term), ..
                }),
            ) => term.persistent,
            (None, _) => Some(true),
        };
        persistent.unwrap_or(is_default)
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

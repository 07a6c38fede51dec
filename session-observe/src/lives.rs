//! What a step does to the lives of sessions.

use session_core::steps::{
    InsertRequest, RemoveRequest, RenameRequest, RevokeRequest, Target, Write, WriteRequest,
};
use session_core::{Binding, Effect, Principal, PublicId, Result, SessionId};

use crate::event::{EventSession, RefusalReason, SessionChange, SessionEvent, SessionObserver};
use crate::outcome::{Outcome, StepOutcome};

/// The changes that a step makes if it is applied, and who wants to know.
pub(crate) struct Lives<'a> {
    observer: &'a dyn SessionObserver,
    change: SessionChange,
    /// What the same step does besides.
    binding: Option<SessionChange>,
    /// Whose the session is after the step, as far as the request says it.
    principal: Option<Principal>,
    public_id: Option<PublicId>,
    /// The id that the session has after the step, where the public id may follow from it.
    new_id: Option<&'a SessionId>,
}

impl<'a> Lives<'a> {
    pub(crate) fn of_insert(observer: &'a dyn SessionObserver, request: &'a InsertRequest) -> Self {
        let principal = request.session.principal();
        let of_unbound = || PublicId::of_unbound(&request.id);
        Self {
            observer,
            change: SessionChange::Create,
            binding: principal.as_ref().map(|_| SessionChange::Bind),
            principal,
            public_id: Some(request.session.public_id_or(of_unbound)),
            new_id: None,
        }
    }

    pub(crate) fn of_write(observer: &'a dyn SessionObserver, request: &WriteRequest) -> Self {
        let binding = binding_of(&request.write);
        let of_target = Self::of_target(observer, SessionChange::Update, &request.target);
        Self {
            change: binding.unwrap_or(SessionChange::Update),
            ..of_target.bound_by(&request.write)
        }
    }

    pub(crate) fn of_rename(observer: &'a dyn SessionObserver, request: &'a RenameRequest) -> Self {
        Self {
            binding: binding_of(&request.write),
            new_id: Some(&request.to),
            ..Self::of(observer, SessionChange::Rotate).bound_by(&request.write)
        }
    }

    pub(crate) fn of_remove(observer: &'a dyn SessionObserver, request: &RemoveRequest) -> Self {
        Self::of_target(observer, SessionChange::End, &request.target)
    }

    pub(crate) fn of_revoke(observer: &'a dyn SessionObserver, request: &RevokeRequest) -> Self {
        Self {
            principal: Some(request.principal.clone()),
            ..Self::of(observer, SessionChange::End)
        }
    }

    fn of(observer: &'a dyn SessionObserver, change: SessionChange) -> Self {
        Self {
            observer,
            change,
            binding: None,
            principal: None,
            public_id: None,
            new_id: None,
        }
    }

    fn of_target(
        observer: &'a dyn SessionObserver,
        change: SessionChange,
        target: &Target,
    ) -> Self {
        let lives = Self::of(observer, change);
        match target {
            Target::PublicId {
                principal,
                public_id,
            } => Self {
                principal: Some(principal.clone()),
                public_id: Some(*public_id),
                ..lives
            },
            _ => lives,
        }
    }

    /// Whom the write binds the session to, under which public id.
    fn bound_by(self, write: &Write) -> Self {
        match write.delta.principal() {
            Some(principal) => Self {
                principal: Some(principal.clone()),
                public_id: write.public_id,
                ..self
            },
            None => self,
        }
    }

    /// The step has ended so.
    pub(crate) fn report<T: StepOutcome>(&self, result: &Result<T>) {
        let done = match result {
            Err(error) if error.effect() == Effect::Unknown => return self.report_unknown(),
            Ok(done) if Outcome::of(result) == Outcome::Done => done,
            _ => return self.report_refusal(Outcome::of(result)),
        };
        let principal = done.record().and_then(|record| record.principal());
        let session = match (done.record(), self.new_id) {
            (Some(record), Some(id)) => EventSession {
                principal: principal.as_ref(),
                public_id: record
                    .public_id()
                    .or_else(|| Some(PublicId::of_unbound(id))),
            },
            _ => self.session(),
        };
        for change in [Some(self.change), self.binding].into_iter().flatten() {
            self.observer.session_event(&match change {
                SessionChange::Create => SessionEvent::Created { session },
                SessionChange::Bind => SessionEvent::Bound { session },
                SessionChange::Unbind => SessionEvent::Unbound { session },
                SessionChange::Rotate => SessionEvent::Rotated { session },
                SessionChange::End if done.changed() > 0 => SessionEvent::Ended {
                    session,
                    count: done.changed(),
                },
                SessionChange::End | SessionChange::Update => continue,
            });
        }
    }

    /// Nobody knows whether the step was applied.
    pub(crate) fn report_unknown(&self) {
        let session = self.session();
        for change in [Some(self.change), self.binding].into_iter().flatten() {
            if change != SessionChange::Update {
                let unknown = SessionEvent::Unknown { change, session };
                self.observer.session_event(&unknown);
            }
        }
    }

    fn report_refusal(&self, outcome: Outcome) {
        let reason = match outcome {
            Outcome::TooManySessions => RefusalReason::TooManySessions,
            Outcome::LimitExceeded => RefusalReason::LimitExceeded,
            Outcome::StoreFull => RefusalReason::StoreFull,
            _ => return,
        };
        self.observer.session_event(&SessionEvent::Refused {
            change: self.binding.unwrap_or(self.change),
            reason,
            session: self.session(),
        });
    }

    fn session(&self) -> EventSession<'_> {
        EventSession {
            principal: self.principal.as_ref(),
            public_id: self.public_id,
        }
    }
}

fn binding_of(write: &Write) -> Option<SessionChange> {
    match write.delta.binding()? {
        Binding::Bind(_) => Some(SessionChange::Bind),
        Binding::Unbind => Some(SessionChange::Unbind),
        _ => None,
    }
}

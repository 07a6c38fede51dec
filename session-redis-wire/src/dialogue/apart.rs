//! Dialogues about bound sessions where a principal's index has steps of its own.
//!
//! In a Redis Cluster a session and its principal's index are in different hash slots, which no script spans.
//! Three rules keep them together:
//!
//! 1. *The index first.* A name is entered before its session is stored, bound or moved there, with a
//!    deadline no nearer than the session's. So a live bound session is always listed. A step that would
//!    leave one unlisted answers what the index must list, and changes nothing.
//! 2. *Whose session it is, the session says.* Every step on a session of the index checks the principal in
//!    its own slot. A name whose session is dead, or another's, is a dead member and never shown.
//! 3. *Taking out is careful.* A dead member is taken out by whoever meets it, but not within ten seconds
//!    of its entry (its session may be about to be stored), nor after somebody entered it anew (its score
//!    has changed). Whatever is left behind by a client that stopped midway is found dead by the next use.
//!
//! Sessions without a principal have no part in this: their steps are one call each, as on one server.

mod admission;
mod listing;
mod revocation;

use bytes::Bytes;
use session_core::steps::{
    InsertAnswer, InsertRequest, Refusal, RemoveRequest, RenameAnswer, RenameRequest, WriteAnswer,
    WriteRequest,
};
use session_core::{Effect, Error, Principal, UnixMillis, Written};

use self::admission::Admission;
pub(super) use self::listing::list;
pub(super) use self::revocation::revoke;
use super::Dialogue;
use super::course::{Course, Server};
use crate::call::apart::{self as calls, Entry, Leaving, Until};
use crate::call::{self, Call, Listed};
use crate::key::{KeySpace, Topology};
use crate::reply::{self, Outcome, Reply, corrupt};

/// What the courses have in common.
pub(super) struct Apart<'a> {
    pub(super) keys: &'a KeySpace,
    pub(super) server: Server,
}

/// A name that was entered into an index for a step to come.
#[derive(Debug)]
struct Place {
    name: Bytes,
    listed: Listed,
    score: Bytes,
    /// It was not in the index before.
    is_new: bool,
    /// Another session was ended to make room.
    has_evicted: bool,
}

pub(super) fn insert<'a>(
    keys: &'a KeySpace,
    request: &'a InsertRequest,
) -> impl Dialogue<Answer = InsertAnswer> + use<'a> {
    Course::of(|server| async move { Apart { keys, server }.insert(request).await })
}

pub(super) fn write<'a>(
    keys: &'a KeySpace,
    request: &'a WriteRequest,
) -> impl Dialogue<Answer = WriteAnswer> + use<'a> {
    Course::of(|server| async move { Apart { keys, server }.write(request).await })
}

pub(super) fn rename<'a>(
    keys: &'a KeySpace,
    request: &'a RenameRequest,
) -> impl Dialogue<Answer = RenameAnswer> + use<'a> {
    Course::of(|server| async move { Apart { keys, server }.rename(request).await })
}

pub(super) fn remove<'a>(
    keys: &'a KeySpace,
    request: &'a RemoveRequest,
) -> impl Dialogue<Answer = bool> + use<'a> {
    Course::of(|server| async move { Apart { keys, server }.remove(request).await })
}

fn name_of(principal: &Principal) -> Bytes {
    Bytes::copy_from_slice(principal.as_str().as_bytes())
}

impl Apart<'_> {
    /// Index, session.
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer, Error> {
        let (Some(principal), Some(lifetime)) = (request.session.principal(), request.lifetime)
        else {
            return Err(corrupt());
        };
        let entry = Entry {
            name: self.keys.name(&request.id).into(),
            replaced: None,
            until: Until::Lifetime(lifetime),
            limit: request.principal_limit,
            may_grow: true,
        };
        let place = match self.admit(&name_of(&principal), &entry, None).await? {
            Admission::Entered(place) => place,
            Admission::Full => return Ok(InsertAnswer::Refused(Refusal::TooManySessions)),
            Admission::Judged(_) => return Err(corrupt()),
        };
        let call = call::insert(self.keys, request, Some(&place.listed));
        match self.outcome(call).await {
            Ok(Outcome::Done(mut parts)) => Ok(InsertAnswer::Inserted {
                deadline: reply::deadline(parts.next())?,
            }),
            Ok(Outcome::IdTaken) => {
                self.withdraw(&place).await;
                Ok(InsertAnswer::IdTaken)
            }
            Ok(_) => Err(corrupt()),
            Err(error) => Err(self.failed(Some(&place), error).await),
        }
    }

    /// Index, session; then, if need be, the index of the principal whose it was.
    async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer, Error> {
        let Some(principal) = request.write.delta.principal().map(name_of) else {
            return Err(corrupt());
        };
        let entry = Entry {
            name: self.keys.name(&request.id).into(),
            replaced: None,
            until: Until::Lifetime(request.write.principal_lifetime),
            limit: request.write.principal_limit,
            may_grow: true,
        };
        let judge = call::write(self.keys, request, None);
        let mut place = match self.admit(&principal, &entry, Some(judge)).await? {
            Admission::Entered(place) => place,
            Admission::Full => return Ok(WriteAnswer::Refused(Refusal::TooManySessions)),
            Admission::Judged(Outcome::Gone) => return Ok(WriteAnswer::Gone),
            Admission::Judged(Outcome::Refused(why)) => return Ok(WriteAnswer::Refused(why)),
            Admission::Judged(_) => return Err(corrupt()),
        };
        let answer = loop {
            let call = call::write(self.keys, request, Some(&place.listed));
            match self.outcome(call).await {
                Ok(Outcome::Done(parts)) => {
                    let (written, was) = settled(parts, &request.write)?;
                    self.settle_write(&place, was).await;
                    return Ok(WriteAnswer::Written(written));
                }
                Ok(Outcome::Unlisted { deadline, .. }) => self.extend(&mut place, deadline).await?,
                Ok(Outcome::Gone) => break WriteAnswer::Gone,
                Ok(Outcome::Refused(why)) => break WriteAnswer::Refused(why),
                Ok(_) => return Err(corrupt()),
                Err(error) => return Err(self.failed(Some(&place), error).await),
            }
        };
        self.withdraw(&place).await;
        Ok(answer)
    }

    /// An unbound session: one call, as on one server. A bound one answers to it whose it is: index, session,
    /// index. One that is being bound: index, session.
    async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer, Error> {
        let delta = &request.write.delta;
        let bind = delta.principal().map(name_of);
        let name = Bytes::from(self.keys.name(&request.to));
        let former_name = Bytes::from(self.keys.name(&request.from));
        let mut place = None;
        if let Some(principal) = &bind {
            let entry = Entry {
                name: name.clone(),
                replaced: Some(former_name.clone()),
                until: Until::Lifetime(request.write.principal_lifetime),
                limit: request.write.principal_limit,
                may_grow: true,
            };
            let judge = call::rename(self.keys, self.keys, request, None);
            place = match self.admit(principal, &entry, Some(judge)).await? {
                Admission::Entered(place) => Some(place),
                Admission::Full => return Ok(RenameAnswer::Refused(Refusal::TooManySessions)),
                Admission::Judged(Outcome::Gone) => return Ok(RenameAnswer::Gone),
                Admission::Judged(Outcome::IdTaken) => return Ok(RenameAnswer::IdTaken),
                Admission::Judged(Outcome::Refused(why)) => return Ok(RenameAnswer::Refused(why)),
                Admission::Judged(_) => return Err(corrupt()),
            };
        }
        let answer = loop {
            let listed = place.as_ref().map(|place: &Place| &place.listed);
            match self
                .outcome(call::rename(self.keys, self.keys, request, listed))
                .await
            {
                Ok(Outcome::Done(parts)) => {
                    let (written, was) = settled(parts, &request.write)?;
                    let former = was.principal.map(|former| (former, former_name));
                    self.settle(place.as_ref(), was.deadline, former).await;
                    return Ok(RenameAnswer::Renamed(written));
                }
                Ok(Outcome::Unlisted {
                    principal,
                    deadline,
                }) => {
                    let owner = bind.clone().or(principal).ok_or_else(corrupt)?;
                    match &mut place {
                        Some(place) if place.listed.principal == owner => {
                            self.extend(place, deadline).await?;
                        }
                        _ => {
                            self.withdraw_if_any(place.take()).await;
                            let until = Until::Exactly(deadline.ok_or_else(corrupt)?);
                            place = Some(self.enter_in_place(&owner, &name, until).await?);
                        }
                    }
                }
                Ok(Outcome::Gone) => break RenameAnswer::Gone,
                Ok(Outcome::IdTaken) => break RenameAnswer::IdTaken,
                Ok(Outcome::Refused(why)) => break RenameAnswer::Refused(why),
                Ok(_) => return Err(corrupt()),
                Err(error) => return Err(self.failed(place.as_ref(), error).await),
            }
        };
        self.withdraw_if_any(place).await;
        Ok(answer)
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<bool, Error> {
        let name = self.keys.name(&request.id).into();
        self.end(call::remove(self.keys, request), name).await
    }

    /// Session; then, if it was bound and the index has steps of its own, the index.
    pub(super) async fn end(&self, call: Call, name: Bytes) -> Result<bool, Error> {
        match self.outcome(call).await? {
            Outcome::Done(mut parts) => {
                let principal = reply::principal(parts.next())?;
                let is_apart = self.keys.topology() == Topology::Cluster;
                if let Some(principal) = principal.filter(|_| is_apart) {
                    self.settle(None, None, Some((principal, name))).await;
                }
                Ok(true)
            }
            Outcome::Gone => Ok(false),
            _ => Err(corrupt()),
        }
    }

    async fn outcome(&self, call: Call) -> Result<Outcome, Error> {
        self.server.ask(call).await.and_then(reply::outcome)
    }

    /// Enters a name for a session that counts already. On failure no session has changed.
    async fn enter_in_place(
        &self,
        principal: &Bytes,
        name: &Bytes,
        until: Until,
    ) -> Result<Place, Error> {
        let entry = Entry {
            name: name.clone(),
            replaced: None,
            until,
            limit: None,
            may_grow: false,
        };
        let call = calls::enter(self.keys, principal, &entry, &[]);
        match self.outcome(call).await {
            Ok(Outcome::Done(parts)) => place(principal, &entry, parts),
            Ok(_) => Err(corrupt()),
            Err(error) => Err(error.with_effect(Effect::NotApplied)),
        }
    }

    /// Lists the place until the session's own deadline, or until the one it gets if it has none.
    async fn extend(&self, place: &mut Place, deadline: Option<UnixMillis>) -> Result<(), Error> {
        let until = deadline.unwrap_or(place.listed.fresh);
        if until <= place.listed.until {
            // It is listed as long as that.
            return Err(corrupt());
        }
        let Listed { principal, .. } = &place.listed;
        let extended = self
            .enter_in_place(principal, &place.name, Until::Exactly(until))
            .await;
        match extended {
            Ok(extended) => {
                place.listed.until = extended.listed.until;
                place.score = extended.score;
                Ok(())
            }
            Err(error) => Err(self.failed(Some(place), error).await),
        }
    }

    /// Takes a place out again: the step it was for did not happen. Unless it was there before, or somebody
    /// else has entered it meanwhile.
    async fn withdraw(&self, place: &Place) {
        if place.is_new {
            let leaving = Leaving {
                name: place.name.clone(),
                score: Some(place.score.clone()),
            };
            let call = calls::leave(self.keys, &place.listed.principal, &[leaving]);
            // What stays is found dead by the next use.
            drop(self.server.ask(call).await);
        }
    }

    async fn withdraw_if_any(&self, place: Option<Place>) {
        if let Some(place) = place {
            self.withdraw(&place).await;
        }
    }

    /// The error of a step whose place was taken before: what is known of the effect of both.
    async fn failed(&self, place: Option<&Place>, error: Error) -> Error {
        if error.effect() == Effect::NotApplied
            && let Some(place) = place
        {
            self.withdraw(place).await;
        }
        match place {
            Some(place) if place.has_evicted => error.with_effect(Effect::Unknown),
            _ => error,
        }
    }

    /// After a step: its place is listed until the session's deadline, and the former name is not listed any
    /// more. The step is done, so what fails here does not fail it; the next use makes up for it.
    async fn settle(
        &self,
        place: Option<&Place>,
        deadline: Option<UnixMillis>,
        former: Option<(Bytes, Bytes)>,
    ) {
        let enter = place.zip(deadline).and_then(|(place, deadline)| {
            (place.listed.until != deadline).then(|| self.enter_again(place, deadline))
        });
        let leave = former.map(|(principal, name)| {
            let leaving = Leaving { name, score: None };
            calls::leave(self.keys, &principal, &[leaving])
        });
        let calls = enter.into_iter().chain(leave).collect();
        drop(self.server.ask_all(calls).await);
    }

    /// As [`settle`](Self::settle), for a session that stays under its name. If it was another's, several may
    /// be binding it by turns. Whoever bound it away from the former principal takes it out of that one's
    /// index, and may so take out what was entered for a binding to come. So each, when it has bound the
    /// session, enters it again; and each, when it has taken it out, looks whether it was bound back.
    async fn settle_write(&self, place: &Place, was: Settled) {
        let is_another = |former: &Bytes| *former != place.listed.principal;
        let (Some(former), Some(deadline)) = (was.principal.filter(is_another), was.deadline)
        else {
            return self.settle(Some(place), was.deadline, None).await;
        };
        let leaving = Leaving {
            name: place.name.clone(),
            score: None,
        };
        let leave = calls::leave(self.keys, &former, &[leaving]);
        let enter = self.enter_again(place, deadline);
        drop(self.server.ask_all(vec![leave, enter]).await);
        let member = calls::member(self.keys, &former, &place.name);
        if let Ok(Outcome::Done(_)) = self.outcome(member).await {
            let until = Until::Exactly(deadline);
            drop(self.enter_in_place(&former, &place.name, until).await);
        }
    }

    fn enter_again(&self, place: &Place, deadline: UnixMillis) -> Call {
        let entry = Entry {
            name: place.name.clone(),
            replaced: None,
            until: Until::Exactly(deadline),
            limit: None,
            may_grow: false,
        };
        calls::enter(self.keys, &place.listed.principal, &entry, &[])
    }
}

/// What a step answers beside what it wrote.
struct Settled {
    /// Whose the session was before.
    principal: Option<Bytes>,
    deadline: Option<UnixMillis>,
}

fn settled(
    mut parts: std::vec::IntoIter<Reply>,
    write: &session_core::steps::Write,
) -> Result<(Written, Settled), Error> {
    let written = reply::written(&mut parts, super::counters(write.delta.changes()))?;
    let settled = Settled {
        principal: reply::principal(parts.next())?,
        deadline: reply::deadline(parts.next())?,
    };
    Ok((written, settled))
}

/// The place that a name was given.
fn place(
    principal: &Bytes,
    entry: &Entry,
    mut parts: std::vec::IntoIter<Reply>,
) -> Result<Place, Error> {
    let fresh = reply::deadline(parts.next())?.ok_or_else(corrupt)?;
    let until = reply::deadline(parts.next())?.ok_or_else(corrupt)?;
    Ok(Place {
        name: entry.name.clone(),
        listed: Listed {
            principal: principal.clone(),
            until,
            fresh,
        },
        score: reply::bytes(parts.next())?,
        is_new: reply::integer(parts.next())? == 1,
        has_evicted: false,
    })
}

#[cfg(test)]
mod tests;

//! Whether a principal may have one more session.

use bytes::Bytes;
use session_core::{Effect, Error, OnExcess};

use super::{Apart, Place, place};
use crate::call::Call;
use crate::call::apart::{self as calls, Entry, Leaving};
use crate::reply::{self, Outcome, Reply, corrupt};

/// How often the index is asked again when every place is taken by a session that is about to be stored:
/// such a place is free or filled a round trip later, unless its client has stopped.
const PATIENCE: usize = 8;

pub(super) enum Admission {
    /// The name is entered.
    Entered(Place),
    /// There is no room.
    Full,
    /// The step that it is for would not happen; why.
    Judged(Outcome),
}

/// A member of an index.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Bytes,
    pub(super) score: Bytes,
    /// Its session may be about to be stored.
    pub(super) is_young: bool,
}

impl Member {
    /// Out of the index, if nobody has entered it again.
    pub(super) fn leaving(self) -> Leaving {
        Leaving {
            name: self.name,
            score: Some(self.score),
        }
    }
}

/// The members in the rest of an answer.
pub(super) fn members(mut parts: impl Iterator<Item = Reply>) -> Result<Vec<Member>, Error> {
    let mut members = Vec::new();
    while let Some(name) = parts.next() {
        members.push(Member {
            name: reply::bytes(Some(name))?,
            score: reply::bytes(parts.next())?,
            is_young: reply::integer(parts.next())? == 1,
        });
    }
    Ok(members)
}

impl Apart<'_> {
    /// Enters a name. The limit is judged by the index, in one step with the entry; here is found out who of
    /// those in it is dead, and, where the limit evicts, who has to go. Before anybody has to, `judge` (the
    /// step that the entry is for, as yet unlisted) says whether that step would happen at all. Where the
    /// session may be stored in another form it says so first: under two names it would count twice.
    pub(super) async fn admit(
        &self,
        principal: &Bytes,
        entry: &Entry,
        mut judge: Option<Call>,
    ) -> Result<Admission, Error> {
        if self.keys.is_one_of_several()
            && let Some(judge) = judge.take()
        {
            match self.outcome(judge).await? {
                Outcome::Unlisted { .. } => {}
                judged => return Ok(Admission::Judged(judged)),
            }
        }
        let mut leaving = Vec::new();
        let mut has_evicted = false;
        let mut patience = PATIENCE;
        loop {
            let call = calls::enter(self.keys, principal, entry, &leaving);
            let mut crowd = match self.outcome(call).await {
                Ok(Outcome::Done(parts)) => {
                    let mut place = place(principal, entry, parts)?;
                    place.has_evicted = has_evicted;
                    return Ok(Admission::Entered(place));
                }
                Ok(Outcome::Crowded(parts)) => parts,
                Ok(_) => return Err(corrupt()),
                // The index is no session: none was changed, if none was ended.
                Err(error) => {
                    let effect = if has_evicted {
                        Effect::Unknown
                    } else {
                        Effect::NotApplied
                    };
                    return Err(error.with_effect(effect));
                }
            };
            let others = reply::integer(crowd.next())?;
            let max = entry.limit.map_or(0, |limit| i64::from(limit.max.get()));
            let surplus = usize::try_from(others - max + 1).map_err(|_| corrupt())?;
            let Sorted { judged, live, dead } = self
                .sort(principal, entry, members(crowd)?, judge.take())
                .await?;
            if let Some(judged) = judged {
                return Ok(Admission::Judged(judged));
            }
            let surplus = surplus.saturating_sub(dead.len());
            let evicts = entry
                .limit
                .is_some_and(|limit| limit.on_excess == OnExcess::EvictOldest);
            leaving = dead;
            if surplus > 0 && evicts {
                let ended = self
                    .evict(principal, live.into_iter().take(surplus).collect())
                    .await?;
                has_evicted |= !ended.is_empty();
                leaving.extend(ended);
            }
            if leaving.is_empty() {
                patience -= 1;
                if !evicts || patience == 0 {
                    return Ok(Admission::Full);
                }
            }
        }
    }

    /// Asks the sessions of the members, each in its slot; and, at the same time, the judge.
    async fn sort(
        &self,
        principal: &Bytes,
        entry: &Entry,
        members: Vec<Member>,
        judge: Option<Call>,
    ) -> Result<Sorted, Error> {
        let is_other = |member: &Member| {
            member.name != entry.name && Some(&member.name) != entry.replaced.as_ref()
        };
        let others: Vec<Member> = members.into_iter().filter(is_other).collect();
        let session = |member: &Member| calls::member(self.keys, principal, &member.name);
        let has_judge = judge.is_some();
        let asked = others.iter().map(session).chain(judge).collect();
        let mut answers = self.server.ask_all(asked).await;
        let mut sorted = Sorted::default();
        if has_judge {
            match answers
                .pop()
                .ok_or_else(corrupt)?
                .and_then(reply::outcome)?
            {
                Outcome::Unlisted { .. } => {}
                judged => {
                    sorted.judged = Some(judged);
                    return Ok(sorted);
                }
            }
        }
        for (member, answer) in others.into_iter().zip(answers) {
            match reply::outcome(answer?)? {
                Outcome::Done(_) => sorted.live.push(member),
                Outcome::Gone if !member.is_young => sorted.dead.push(member.leaving()),
                Outcome::Gone => {}
                _ => return Err(corrupt()),
            }
        }
        Ok(sorted)
    }

    /// Ends these sessions; their names leave the index.
    async fn evict(&self, principal: &Bytes, victims: Vec<Member>) -> Result<Vec<Leaving>, Error> {
        let end = |member: &Member| calls::end(self.keys, principal, &member.name);
        let answers = self.server.ask_all(victims.iter().map(end).collect()).await;
        let mut leaving = Vec::new();
        for (member, answer) in victims.into_iter().zip(answers) {
            match answer.and_then(reply::outcome) {
                Ok(Outcome::Done(_)) => leaving.push(Leaving {
                    name: member.name,
                    score: None,
                }),
                Ok(Outcome::Gone) => leaving.push(member.leaving()),
                Ok(_) => return Err(corrupt()),
                // Others may have been ended.
                Err(error) => return Err(error.with_effect(Effect::Unknown)),
            }
        }
        Ok(leaving)
    }
}

/// The members of a full index.
#[derive(Default)]
struct Sorted {
    /// Why the step would not happen.
    judged: Option<Outcome>,
    /// The nearest deadline first.
    live: Vec<Member>,
    dead: Vec<Leaving>,
}

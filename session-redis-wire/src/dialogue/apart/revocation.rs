//! The end of a principal's sessions.

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::{RevokeRequest, RevokeTarget};
use session_core::{Effect, Error, ErrorKind, SessionHandle, SessionId};

use super::admission::Member;
use super::listing::Pages;
use super::{Apart, name_of};
use crate::call::apart::{self as calls, Leaving};
use crate::dialogue::Dialogue;
use crate::dialogue::course::Course;
use crate::fault::worse;
use crate::key::KeySpace;
use crate::reply::{self, Outcome, corrupt};

pub(in crate::dialogue) fn revoke<'a>(
    keys: &'a KeySpace,
    request: &'a RevokeRequest,
) -> impl Dialogue<Answer = u64> + use<'a> {
    Course::of(|server| async move {
        let apart = Apart { keys, server };
        let principal = name_of(&request.principal);
        match &request.target {
            RevokeTarget::One(handle) => apart.revoke_one(&principal, handle).await,
            RevokeTarget::All => apart.revoke_all(&principal, None).await,
            RevokeTarget::AllExcept(keep) => apart.revoke_all(&principal, Some(keep)).await,
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    })
}

/// What a round of a revocation does.
struct Round<'r> {
    ended: &'r mut u64,
    leaving: &'r mut Vec<Leaving>,
    /// Members whose sessions may be about to be stored.
    pending: Vec<Bytes>,
}

impl Apart<'_> {
    /// Index, session, index.
    async fn revoke_one(&self, principal: &Bytes, handle: &SessionHandle) -> Result<u64, Error> {
        let mut pages = Pages::new();
        let mut leaving = Vec::new();
        while let Some(page) = pages.next(self, principal, &mut leaving).await? {
            let is_meant =
                |member: &Member| self.keys.handle(&member.name).as_ref() == Some(handle);
            let Some(member) = page.into_iter().find(is_meant) else {
                continue;
            };
            return match self
                .outcome(calls::end(self.keys, principal, &member.name))
                .await?
            {
                Outcome::Done(_) => {
                    self.settle(None, None, Some((principal.clone(), member.name)))
                        .await;
                    Ok(1)
                }
                Outcome::Gone => Ok(0),
                _ => Err(corrupt()),
            };
        }
        Ok(0)
    }

    /// Index, sessions, index. A session escapes the first round only if it is moved between the two: to a name
    /// that the index had already, whose session is asked a second time at the end of the round; or to one
    /// that was entered later. So rounds follow until the index names nobody new.
    async fn revoke_all(&self, principal: &Bytes, keep: Option<&SessionId>) -> Result<u64, Error> {
        let keep = keep.map_or_else(Vec::new, |id| self.keys.names(id));
        let mut asked: HashSet<Bytes> = keep.into_iter().map(Bytes::from).collect();
        let mut ended = 0;
        let mut leaving = Vec::new();
        loop {
            let round = self
                .round(principal, &mut asked, &mut ended, &mut leaving)
                .await;
            match round {
                Ok(true) => {}
                Ok(false) => return Ok(ended),
                Err(error) if ended > 0 => return Err(error.with_effect(Effect::Unknown)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends the sessions that were not asked yet; whether there were any.
    async fn round(
        &self,
        principal: &Bytes,
        asked: &mut HashSet<Bytes>,
        ended: &mut u64,
        leaving: &mut Vec<Leaving>,
    ) -> Result<bool, Error> {
        let mut pages = Pages::new();
        let mut has_new = false;
        let mut pending = Vec::new();
        while let Some(page) = pages.next(self, principal, leaving).await? {
            let is_new = |member: &Member| asked.insert(member.name.clone());
            let members: Vec<Member> = page.into_iter().filter(is_new).collect();
            has_new |= !members.is_empty();
            let mut round = Round {
                ended: &mut *ended,
                leaving: &mut *leaving,
                pending: Vec::new(),
            };
            self.end_all(principal, members, &mut round).await?;
            pending.append(&mut round.pending);
        }
        let again = pending.into_iter().map(|name| Member {
            name,
            score: Bytes::new(),
            is_young: true,
        });
        let mut round = Round {
            ended,
            leaving,
            pending: Vec::new(),
        };
        self.end_all(principal, again.collect(), &mut round).await?;
        Ok(has_new)
    }

    /// Ends the sessions of these members, each in its slot.
    async fn end_all(
        &self,
        principal: &Bytes,
        members: Vec<Member>,
        round: &mut Round<'_>,
    ) -> Result<(), Error> {
        let end = |member: &Member| calls::end(self.keys, principal, &member.name);
        let answers = self.server.ask_all(members.iter().map(end).collect()).await;
        let mut failure = None;
        for (member, answer) in members.into_iter().zip(answers) {
            match answer.and_then(reply::outcome) {
                Ok(Outcome::Done(_)) => {
                    *round.ended += 1;
                    round.leaving.push(Leaving {
                        name: member.name,
                        score: None,
                    });
                }
                Ok(Outcome::Gone) if member.is_young => round.pending.push(member.name),
                Ok(Outcome::Gone) => round.leaving.push(member.leaving()),
                Ok(_) => return Err(corrupt()),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

//! The live sessions of a principal.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use session_core::steps::{ListRequest, SessionSummary};
use session_core::{Error, FieldValue};

use super::admission::{Member, members};
use super::{Apart, name_of};
use crate::call::apart::{self as calls, Leaving};
use crate::dialogue::Dialogue;
use crate::dialogue::course::Course;
use crate::key::KeySpace;
use crate::reply::{self, Outcome, corrupt};

/// How many members one call looks at, and how many sessions are asked at once.
const PAGE: usize = 256;

pub(in crate::dialogue) fn list<'a>(
    keys: &'a KeySpace,
    request: &'a ListRequest,
) -> impl Dialogue<Answer = Vec<SessionSummary>> + use<'a> {
    Course::of(|server| async move { Apart { keys, server }.list(request).await })
}

/// Walks an index page by page, in order of the scores.
///
/// A page begins at the greatest score of the page before it, so that members which come and go meanwhile
/// make the walk neither skip nor end early.
pub(super) struct Pages {
    least_score: Bytes,
    size: usize,
    is_over: bool,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self {
            least_score: Bytes::from_static(b"-inf"),
            size: PAGE,
            is_over: false,
        }
    }

    /// The next page, some of whose members may have been on the one before. Takes members out on the way.
    pub(super) async fn next(
        &mut self,
        apart: &Apart<'_>,
        principal: &Bytes,
        leaving: &mut Vec<Leaving>,
    ) -> Result<Option<Vec<Member>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let least_score = self.least_score.clone();
        let leaving = std::mem::take(leaving);
        let call = calls::page(apart.keys, principal, least_score, self.size, &leaving);
        let Outcome::Done(mut parts) = apart.outcome(call).await? else {
            return Err(corrupt());
        };
        let looked_at = usize::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        let greatest_score = reply::bytes(parts.next())?;
        self.is_over = looked_at < self.size;
        if greatest_score == self.least_score {
            // All of the page has one score: look at more at once, or the walk would stand still.
            self.size = self.size.saturating_mul(2);
        }
        self.least_score = greatest_score;
        members(parts).map(Some)
    }
}

impl Apart<'_> {
    /// Index, sessions. A session that is gone when it is asked may have been moved meanwhile: to a name that
    /// the index had already, whose session is asked a second time at the end of the round; or to one that
    /// was entered later. So rounds follow until none is gone.
    async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>, Error> {
        let principal = name_of(&request.principal);
        let mut asked: HashMap<Bytes, Option<Found>> = HashMap::new();
        let mut leaving = Vec::new();
        loop {
            let mut pages = Pages::new();
            let mut named = HashSet::new();
            let mut pending = Vec::new();
            let mut are_all_found = true;
            while let Some(page) = pages.next(self, &principal, &mut leaving).await? {
                named.extend(page.iter().map(|member| member.name.clone()));
                let is_new = |member: &Member| !asked.contains_key(&member.name);
                let members: Vec<Member> = page.into_iter().filter(is_new).collect();
                for (member, found) in self.look_at(&principal, members).await? {
                    are_all_found &= found.is_some();
                    match &found {
                        Some(_) => {}
                        None if member.is_young => pending.push(member.clone()),
                        None => leaving.push(member.clone().leaving()),
                    }
                    asked.insert(member.name, found);
                }
            }
            for (member, found) in self.look_at(&principal, pending).await? {
                asked.insert(member.name, found);
            }
            if are_all_found {
                return Ok(in_order(asked, &named));
            }
        }
    }

    /// Asks the sessions of these members, each in its slot.
    async fn look_at(
        &self,
        principal: &Bytes,
        members: Vec<Member>,
    ) -> Result<Vec<(Member, Option<Found>)>, Error> {
        let session = |member: &Member| calls::member(self.keys, principal, &member.name);
        let answers = self
            .server
            .ask_all(members.iter().map(session).collect())
            .await;
        let looked_at = members.into_iter().zip(answers).map(|(member, answer)| {
            let found = match reply::outcome(answer?)? {
                Outcome::Done(mut parts) => {
                    let created_at = FieldValue::from(reply::bytes(parts.next())?);
                    let last_accessed_at = FieldValue::from(reply::bytes(parts.next())?);
                    self.keys.handle(&member.name).map(|handle| Found {
                        score: score(&member),
                        summary: SessionSummary::new(handle, created_at, last_accessed_at),
                    })
                }
                Outcome::Gone => None,
                _ => return Err(corrupt()),
            };
            Ok((member, found))
        });
        looked_at.collect()
    }
}

/// A live session.
struct Found {
    score: f64,
    summary: SessionSummary,
}

fn score(member: &Member) -> f64 {
    let text = std::str::from_utf8(&member.score).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// The sessions that the index still names, the nearest deadline first. One that it does not name any more
/// was moved or ended after it was asked.
fn in_order(asked: HashMap<Bytes, Option<Found>>, named: &HashSet<Bytes>) -> Vec<SessionSummary> {
    let still_named =
        |(name, found): (Bytes, Option<Found>)| found.filter(|_| named.contains(&name));
    let mut found: Vec<Found> = asked.into_iter().filter_map(still_named).collect();
    found.sort_by(|a, b| {
        let by_handle = || a.summary.handle.cmp(&b.summary.handle);
        a.score.total_cmp(&b.score).then_with(by_handle)
    });
    found.into_iter().map(|found| found.summary).collect()
}

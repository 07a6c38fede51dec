//! A required step as a dialogue with the server: usually one call and one answer.
//!
//! The client crates only carry: they send each [`Call`] and hand back each [`Reply`]. What to ask and
//! what an answer means is decided here. Where a principal's index has steps of its own (Cluster) the
//! dialogues about bound sessions are those of `apart`.

mod apart;
mod course;
mod pages;
mod places;

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, RevokeTarget, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    Effect, Error, FieldChange, FieldName, FieldValue, SessionHandle, SessionRecord,
};

pub use self::pages::{convert_page, page, revoke_in_page};
use self::places::each_place;
use crate::call::{self, Call, FieldsBy};
use crate::key::{KeySpace, Topology};
use crate::reply::{self, Outcome, Reply, corrupt};

/// What a dialogue wants next.
#[derive(Debug)]
pub enum Next<T> {
    /// Send this call and hand its answer in.
    Ask(Call),
    /// Send these calls, all at once, and hand in their answers, in this order.
    AskAll(Vec<Call>),
    /// The step is done.
    Done(T),
}

/// A step under way.
pub trait Dialogue: Send {
    /// What the step answers.
    type Answer: Send;

    /// What to do after these answers; none begin the dialogue.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptReply`](session_core::ErrorKind::CorruptReply), and those among the answers that
    /// the step cannot do without.
    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<Self::Answer>, Error>;
}

/// The answer to the only call; `None` at the beginning.
fn only(mut answers: Vec<Result<Reply, Error>>) -> Result<Option<Reply>, Error> {
    answers.pop().transpose()
}

/// One of two dialogues about the same.
enum OneOf<A, B> {
    Whole(A),
    Apart(B),
}

impl<A: Dialogue, B: Dialogue<Answer = A::Answer>> Dialogue for OneOf<A, B> {
    type Answer = A::Answer;

    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<Self::Answer>, Error> {
        match self {
            Self::Whole(dialogue) => dialogue.next(answers),
            Self::Apart(dialogue) => dialogue.next(answers),
        }
    }
}

/// How many index members one call looks at: under a millisecond of the server's time.
const PAGE: usize = 512;

/// One call, repeated while the server answers "ask again".
struct Single<C, D> {
    call: C,
    decode: D,
}

impl<T: Send, C, D> Dialogue for Single<C, D>
where
    C: FnMut() -> Call + Send,
    D: FnMut(Outcome) -> Result<T, Error> + Send,
{
    type Answer = T;

    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<T>, Error> {
        match only(answers)?.map(reply::outcome).transpose()? {
            None | Some(Outcome::Again) => Ok(Next::Ask((self.call)())),
            Some(outcome) => (self.decode)(outcome).map(Next::Done),
        }
    }
}

/// See [`SessionBackend::insert`](session_core::SessionBackend::insert).
pub fn insert<'a>(
    keys: &'a KeySpace,
    request: &'a InsertRequest,
) -> impl Dialogue<Answer = InsertAnswer> + use<'a> {
    if keys.topology() == Topology::Cluster && request.session.principal().is_some() {
        return OneOf::Apart(apart::insert(keys, request));
    }
    OneOf::Whole(Single {
        call: || call::insert(keys, request, None),
        decode: |outcome| match outcome {
            Outcome::Done(mut parts) => Ok(InsertAnswer::Inserted {
                deadline: reply::deadline(parts.next())?,
            }),
            Outcome::IdTaken => Ok(InsertAnswer::IdTaken),
            Outcome::Refused(refusal) => Ok(InsertAnswer::Refused(refusal)),
            _ => Err(corrupt()),
        },
    })
}

/// See [`SessionBackend::read`](session_core::SessionBackend::read). One script that answers the fields.
pub fn read<'a>(
    keys: &'a KeySpace,
    request: &'a ReadRequest,
) -> impl Dialogue<Answer = Option<SessionRecord>> + use<'a> {
    each_place(keys, move |keys| read_at(keys, request), Option::is_none)
}

fn read_at<'a>(
    keys: &'a KeySpace,
    request: &'a ReadRequest,
) -> impl Dialogue<Answer = Option<SessionRecord>> + use<'a> {
    Single {
        call: || call::read(keys, request, FieldsBy::Script),
        decode: |outcome| match outcome {
            Outcome::Done(mut parts) => {
                let remaining = reply::remaining(parts.next())?;
                reply::record(remaining, parts.next().ok_or_else(corrupt)?)
            }
            Outcome::Gone => Ok(None),
            _ => Err(corrupt()),
        },
    }
}

/// The script of a read whose fields come by an `HGETALL` sent behind it, for [`reply::read`].
pub fn read_before_hgetall(keys: &KeySpace, request: &ReadRequest) -> Call {
    call::read(keys, request, FieldsBy::Hgetall)
}

/// See [`SessionBackend::write`](session_core::SessionBackend::write).
pub fn write<'a>(
    keys: &'a KeySpace,
    request: &'a WriteRequest,
) -> impl Dialogue<Answer = WriteAnswer> + use<'a> {
    each_place(
        keys,
        move |keys| write_at(keys, request),
        |answer| matches!(answer, WriteAnswer::Gone),
    )
}

fn write_at<'a>(
    keys: &'a KeySpace,
    request: &'a WriteRequest,
) -> impl Dialogue<Answer = WriteAnswer> + use<'a> {
    if keys.topology() == Topology::Cluster && request.write.delta.principal().is_some() {
        return OneOf::Apart(apart::write(keys, request));
    }
    OneOf::Whole(Single {
        call: || call::write(keys, request, None),
        decode: |outcome| match outcome {
            Outcome::Done(parts) => Ok(WriteAnswer::Written(reply::written(
                parts,
                counters(request.write.delta.changes()),
            )?)),
            Outcome::Gone => Ok(WriteAnswer::Gone),
            Outcome::Refused(refusal) => Ok(WriteAnswer::Refused(refusal)),
            _ => Err(corrupt()),
        },
    })
}

/// See [`SessionBackend::rename`](session_core::SessionBackend::rename).
pub fn rename<'a>(
    keys: &'a KeySpace,
    request: &'a RenameRequest,
) -> impl Dialogue<Answer = RenameAnswer> + use<'a> {
    each_place(
        keys,
        move |place| rename_at(place, keys, request),
        |answer| matches!(answer, RenameAnswer::Gone),
    )
}

/// From this place to the key of a new session; in a cluster within the form, and so within the slot.
fn rename_at<'a>(
    place: &'a KeySpace,
    keys: &'a KeySpace,
    request: &'a RenameRequest,
) -> impl Dialogue<Answer = RenameAnswer> + use<'a> {
    if keys.topology() == Topology::Cluster {
        return OneOf::Apart(apart::rename(place, request));
    }
    OneOf::Whole(Single {
        call: || call::rename(place, keys, request, None),
        decode: |outcome| match outcome {
            Outcome::Done(parts) => Ok(RenameAnswer::Renamed(reply::written(
                parts,
                counters(request.write.delta.changes()),
            )?)),
            Outcome::Gone => Ok(RenameAnswer::Gone),
            Outcome::IdTaken => Ok(RenameAnswer::IdTaken),
            Outcome::Refused(refusal) => Ok(RenameAnswer::Refused(refusal)),
            _ => Err(corrupt()),
        },
    })
}

/// See [`SessionBackend::remove`](session_core::SessionBackend::remove).
pub fn remove<'a>(
    keys: &'a KeySpace,
    request: &'a RemoveRequest,
) -> impl Dialogue<Answer = bool> + use<'a> {
    each_place(
        keys,
        move |keys| remove_at(keys, request),
        |is_removed| !is_removed,
    )
}

fn remove_at<'a>(
    keys: &'a KeySpace,
    request: &'a RemoveRequest,
) -> impl Dialogue<Answer = bool> + use<'a> {
    if keys.topology() == Topology::Cluster {
        return OneOf::Apart(apart::remove(keys, request));
    }
    OneOf::Whole(Single {
        call: || call::remove(keys, request),
        decode: |outcome| match outcome {
            Outcome::Done(_) => Ok(true),
            Outcome::Gone => Ok(false),
            _ => Err(corrupt()),
        },
    })
}

/// See [`SessionBackend::list`](session_core::SessionBackend::list).
pub fn list<'a>(
    keys: &'a KeySpace,
    request: &'a ListRequest,
) -> impl Dialogue<Answer = Vec<SessionSummary>> + use<'a> {
    if keys.topology() == Topology::Cluster {
        return OneOf::Apart(apart::list(keys, request));
    }
    OneOf::Whole(Listing {
        pages: Pages::new(keys, request),
        sessions: Vec::new(),
    })
}

/// See [`SessionBackend::revoke`](session_core::SessionBackend::revoke).
pub fn revoke<'a>(
    keys: &'a KeySpace,
    request: &'a RevokeRequest,
) -> impl Dialogue<Answer = u64> + use<'a> {
    if keys.topology() == Topology::Cluster {
        return OneOf::Apart(apart::revoke(keys, request));
    }
    OneOf::Whole(Revocation {
        keys,
        request,
        search: None,
        ended: 0,
    })
}

fn counters<'a>(
    changes: impl Iterator<Item = (&'a FieldName, &'a FieldChange)>,
) -> impl Iterator<Item = &'a FieldName> {
    changes.filter_map(|(name, change)| matches!(change, FieldChange::Increment(_)).then_some(name))
}

/// Walks a principal's index page by page, in order of the scores.
///
/// A page begins at the greatest score of the page before it, so that members which come and go
/// meanwhile make the walk neither skip nor end early; what is seen twice counts once.
struct Pages<'a> {
    keys: &'a KeySpace,
    principal: &'a session_core::Principal,
    least_score: Bytes,
    size: usize,
    /// By handle: a session that is converted meanwhile has another name.
    seen: HashSet<SessionHandle>,
}

/// One live session of a page.
struct Member {
    name: Bytes,
    handle: SessionHandle,
    created_at: Bytes,
    last_accessed_at: Bytes,
}

impl<'a> Pages<'a> {
    fn new(keys: &'a KeySpace, request: &'a ListRequest) -> Self {
        Self::of(keys, &request.principal)
    }

    fn of(keys: &'a KeySpace, principal: &'a session_core::Principal) -> Self {
        Self {
            keys,
            principal,
            least_score: Bytes::from_static(b"-inf"),
            size: PAGE,
            seen: HashSet::new(),
        }
    }

    fn call(&self) -> Call {
        call::list(
            self.keys,
            self.principal,
            self.least_score.clone(),
            self.size,
        )
    }

    /// The page's new members, and whether there is another page.
    fn take(&mut self, reply: Reply) -> Result<(Vec<Member>, bool), Error> {
        let Outcome::Done(mut parts) = reply::outcome(reply)? else {
            return Err(corrupt());
        };
        let looked_at = usize::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        let greatest_score = reply::bytes(parts.next())?;
        let mut members = Vec::new();
        while let Some(name) = parts.next() {
            let name = reply::bytes(Some(name))?;
            let created_at = reply::bytes(parts.next())?;
            let last_accessed_at = reply::bytes(parts.next())?;
            let handle = self.keys.handle(&name);
            members.extend(
                handle
                    .filter(|it| self.seen.insert(it.clone()))
                    .map(|handle| Member {
                        name,
                        handle,
                        created_at,
                        last_accessed_at,
                    }),
            );
        }
        let more = looked_at == self.size;
        if more && greatest_score == self.least_score {
            // All of the page has one score: look at more at once, or the walk would stand still.
            self.size = self.size.saturating_mul(2);
        }
        self.least_score = greatest_score;
        Ok((members, more))
    }
}

struct Listing<'a> {
    pages: Pages<'a>,
    sessions: Vec<SessionSummary>,
}

impl Dialogue for Listing<'_> {
    type Answer = Vec<SessionSummary>;

    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<Self::Answer>, Error> {
        let Some(reply) = only(answers)? else {
            return Ok(Next::Ask(self.pages.call()));
        };
        let (members, more) = self.pages.take(reply)?;
        self.sessions.extend(members.into_iter().map(|member| {
            SessionSummary::new(
                member.handle,
                FieldValue::from(member.created_at),
                FieldValue::from(member.last_accessed_at),
            )
        }));
        if more {
            Ok(Next::Ask(self.pages.call()))
        } else {
            Ok(Next::Done(std::mem::take(&mut self.sessions)))
        }
    }
}

struct Revocation<'a> {
    keys: &'a KeySpace,
    request: &'a RevokeRequest,
    /// The walk that looks for the session of a handle, until it is found.
    search: Option<Pages<'a>>,
    ended: u64,
}

impl<'a> Revocation<'a> {
    fn page(&self) -> Call {
        let keep = match &self.request.target {
            RevokeTarget::AllExcept(id) => Some(id),
            _ => None,
        };
        call::revoke_page(self.keys, &self.request.principal, keep, PAGE)
    }

    fn begin(&mut self) -> Call {
        if let RevokeTarget::One(_) = self.request.target {
            let pages = Pages::of(self.keys, &self.request.principal);
            let call = pages.call();
            self.search = Some(pages);
            call
        } else {
            self.page()
        }
    }

    fn found(
        &mut self,
        mut pages: Pages<'a>,
        handle: &SessionHandle,
        reply: Reply,
    ) -> Result<Next<u64>, Error> {
        let (members, more) = pages.take(reply)?;
        let of_handle = |member: &Member| member.handle == *handle;
        if let Some(member) = members.into_iter().find(of_handle) {
            let principal = &self.request.principal;
            return Ok(Next::Ask(call::revoke_one(
                self.keys,
                principal,
                member.name,
            )));
        }
        if !more {
            return Ok(Next::Done(0));
        }
        let call = pages.call();
        self.search = Some(pages);
        Ok(Next::Ask(call))
    }
}

impl Dialogue for Revocation<'_> {
    type Answer = u64;

    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<u64>, Error> {
        let answer = only(answers).map_err(|error| match self.ended {
            0 => error,
            _ => error.with_effect(Effect::Unknown),
        });
        let Some(reply) = answer? else {
            return Ok(Next::Ask(self.begin()));
        };
        if let (Some(pages), RevokeTarget::One(handle)) = (self.search.take(), &self.request.target)
        {
            return self.found(pages, handle, reply);
        }
        let Outcome::Done(mut parts) = reply::outcome(reply)? else {
            return Err(corrupt());
        };
        self.ended += u64::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        let looked_at = usize::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        if looked_at == PAGE {
            Ok(Next::Ask(self.page()))
        } else {
            Ok(Next::Done(self.ended))
        }
    }
}

//! What the conformance suite cannot bring about: answers that fail between two steps.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use session_core::steps::{ListRequest, ReadRequest, RevokeRequest};
use session_core::{
    Delta, ErrorKind, IdStorage, NewSession, OnExcess, PrincipalLimit, SessionBackend, SessionId,
    SessionPolicy, SessionRecord, SessionSummary, async_trait,
};

use super::*;
use crate::dialogue::Next;
use crate::key::{KeyPrefix, Topology};

/// A backend that keeps what it is asked.
#[derive(Debug, Default)]
struct Catcher {
    policy: SessionPolicy,
    insert: Mutex<Option<InsertRequest>>,
    write: Mutex<Option<WriteRequest>>,
    revoke: Mutex<Option<RevokeRequest>>,
}

fn not_done<T>() -> Result<T, Error> {
    Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied))
}

#[async_trait]
impl SessionBackend for Catcher {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer, Error> {
        *self.insert.lock().unwrap() = Some(request.clone());
        not_done()
    }

    async fn read(&self, _: &ReadRequest) -> Result<Option<SessionRecord>, Error> {
        not_done()
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer, Error> {
        *self.write.lock().unwrap() = Some(request.clone());
        not_done()
    }

    async fn rename(&self, _: &RenameRequest) -> Result<RenameAnswer, Error> {
        not_done()
    }

    async fn remove(&self, _: &RemoveRequest) -> Result<bool, Error> {
        not_done()
    }

    async fn list(&self, _: &ListRequest) -> Result<Vec<SessionSummary>, Error> {
        not_done()
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64, Error> {
        *self.revoke.lock().unwrap() = Some(request.clone());
        not_done()
    }

    async fn ping(&self) -> Result<(), Error> {
        not_done()
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing is ever waited for here"),
    }
}

fn ann() -> Principal {
    Principal::new("ann").unwrap()
}

/// The request that creates a session of ann's.
fn insert_request(limit: Option<PrincipalLimit>) -> InsertRequest {
    let mut catcher = Catcher::default();
    if let Some(limit) = limit {
        catcher.policy = catcher.policy.with_principal_limit(limit);
    }
    let new = NewSession::default().bind(ann());
    assert!(ready(catcher.create_session(new)).is_err());
    catcher.insert.into_inner().unwrap().unwrap()
}

/// The request that binds a session to ann.
fn write_request() -> WriteRequest {
    let catcher = Catcher::default();
    let id = SessionId::random().unwrap();
    assert!(ready(catcher.update_session(&id, Delta::new().bind(ann()))).is_err());
    catcher.write.into_inner().unwrap().unwrap()
}

fn keys() -> KeySpace {
    KeySpace::new(KeyPrefix::default(), IdStorage::Plain).at(Topology::Cluster)
}

/// Carries a dialogue to its end. Each call is answered by the first answer that is left; the calls' keys
/// and arguments are in the list.
fn carry<D: Dialogue>(
    mut dialogue: D,
    answers: Vec<Result<Reply, Error>>,
) -> (Result<D::Answer, Error>, Vec<Call>) {
    let mut answers = answers.into_iter();
    let mut sent = Vec::new();
    let mut heard = Vec::new();
    loop {
        let calls = match dialogue.next(std::mem::take(&mut heard)) {
            Err(error) => return (Err(error), sent),
            Ok(Next::Done(answer)) => {
                assert_eq!(answers.next().map(|_| ()), None, "an answer is left");
                return (Ok(answer), sent);
            }
            Ok(Next::Ask(call)) => vec![call],
            Ok(Next::AskAll(calls)) => calls,
        };
        for call in calls {
            heard.push(answers.next().expect("an answer to each call"));
            sent.push(call);
        }
    }
}

fn is_of(call: &Call, script: &'static crate::Script) -> bool {
    std::ptr::eq(call.script, script)
}

fn numbers<const N: usize>(numbers: [i64; N]) -> Result<Reply, Error> {
    Ok(Reply::Array(
        numbers.into_iter().map(Reply::Integer).collect(),
    ))
}

fn text(text: &'static str) -> Reply {
    Reply::Bytes(text.into())
}

const SCORE: &str = "9000.5";

fn entered() -> Result<Reply, Error> {
    let number = Reply::Integer;
    let parts = vec![
        number(1),
        number(9000),
        number(9000),
        text(SCORE),
        number(1),
    ];
    Ok(Reply::Array(parts))
}

fn failed(effect: Effect) -> Result<Reply, Error> {
    Err(Error::new(ErrorKind::Unavailable, effect))
}

#[test]
fn an_index_that_does_not_answer_leaves_no_doubt_about_the_session() {
    let (keys, request) = (keys(), insert_request(None));
    let (answer, sent) = carry(insert(&keys, &request), vec![failed(Effect::Unknown)]);
    assert_eq!(answer.unwrap_err().effect(), Effect::NotApplied);
    assert_eq!(sent.len(), 1);
}

#[test]
fn a_session_that_was_not_stored_leaves_the_index_if_nobody_else_has_entered_it() {
    let (keys, request) = (keys(), insert_request(None));
    let answers = vec![entered(), failed(Effect::NotApplied), numbers([1])];
    let (answer, sent) = carry(insert(&keys, &request), answers);
    assert_eq!(answer.unwrap_err().effect(), Effect::NotApplied);
    let leave = sent.last().unwrap();
    assert!(is_of(leave, &crate::script::LEAVE));
    let name = Bytes::from(keys.name(&request.id));
    assert_eq!(leave.args, [name, Bytes::from(SCORE)]);
}

#[test]
fn a_session_that_may_have_been_stored_stays_in_the_index() {
    let (keys, request) = (keys(), insert_request(None));
    let (answer, sent) = carry(
        insert(&keys, &request),
        vec![entered(), failed(Effect::Unknown)],
    );
    assert_eq!(answer.unwrap_err().effect(), Effect::Unknown);
    assert_eq!(sent.len(), 2);
}

#[test]
fn what_follows_a_write_does_not_fail_it() {
    let (keys, request) = (keys(), write_request());
    // It was bob's, and has a deadline of its own.
    let remaining = Reply::Integer(5);
    let was = [text("bob"), Reply::Integer(7000)];
    let parts = [
        Reply::Integer(1),
        remaining,
        Reply::Array(vec![]),
        Reply::Nil,
    ];
    let written = Ok(Reply::Array(parts.into_iter().chain(was).collect()));
    let lost = || failed(Effect::Unknown);
    let answers = vec![entered(), written, lost(), lost(), lost()];
    let (answer, sent) = carry(write(&keys, &request), answers);
    assert!(matches!(answer, Ok(WriteAnswer::Written(_))));
    let scripts = [
        &crate::script::ENTER,
        &crate::script::WRITE,
        &crate::script::LEAVE,
        &crate::script::ENTER_WITHOUT_GROWTH,
        &crate::script::MEMBER,
    ];
    assert!(
        sent.iter()
            .zip(scripts)
            .all(|(call, script)| is_of(call, script))
    );
}

#[test]
fn a_deadline_beyond_the_listed_one_is_listed_first() {
    let (keys, request) = (keys(), write_request());
    let unlisted = || {
        Ok(Reply::Array(vec![
            Reply::Integer(4),
            Reply::Nil,
            Reply::Integer(9500),
        ]))
    };
    let extended = [1, 9500, 9500].map(Reply::Integer).into_iter();
    let extended = extended
        .chain([text("9500.5"), Reply::Integer(0)])
        .collect();
    let answers = vec![
        entered(),
        unlisted(),
        Ok(Reply::Array(extended)),
        numbers([0]),
        numbers([1]),
    ];
    let (answer, sent) = carry(write(&keys, &request), answers);
    assert!(matches!(answer, Ok(WriteAnswer::Gone)));
    assert_eq!(sent[2].args[2], "=9500");
    // It was gone in the end, and leaves the index under its latest score.
    assert_eq!(sent[4].args[1], "9500.5");

    // A script that answers the same again makes no sense, and no loop.
    let listed = vec![Reply::Integer(4), Reply::Nil, Reply::Integer(9000)];
    let answers = vec![entered(), Ok(Reply::Array(listed))];
    let (answer, _) = carry(write(&keys, &request), answers);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::CorruptReply);
}

fn crowded(members: &[(&'static str, i64)]) -> Result<Reply, Error> {
    let count = i64::try_from(members.len()).unwrap();
    let mut parts = vec![Reply::Integer(5), Reply::Integer(count)];
    for (name, young) in members {
        parts.extend([text(name), text("1.5"), Reply::Integer(*young)]);
    }
    Ok(Reply::Array(parts))
}

fn limit(on_excess: OnExcess) -> Option<PrincipalLimit> {
    let max = NonZeroU32::MIN;
    Some(PrincipalLimit { max, on_excess })
}

#[test]
fn sessions_about_to_be_stored_are_waited_for_but_not_for_ever() {
    let (keys, request) = (keys(), insert_request(limit(OnExcess::EvictOldest)));
    let round = || [crowded(&[("a", 1)]), numbers([0])];
    let answers: Vec<_> = (0..8).flat_map(|_| round()).collect();
    let (answer, _) = carry(insert(&keys, &request), answers);
    let refused = InsertAnswer::Refused(Refusal::TooManySessions);
    assert_eq!(answer.unwrap(), refused);

    let (keys, request) = (keys, insert_request(limit(OnExcess::Refuse)));
    let (answer, _) = carry(insert(&keys, &request), round().into());
    assert_eq!(answer.unwrap(), refused);
}

#[test]
fn dead_members_leave_as_the_next_is_entered() {
    let (keys, request) = (keys(), insert_request(limit(OnExcess::Refuse)));
    let inserted = numbers([1, 9000]);
    let answers = vec![crowded(&[("a", 0)]), numbers([0]), entered(), inserted];
    let (answer, sent) = carry(insert(&keys, &request), answers);
    assert!(matches!(answer, Ok(InsertAnswer::Inserted { .. })));
    assert_eq!(sent[2].args[4..], ["a", "1.5"]);
}

#[test]
fn an_eviction_leaves_doubt_when_what_follows_fails() {
    let (keys, request) = (keys(), insert_request(limit(OnExcess::EvictOldest)));
    let live = || {
        Ok(Reply::Array(vec![
            Reply::Integer(1),
            text("then"),
            text("now"),
        ]))
    };
    let ended = || Ok(Reply::Array(vec![Reply::Integer(1), text("ann")]));
    let evicting = || vec![crowded(&[("a", 0)]), live(), ended()];
    for rest in [
        vec![failed(Effect::NotApplied)],
        vec![entered(), failed(Effect::NotApplied), numbers([1])],
    ] {
        let answers = evicting().into_iter().chain(rest).collect();
        let (answer, _) = carry(insert(&keys, &request), answers);
        assert_eq!(answer.unwrap_err().effect(), Effect::Unknown);
    }
}

#[test]
fn a_revocation_that_fails_midway_leaves_doubt() {
    let catcher = Catcher::default();
    assert!(ready(catcher.revoke_sessions(&ann(), None)).is_err());
    let (keys, request) = (keys(), catcher.revoke.into_inner().unwrap().unwrap());
    let page = || {
        let member = |name| [text(name), text("1.5"), Reply::Integer(0)];
        let head = [Reply::Integer(1), Reply::Integer(2), text("1.5")];
        let parts = head.into_iter().chain(member("a")).chain(member("b"));
        Ok(Reply::Array(parts.collect()))
    };
    let ended = || Ok(Reply::Array(vec![Reply::Integer(1), text("ann")]));
    let away = || failed(Effect::NotApplied);
    let (answer, _) = carry(revoke(&keys, &request), vec![page(), away(), ended()]);
    assert_eq!(answer.unwrap_err().effect(), Effect::Unknown);
    let (answer, _) = carry(revoke(&keys, &request), vec![page(), away(), away()]);
    assert_eq!(answer.unwrap_err().effect(), Effect::NotApplied);
}

/// It is looked for under two names. Entered under the one that it does not have, beside the one that it has, it
/// would count twice, and a limit would end it for a log-in that fits.
#[test]
fn a_session_of_two_forms_is_entered_under_no_name_that_it_does_not_have() {
    let keys = KeySpace::new(KeyPrefix::default(), IdStorage::HashedAfterPlain);
    let keys = keys.at(Topology::Cluster);
    let request = write_request();
    let gone = || numbers([0]);
    let (answer, sent) = carry(
        crate::dialogue::write(&keys, &request),
        vec![gone(), gone(), gone()],
    );
    assert_eq!(answer.unwrap(), WriteAnswer::Gone);
    assert!(sent.iter().all(|call| is_of(call, &crate::script::WRITE)));
    let names: Vec<Bytes> = sent.iter().map(|call| call.keys[0].clone()).collect();
    let [hashed, plain, again] = names.as_slice() else {
        panic!("three calls");
    };
    assert_eq!(hashed, again);
    assert_ne!(hashed, plain);
}

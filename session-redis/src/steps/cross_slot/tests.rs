//! What the conformance suite cannot bring about: calls that fail between two steps.

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::backend::RedisBackend;
use crate::endpoint::Endpoint;
use crate::key_format::IdStorage;
use crate::keys::{KeyPrefix, KeySpace, Topology};
use crate::reply::Reply;
use crate::script::{self, Script};
use crate::settings::Settings;
use crate::testing::{Scripted, all_slots_at};
use session_core::steps::{
    ListRequest, RemoveOutcome, RemoveRequest, RevokeRequest, RevokeTarget, Target,
};
use session_core::{
    Delta, Effect, Error, ErrorKind, NewSession, OnExcess, PrincipalLimit, PublicId,
    SessionBackend, SessionId, SessionPolicy,
};

fn ann() -> Principal {
    Principal::new("ann").unwrap()
}

/// The request that creates a session of ann's.
fn insert_request() -> InsertRequest {
    insert_under(&SessionPolicy::new())
}

/// The same, where ann may have one session.
fn limited_request(on_excess: OnExcess) -> InsertRequest {
    let max = NonZeroU32::MIN;
    let limit = PrincipalLimit { max, on_excess };
    insert_under(&SessionPolicy::new().with_principal_limit(limit))
}

fn insert_under(policy: &SessionPolicy) -> InsertRequest {
    let new = NewSession::default().bind(ann());
    InsertRequest::new(policy, SessionId::random().unwrap(), new).unwrap()
}

/// The request that binds a session to ann.
fn write_request() -> WriteRequest {
    let id = SessionId::random().unwrap();
    let delta = Delta::new().bind(ann());
    WriteRequest::new(&SessionPolicy::new(), id, delta).unwrap()
}

/// A backend whose only node gives these replies.
struct Rig {
    node: Scripted,
    backend: RedisBackend<Scripted>,
    keys: KeySpace,
}

impl Rig {
    fn of(replies: Vec<Result<Reply>>) -> Self {
        Self::with(IdStorage::Plain, replies)
    }

    fn with(storage: IdStorage, replies: Vec<Result<Reply>>) -> Self {
        let first = Scripted::default().reply(1, all_slots_at(1));
        let node = replies
            .into_iter()
            .fold(first, |node, reply| node.reply(1, reply));
        let settings = Settings {
            id_storage: storage,
            // Too short for a pause: nothing is sent again.
            deadline: Duration::from_millis(5),
            ..Settings::default()
        };
        let seeds = vec![Endpoint::tcp("host", 1)];
        Self {
            backend: RedisBackend::cluster(node.clone(), seeds, settings),
            node,
            keys: KeySpace::new(KeyPrefix::default(), storage).at(Topology::Cluster),
        }
    }

    /// The scripts that ran, each with its keys and arguments; every reply was asked for.
    fn sent(&self) -> Vec<(&'static str, Vec<Bytes>)> {
        assert!(self.node.is_exhausted(), "a reply is left");
        let calls = self.node.sent().into_iter();
        let calls = calls.filter(|(_, command)| command.name() == "EVALSHA");
        calls
            .map(|(_, command)| {
                let sha = command.word().unwrap();
                (sha, command.args().shared().collect())
            })
            .collect()
    }
}

fn is_of(call: &(&'static str, Vec<Bytes>), script: &'static Script) -> bool {
    call.0 == script.sha()
}

/// An array of these.
fn reply(parts: impl IntoIterator<Item = Reply>) -> Result<Reply> {
    Ok(Reply::Array(parts.into_iter().collect()))
}

fn numbers<const N: usize>(numbers: [i64; N]) -> Result<Reply> {
    reply(numbers.map(Reply::Integer))
}

fn text(text: &str) -> Reply {
    Reply::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

fn not_found() -> Result<Reply> {
    numbers([0])
}

/// The entry has this deadline now, and this score; whether it is a new one.
fn added_with(deadline: i64, score: &str, is_new: i64) -> Result<Reply> {
    let number = Reply::Integer;
    reply([
        number(1),
        number(deadline),
        number(deadline),
        text(score),
        number(is_new),
    ])
}

const SCORE: &str = "9000.5";

fn added() -> Result<Reply> {
    added_with(9000, SCORE, 1)
}

/// The session needs an entry: the step is possible, but for that.
fn not_indexed(deadline: i64) -> Result<Reply> {
    reply([
        Reply::Integer(4),
        Reply::Nil,
        Reply::Integer(deadline),
        Reply::Nil,
    ])
}

fn failed(effect: Effect) -> Result<Reply> {
    // Rejected, so that the routing takes it for the result.
    Err(Error::new(ErrorKind::Rejected, effect))
}

const PUBLIC_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// An entry of an index, of a session that is stored under some key.
fn entry(name: &str) -> String {
    format!("{PUBLIC_ID}{name}")
}

#[tokio::test(start_paused = true)]
async fn an_index_that_does_not_reply_leaves_no_doubt_about_the_session() {
    let rig = Rig::of(vec![failed(Effect::Unknown)]);
    let outcome = rig.backend.insert(&insert_request()).await;
    assert_eq!(outcome.unwrap_err().effect(), Effect::NotApplied);
    assert_eq!(rig.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_entry_of_a_session_that_was_not_stored_is_removed_if_it_is_still_the_same() {
    let rig = Rig::of(vec![added(), failed(Effect::NotApplied), numbers([1])]);
    let request = insert_request();
    let outcome = rig.backend.insert(&request).await;
    assert_eq!(outcome.unwrap_err().effect(), Effect::NotApplied);
    let sent = rig.sent();
    let removal = sent.last().unwrap();
    assert!(is_of(removal, &script::INDEX_REMOVE));
    let public_id = request.session.public_id().unwrap();
    let suffix = rig.keys.suffix(&request.id);
    let entry = entry_of(public_id.as_str().as_bytes(), &suffix);
    assert_eq!(removal.1[2..], [entry, Bytes::from(SCORE)]);
}

#[tokio::test(start_paused = true)]
async fn the_entry_of_a_session_that_may_have_been_stored_stays() {
    let rig = Rig::of(vec![added(), failed(Effect::Unknown)]);
    let outcome = rig.backend.insert(&insert_request()).await;
    assert_eq!(outcome.unwrap_err().effect(), Effect::Unknown);
    assert_eq!(rig.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_write_does_not_fail_it() {
    // It was bob's, and has a deadline of its own.
    let number = Reply::Integer;
    let head = [number(1), number(5), Reply::Array(vec![]), Reply::Nil];
    let former = [text("bob"), text(PUBLIC_ID), number(7000)];
    let written = reply(head.into_iter().chain(former));
    let lost = || failed(Effect::Unknown);
    let rig = Rig::of(vec![added(), written, lost(), lost()]);
    let request = write_request();
    let outcome = rig.backend.write(&request).await;
    assert!(matches!(outcome, Ok(WriteOutcome::Written(_))));
    let sent = rig.sent();
    let scripts = [
        &script::INDEX_ADD,
        &script::WRITE,
        &script::INDEX_ADD_WITHOUT_GROWTH,
        &script::INDEX_REMOVE,
    ];
    let shas: Vec<_> = sent.iter().map(|call| call.0).collect();
    assert_eq!(shas, scripts.map(Script::sha));
    // Bob's index, and the entry that it had.
    let Target::Id(id) = &request.target else {
        panic!("an id");
    };
    let former = entry_of(PUBLIC_ID.as_bytes(), &rig.keys.suffix(id));
    assert_eq!(sent[3].1[1..3], [Bytes::from("session:@bob"), former]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_beyond_that_of_the_entry_is_entered_first() {
    let raised = added_with(9500, "9500.5", 0);
    let replies = vec![
        added(),
        not_indexed(9500),
        raised,
        not_found(),
        numbers([1]),
    ];
    let rig = Rig::of(replies);
    let outcome = rig.backend.write(&write_request()).await;
    assert!(matches!(outcome, Ok(WriteOutcome::NotFound)));
    let sent = rig.sent();
    assert_eq!(sent[2].1[4], "=9500");
    // It was not found in the end, and its entry is removed under the latest score.
    assert_eq!(sent[4].1[3], "9500.5");

    // A script that says the same again makes no sense, and no loop.
    let rig = Rig::of(vec![added(), not_indexed(9000)]);
    let outcome = rig.backend.write(&write_request()).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::CorruptReply);
}

fn over_quota(entries: &[(&str, i64)]) -> Result<Reply> {
    let count = i64::try_from(entries.len()).unwrap();
    let head = [Reply::Integer(5), Reply::Integer(count)];
    reply(head.into_iter().chain(parts_of(entries)))
}

/// Entries with their scores, and whether they are pending.
fn parts_of(entries: &[(&str, i64)]) -> impl Iterator<Item = Reply> {
    let parts = |(name, is_pending): &(&str, i64)| {
        [text(&entry(name)), text("1.5"), Reply::Integer(*is_pending)]
    };
    entries.iter().flat_map(parts)
}

#[tokio::test(start_paused = true)]
async fn sessions_about_to_be_stored_are_waited_for_but_not_for_ever() {
    let refused = InsertOutcome::Refused(Refusal::TooManySessions);
    for (on_excess, rounds) in [(OnExcess::EvictOldest, 8), (OnExcess::Refuse, 1)] {
        let mut replies = vec![over_quota(&[("a", 1)]), not_found(), not_indexed(0)];
        for _ in 1..rounds {
            replies.extend([over_quota(&[("a", 1)]), not_found()]);
        }
        let rig = Rig::of(replies);
        let outcome = rig.backend.insert(&limited_request(on_excess)).await;
        assert_eq!(outcome.unwrap(), refused);
        rig.sent();
    }
}

#[tokio::test(start_paused = true)]
async fn entries_of_ended_sessions_are_removed_as_the_next_is_added() {
    let inserted = numbers([1, 8000, 9000]);
    let over_quota = over_quota(&[("a", 0)]);
    let replies = vec![over_quota, not_found(), not_indexed(0), added(), inserted];
    let rig = Rig::of(replies);
    let request = limited_request(OnExcess::Refuse);
    let outcome = rig.backend.insert(&request).await;
    assert!(matches!(outcome, Ok(InsertOutcome::Inserted(_))));
    assert_eq!(rig.sent()[3].1[6..], [entry("a"), "1.5".to_owned()]);
}

/// What a list shows of a session.
fn listed() -> Result<Reply> {
    reply([Reply::Integer(1), text("then"), text("now"), Reply::Nil])
}

fn removed() -> Result<Reply> {
    reply([Reply::Integer(1), text("ann"), text(PUBLIC_ID)])
}

#[tokio::test(start_paused = true)]
async fn an_eviction_leaves_doubt_when_what_follows_fails() {
    for rest in [
        vec![failed(Effect::NotApplied)],
        vec![added(), failed(Effect::NotApplied), numbers([1])],
    ] {
        let evicting = [over_quota(&[("a", 0)]), listed(), not_indexed(0), removed()];
        let rig = Rig::of(evicting.into_iter().chain(rest).collect());
        let request = limited_request(OnExcess::EvictOldest);
        let outcome = rig.backend.insert(&request).await;
        assert_eq!(outcome.unwrap_err().effect(), Effect::Unknown);
        rig.sent();
    }
}

fn page(entries: &[(&str, i64)]) -> Result<Reply> {
    let count = i64::try_from(entries.len()).unwrap();
    let head = [Reply::Integer(1), Reply::Integer(count), text("1.5")];
    reply(head.into_iter().chain(parts_of(entries)))
}

/// An entry that was looked at twice without finding its session is looked at once more if another
/// entry that the list has found has changed: the session may have moved. An entry that somebody
/// left behind does not keep the list from ending.
#[tokio::test(start_paused = true)]
async fn a_session_that_moves_after_the_second_look_is_listed() {
    let both = || page(&[("a", 0), ("b", 1)]);
    for last in [
        // The session is under its second key: its first entry is removed.
        [page(&[("b", 1)]), listed()],
        [both(), not_found()],
    ] {
        let looks = [both(), listed(), not_found(), not_found()];
        let rig = Rig::of(looks.into_iter().chain(last).collect());
        let list = rig.backend.list(&ListRequest::new(ann())).await.unwrap();
        assert_eq!(list.len(), 1);
        rig.sent();
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_fails_midway_leaves_doubt() {
    let request = RevokeRequest::new(ann(), RevokeTarget::All);
    let down = || failed(Effect::NotApplied);
    for (last, effect) in [(removed(), Effect::Unknown), (down(), Effect::NotApplied)] {
        let rig = Rig::of(vec![page(&[("a", 0), ("b", 0)]), down(), last]);
        let outcome = rig.backend.revoke(&request).await;
        assert_eq!(outcome.unwrap_err().effect(), effect);
        rig.sent();
    }
}

/// It is looked for under two keys. With an entry for the one that it does not have, beside that
/// for the one that it has, it would count twice, and a limit would end it for a log-in that fits.
#[tokio::test(start_paused = true)]
async fn a_session_of_two_formats_gets_no_entry_for_a_key_that_it_does_not_have() {
    let rig = Rig::with(IdStorage::HashedAfterPlain, vec![not_found(), not_found()]);
    let outcome = rig.backend.write(&write_request()).await;
    assert_eq!(outcome.unwrap(), WriteOutcome::NotFound);
    let sent = rig.sent();
    assert!(sent.iter().all(|call| is_of(call, &script::WRITE)));
    assert_ne!(sent[0].1[1], sent[1].1[1]);
}

/// A session that is moved between the look at the index and the step is looked for again.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_moved_meanwhile_is_found_by_its_public_id() {
    let found = |names: &[&str]| {
        let entries = names.iter().map(|name| text(&entry(name)));
        reply([Reply::Integer(1), text("0")].into_iter().chain(entries))
    };
    let target = || Target::PublicId {
        principal: ann(),
        public_id: PublicId::parse(PUBLIC_ID).unwrap(),
    };
    let rig = Rig::of(vec![
        found(&["a", "b"]),
        not_found(),
        not_found(),
        found(&["b"]),
        removed(),
        numbers([1]),
    ]);
    let outcome = rig.backend.remove(&RemoveRequest::new(target())).await;
    assert_eq!(outcome.unwrap(), RemoveOutcome::Removed);
    let sent = rig.sent();
    let keys: Vec<&Bytes> = [1, 2, 4].map(|call: usize| &sent[call].1[1]).into();
    assert_eq!(keys, ["session:b", "session:a", "session:b"]);
    // Each says whose session is meant.
    for call in [1, 2, 4] {
        assert_eq!(sent[call].1[3..5], ["ann", PUBLIC_ID]);
    }
    // Without an entry there is nothing to look for.
    let rig = Rig::of(vec![found(&[])]);
    let outcome = rig.backend.remove(&RemoveRequest::new(target())).await;
    assert_eq!(outcome.unwrap(), RemoveOutcome::NotFound);
}

//! What the conformance suite cannot bring about: calls that fail between two steps.

use std::time::Duration;

use super::*;
use crate::backend::RedisBackend;
use crate::endpoint::Endpoint;
use crate::key_format::IdStorage;
use crate::keys::{KeyPrefix, KeySpace, Topology};
use crate::reply::Reply;
use crate::script::{self, Script};
use crate::settings::Settings;
use crate::testing::{Scripted, Warnings, all_slots_at};
use session_core::steps::{
    ListRequest, RemoveOutcome, RemoveRequest, RevokeRequest, RevokeTarget, Target,
};
use session_core::{
    Delta, Effect, Error, ErrorKind, NewSession, OnExcess, PageRequest, PrincipalLimit, PublicId,
    SessionBackend, SessionCount, SessionId, SessionPolicy,
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
    insert_under(&limited(on_excess))
}

fn limited(on_excess: OnExcess) -> SessionPolicy {
    let max = SessionCount::new(1).unwrap();
    SessionPolicy::new().with_principal_limit(PrincipalLimit { max, on_excess })
}

fn insert_under(policy: &SessionPolicy) -> InsertRequest {
    let new = NewSession::default().bind(ann());
    InsertRequest::new(policy, SessionId::random().unwrap(), new).unwrap()
}

/// The request that binds a session to ann.
fn write_request() -> WriteRequest {
    write_under(&SessionPolicy::new())
}

fn write_under(policy: &SessionPolicy) -> WriteRequest {
    let id = SessionId::random().unwrap();
    let delta = Delta::new().bind(ann());
    WriteRequest::new(policy, id, delta).unwrap()
}

/// A public id: of all sessions here.
const PUBLIC_ID: &str = "AAAAAAAAAAAAAAAA";

// Replies: the parts of an array, which are numbers, texts (`'0` is one too), nothing (`-`), an
// empty array, and entries (`#a`: the public id, and `a` for the key's suffix).
const DONE: &str = "1";
const NOT_FOUND: &str = "0";
const ADDED: &str = "1 9000 9000 9000.5 1";
/// The session needs an entry, with no deadline: the step is possible, but for that.
const NOT_INDEXED: &str = "4 - 0 -";
/// What a list shows of a session.
const LISTED: &str = "1 then now -";
const REMOVED: &str = "1 ann # -";
// Errors. Rejected, so that the routing takes them for the result.
const NOT_APPLIED: &str = "not applied";
const UNKNOWN: &str = "unknown";

fn parse(reply: &str) -> Result<Reply> {
    let part = |word: &str| match word {
        "-" => Reply::Nil,
        "[]" => Reply::Array(Vec::new()),
        _ => match word.parse() {
            Ok(number) => Reply::Integer(number),
            Err(_) => Reply::Bytes(word.trim_start_matches('\'').replace('#', PUBLIC_ID).into()),
        },
    };
    match reply {
        NOT_APPLIED => Err(Error::new(ErrorKind::Rejected, Effect::NotApplied)),
        UNKNOWN => Err(Error::new(ErrorKind::Rejected, Effect::Unknown)),
        _ => Ok(Reply::Array(reply.split(' ').map(part).collect())),
    }
}

/// A script that ran, its keys and its arguments.
type Call = (&'static str, Vec<Bytes>);

/// A backend whose only node gives these replies.
struct Rig {
    node: Scripted,
    backend: RedisBackend<Scripted>,
    keys: KeySpace,
}

impl Rig {
    fn of(replies: &[&str]) -> Self {
        Self::with(IdStorage::Plain, replies)
    }

    fn with(storage: IdStorage, replies: &[&str]) -> Self {
        let node = Scripted::default().reply(1, all_slots_at(1));
        let replies = replies.iter();
        let node = replies.fold(node, |node, reply| node.reply(1, parse(reply)));
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

    /// The calls; every reply was asked for.
    fn sent(&self) -> Vec<Call> {
        assert!(self.node.is_exhausted(), "a reply is left");
        let commands = self.node.sent().into_iter().map(|(_, command)| command);
        let calls = commands.filter(|command| command.name() == "EVALSHA");
        calls
            .map(|call| (call.word().unwrap(), call.args().shared().collect()))
            .collect()
    }
}

/// The effect of an insert of which the node replies so, and the calls.
async fn failed_insert(request: InsertRequest, replies: &[&str]) -> (Effect, Vec<Call>) {
    let rig = Rig::of(replies);
    let outcome = rig.backend.insert(&request).await;
    (outcome.unwrap_err().effect(), rig.sent())
}

#[tokio::test(start_paused = true)]
async fn a_failed_insert_leaves_doubt_only_if_the_session_may_have_been_stored() {
    // The index does not reply: the session is not sent.
    let (effect, sent) = failed_insert(insert_request(), &[UNKNOWN]).await;
    assert_eq!((effect, sent.len()), (Effect::NotApplied, 1));
    // The entry of a session that may have been stored stays.
    let (effect, sent) = failed_insert(insert_request(), &[ADDED, UNKNOWN]).await;
    assert_eq!((effect, sent.len()), (Effect::Unknown, 2));
    // That of one that was not is removed, if it is still the same.
    let request = insert_request();
    let public_id = request.session.public_id().unwrap();
    let entry = format!("{public_id}{}", request.id.expose());
    let (effect, sent) = failed_insert(request, &[ADDED, NOT_APPLIED, DONE]).await;
    assert_eq!(effect, Effect::NotApplied);
    assert_eq!(sent[2].0, script::INDEX_REMOVE.sha());
    assert_eq!(sent[2].1[2..], [entry, "9000.5".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_write_does_not_fail_it() {
    // It was bob's, and has a deadline of its own.
    let rig = Rig::of(&[ADDED, "1 5 [] - bob # 7000", UNKNOWN, UNKNOWN]);
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
    let raised = "1 9500 9500 9500.5 0";
    let rig = Rig::of(&[ADDED, "4 - 9500 -", raised, NOT_FOUND, DONE]);
    let outcome = rig.backend.write(&write_request()).await;
    assert!(matches!(outcome, Ok(WriteOutcome::NotFound)));
    let sent = rig.sent();
    assert_eq!(sent[2].1[4], "=9500");
    // It was not found in the end, and its entry is removed under the latest score.
    assert_eq!(sent[4].1[3], "9500.5");

    // A script that says the same again makes no sense, and no loop.
    let rig = Rig::of(&[ADDED, "4 - 9000 -"]);
    let outcome = rig.backend.write(&write_request()).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::CorruptReply);
}

/// Ann has an entry already.
const OVER_QUOTA: &str = "5 1 #a 1.5 0";
/// Ann has a pending one.
const PENDING: &str = "5 1 #a 1.5 1";

#[tokio::test(start_paused = true)]
async fn sessions_about_to_be_stored_are_waited_for_but_not_for_ever() {
    for (on_excess, rounds) in [(OnExcess::EvictOldest, 8), (OnExcess::Refuse, 1)] {
        let mut replies = vec![PENDING, NOT_FOUND, NOT_INDEXED];
        for _ in 1..rounds {
            replies.extend([PENDING, NOT_FOUND]);
        }
        let rig = Rig::of(&replies);
        let outcome = rig.backend.insert(&limited_request(on_excess)).await;
        let refused = InsertOutcome::Refused(Refusal::TooManySessions);
        assert_eq!(outcome.unwrap(), refused);
        rig.sent();
    }
}

#[tokio::test(start_paused = true)]
async fn entries_of_ended_sessions_are_removed_as_the_next_is_added() {
    let rig = Rig::of(&[OVER_QUOTA, NOT_FOUND, NOT_INDEXED, ADDED, "1 8000 9000"]);
    let request = limited_request(OnExcess::Refuse);
    let outcome = rig.backend.insert(&request).await;
    assert!(matches!(outcome, Ok(InsertOutcome::Inserted(_))));
    let entry = format!("{PUBLIC_ID}a");
    assert_eq!(rig.sent()[3].1[6..], [&*entry, "1.5"]);
}

/// However they were ended, by steps of their own or by the log-in's script, the first ones of a
/// principal are warned of.
#[tokio::test(start_paused = true)]
async fn sessions_that_end_for_a_limit_are_warned_of_once() {
    let stored = "1 8000 9000";
    let by_steps = [OVER_QUOTA, LISTED, NOT_INDEXED, REMOVED, ADDED, stored];
    for replies in [&by_steps[..], &[ADDED, "7 8000 9000"]] {
        let warnings = Warnings::default();
        let _guard = tracing::subscriber::set_default(warnings.clone());
        let rig = Rig::of(&replies.repeat(2));
        for _ in 0..2 {
            let request = limited_request(OnExcess::EvictOldest);
            let outcome = rig.backend.insert(&request).await;
            assert!(matches!(outcome, Ok(InsertOutcome::Inserted(_))));
            assert_eq!(warnings.count(), 1);
        }
    }
}

/// Of the live sessions the oldest log-ins end, one without before all others, then the least
/// public id.
#[tokio::test(start_paused = true)]
async fn the_oldest_log_ins_are_ended() {
    let entries = "5 5 #a 1.5 0 #b 2.5 0 #c 3.5 0 #d 4.5 0 #e 5.5 0";
    let log_ins = [
        "1 then now '7",
        "1 then now '8",
        "1 then now -",
        "1 then now '5",
        NOT_FOUND,
    ];
    let rest = [
        NOT_INDEXED,
        REMOVED,
        REMOVED,
        REMOVED,
        REMOVED,
        ADDED,
        "1 8000 9000",
    ];
    let rig = Rig::of(&[&[entries][..], &log_ins, &rest].concat());
    let request = limited_request(OnExcess::EvictOldest);
    rig.backend.insert(&request).await.unwrap();
    let ended = rig.sent().into_iter();
    let ended = ended.filter(|call| call.0 == script::REMOVE.sha());
    let keys: Vec<_> = ended.map(|call| call.1[1].clone()).collect();
    assert_eq!(keys, ["c", "d", "a", "b"].map(|it| format!("session:{it}")));
}

#[tokio::test(start_paused = true)]
async fn an_eviction_leaves_doubt_when_what_follows_fails() {
    let evicting = [OVER_QUOTA, LISTED, NOT_INDEXED, REMOVED];
    for rest in [&[NOT_APPLIED][..], &[ADDED, NOT_APPLIED, DONE]] {
        let request = limited_request(OnExcess::EvictOldest);
        let (effect, _) = failed_insert(request, &[&evicting, rest].concat()).await;
        assert_eq!(effect, Effect::Unknown);
    }
}

/// What was possible at the look is refused after others were ended for it: not "nothing was
/// changed". Where nobody was ended it is.
#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_eviction_leaves_doubt() {
    let evicting = [OVER_QUOTA, LISTED, NOT_INDEXED, REMOVED];
    let refused: [&[&str]; 2] = [&[ADDED, "3 6", DONE], &[PENDING, NOT_FOUND].repeat(8)];
    for rest in refused {
        let rig = Rig::of(&[&evicting, rest].concat());
        let outcome = rig
            .backend
            .write(&write_under(&limited(OnExcess::EvictOldest)))
            .await;
        assert_eq!(outcome.unwrap_err().effect(), Effect::Unknown);
        rig.sent();
    }
    for (ended, effect) in [
        (NOT_APPLIED, Effect::NotApplied),
        (UNKNOWN, Effect::Unknown),
    ] {
        let request = limited_request(OnExcess::EvictOldest);
        let looks = [OVER_QUOTA, LISTED, NOT_INDEXED, ended];
        assert_eq!(failed_insert(request, &looks).await.0, effect);
    }
}

/// Two entries, the second one pending.
const PAGE: &str = "1 ' #a 1.5 0 #b 1.5 1";

/// A session is found under its first key, and moves to a second one after that was looked at
/// twice: it is listed. An entry that somebody left behind does not keep a list from ending: it
/// costs one look at the index more. An entry that is new there is looked at.
#[tokio::test(start_paused = true)]
async fn a_list_looks_once_more_at_pending_entries() {
    let lasts: [&[&str]; 3] = [&["1 ' #b 1.5 1"], &[PAGE], &["1 ' #c 1.5 1", LISTED]];
    for last in lasts {
        let looks = [PAGE, LISTED, NOT_FOUND, NOT_FOUND];
        let rig = Rig::of(&[&looks[..], last].concat());
        let page = PageRequest::default();
        let request = ListRequest::new(&SessionPolicy::new(), ann(), Vec::new(), page).unwrap();
        let list = rig.backend.list(&request).await.unwrap();
        assert_eq!((list.sessions.len(), list.next), (1, None));
        rig.sent();
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_fails_midway_leaves_doubt() {
    let request = RevokeRequest::new(ann(), RevokeTarget::All, PageRequest::default());
    for (last, effect) in [
        (REMOVED, Effect::Unknown),
        (NOT_APPLIED, Effect::NotApplied),
    ] {
        let rig = Rig::of(&["1 ' #a 1.5 0 #b 1.5 0", NOT_APPLIED, last]);
        let outcome = rig.backend.revoke(&request).await;
        assert_eq!(outcome.unwrap_err().effect(), effect);
        rig.sent();
    }
}

/// A page ends between two public ids, wherever the entries of one session are: else one that moves
/// from the last entry of a page to the first of the next would be on neither.
#[test]
fn a_page_holds_all_entries_of_a_session_or_none() {
    let of_index = |entries: &[(&str, &str)]| -> Vec<quota::Entry> {
        let entry = |(text, score): &(&str, &str)| quota::Entry {
            index: Bytes::new(),
            entry: format!("{}{}", text[..1].repeat(PublicId::LEN), &text[1..]).into(),
            score: Bytes::copy_from_slice(score.as_bytes()),
            is_pending: false,
        };
        entries.iter().map(entry).collect()
    };
    let part = |entries: &[(&str, &str)], count| {
        page::part_of_deadline(UnixMillis::new(7), of_index(entries), count)
            .map(|part| (part.entries.len(), part.to.unwrap().cursor().to_string()))
    };
    let behind = |text: &str| format!("7.{}", text.repeat(PublicId::LEN));
    let same = [("A", "7.2"), ("Bx", "7.2"), ("C", "7.2"), ("By", "7.5")];
    assert_eq!(part(&same, 5), Some((4, "8".into())));
    assert_eq!(part(&same, 4), Some((3, behind("B"))));
    assert_eq!(part(&same, 3), Some((1, behind("A"))));
    assert_eq!(part(&same, 2), Some((1, behind("A"))));
    assert_eq!(part(&same[1..], 2), None);
    let whole = |count| {
        let part =
            page::whole_deadlines(of_index(&[("A", "6.1"), ("B", "7.2"), ("A", "7.5")]), count);
        (
            part.entries.len(),
            part.to.map(|to| to.cursor().to_string()),
        )
    };
    assert_eq!((whole(4), whole(3)), ((3, None), (1, Some("7".into()))));
}

/// It is looked for under two keys. With an entry for the one that it does not have, beside that
/// for the one that it has, it would count twice, and a limit would end it for a log-in that fits.
#[tokio::test(start_paused = true)]
async fn a_session_of_two_formats_gets_no_entry_for_a_key_that_it_does_not_have() {
    let rig = Rig::with(IdStorage::HashedAfterPlain, &[NOT_FOUND, NOT_FOUND]);
    let outcome = rig.backend.write(&write_request()).await;
    assert_eq!(outcome.unwrap(), WriteOutcome::NotFound);
    let sent = rig.sent();
    assert!(sent.iter().all(|call| call.0 == script::WRITE.sha()));
    assert_ne!(sent[0].1[1], sent[1].1[1]);
}

/// With two indexes each log-in adds its entry before it counts. Of those that meet, the one with
/// the least entry waits, and another one takes its entry out of the index that it added it to.
#[tokio::test(start_paused = true)]
async fn log_ins_that_meet_in_two_indexes_let_the_least_entry_through() {
    const EMPTY: &str = "1 '";
    // One with a lesser entry, and one with a greater, whatever public id is drawn.
    let lesser = format!("1 ' {}a 1.5 1", "-".repeat(PublicId::LEN));
    let greater = format!("1 ' {}a 1.5 1", "z".repeat(PublicId::LEN));
    let stored = "1 8000 9000";
    let looks = [NOT_FOUND, NOT_INDEXED];
    for (on_excess, meets, rest, is_stored) in [
        (OnExcess::Refuse, &lesser, &[DONE][..], false),
        (OnExcess::Refuse, &greater, &[EMPTY, EMPTY, stored], true),
        (
            OnExcess::EvictOldest,
            &lesser,
            &[DONE, EMPTY, EMPTY, ADDED, EMPTY, EMPTY, stored],
            true,
        ),
    ] {
        let replies = [&[ADDED, meets, EMPTY], &looks[..], rest].concat();
        let rig = Rig::with(IdStorage::HashedAfterPlain, &replies);
        let outcome = rig.backend.insert(&limited_request(on_excess)).await;
        let outcome = outcome.unwrap();
        assert_eq!(matches!(outcome, InsertOutcome::Inserted(_)), is_stored);
        let sent = rig.sent();
        let indexes = rig.keys.indexes(&ann());
        assert_eq!([&sent[1].1[1], &sent[2].1[1]], [&indexes[0], &indexes[1]]);
        for (script, args) in &sent {
            if *script == script::INDEX_ADD.sha() {
                assert_eq!((&args[1], &*args[5]), (&sent[0].1[1], &b""[..]));
            }
            if *script == script::INDEX_REMOVE.sha() {
                assert_eq!(args[1..3], sent[0].1[1..3]);
            }
        }
        assert_eq!(sent[0].1[1], indexes[0]);
    }
}

/// A script that may not look at the key behind a tombstone says so, and is sent there.
#[tokio::test(start_paused = true)]
async fn a_deletion_goes_on_at_the_key_that_the_script_may_not_look_at() {
    let id = SessionId::random().unwrap();
    let request = RemoveRequest::new(&id);
    for (replies, expected) in [
        (&["-2 b", "1 ann # c", DONE][..], RemoveOutcome::Removed),
        (&["-2 b", "-2"], RemoveOutcome::Rotated),
        (&["-2 b", NOT_FOUND], RemoveOutcome::Rotated),
        // Whatever they say, it comes back.
        (&["-2 b", "-2 c", "-2 b"], RemoveOutcome::Rotated),
    ] {
        let rig = Rig::of(replies);
        let outcome = rig.backend.remove(&request).await;
        assert_eq!(outcome.unwrap(), expected, "{replies:?}");
        let sent = rig.sent();
        assert_eq!(sent[1].1[1], "session:b");
        if expected == RemoveOutcome::Removed {
            let entry = format!("{PUBLIC_ID}c");
            assert_eq!(sent[2].1[2], entry, "of the session that was ended");
        }
    }
}

/// A session that is moved between the look at the index and the step is looked for again.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_moved_meanwhile_is_found_by_its_public_id() {
    let request = RemoveRequest::new(Target::PublicId {
        principal: ann(),
        public_id: PublicId::parse(PUBLIC_ID).unwrap(),
    });
    let looks = ["1 '0 #a #b", NOT_FOUND, NOT_FOUND, "1 '0 #b", REMOVED, DONE];
    let rig = Rig::of(&looks);
    let outcome = rig.backend.remove(&request).await;
    assert_eq!(outcome.unwrap(), RemoveOutcome::Removed);
    let sent = rig.sent();
    for (call, key) in [(1, "session:b"), (2, "session:a"), (4, "session:b")] {
        // Each says whose session is meant.
        let args: &Vec<Bytes> = &sent[call].1;
        assert_eq!(
            (&*args[1], &args[3..5]),
            (key.as_bytes(), &["ann", PUBLIC_ID].map(Bytes::from)[..])
        );
    }
    // Without an entry there is nothing to look for.
    let outcome = Rig::of(&["1 '0"]).backend.remove(&request).await;
    assert_eq!(outcome.unwrap(), RemoveOutcome::NotFound);
}

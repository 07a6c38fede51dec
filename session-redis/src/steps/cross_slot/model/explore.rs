//! All orders of the calls of a few processes, by depth-first search. Each begins from the
//! beginning again, and ends where it comes to a state that was seen before.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, RemoveOutcome, RemoveRequest, RenameOutcome, RenameRequest,
    WriteOutcome, WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, Principal, PublicId, Result, SessionBackend, SessionId,
};
use tokio::time::Instant;

use super::server::{Bound, Ran, Server, Snapshot, Store, Text, bound, hash_of};
use crate::backend::RedisBackend;
use crate::command::Command;
use crate::connection::{Connect, Connection, PushSink, ReadForm};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::key_format::IdStorage;
use crate::reply::Reply;
use crate::script;
use crate::settings::Settings;
use crate::slot::hash_slot;
use crate::testing::all_slots_at;

/// One operation of a process.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) step: Step,
    /// The binding that it makes, and of the session under which key.
    pub(super) binds: Option<(Text, Bound)>,
    /// What does not live any more after it.
    pub(super) ends: Option<Gone>,
    /// It stores a session plainly.
    pub(super) is_plain: bool,
}

#[derive(Debug)]
pub(super) enum Step {
    Insert(InsertRequest),
    Write(WriteRequest),
    Rename(RenameRequest),
    Remove(RemoveRequest),
    /// All sessions, but for the one with this id and this key.
    Revoke(Principal, Option<(SessionId, Text)>),
    List(Principal),
}

/// A session that has ended, or been moved: its key, or one of its bindings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Gone {
    Key(Text),
    Bound(Bound),
}

/// What an operation has returned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    Done,
    /// Not found, or refused.
    Nothing,
    Revoked(u64),
    Listed(Vec<Text>),
    Failed(Effect),
}

impl Ended {
    fn has_changed_nothing(&self) -> bool {
        matches!(self, Self::Nothing | Self::Failed(Effect::NotApplied))
    }
}

async fn run(step: &Step, backend: &dyn SessionBackend) -> Ended {
    let ended = match step {
        Step::Insert(request) => {
            let outcome = backend.insert(request).await;
            outcome.map(|it| done(matches!(it, InsertOutcome::Inserted(_))))
        }
        Step::Write(request) => {
            let outcome = backend.write(request).await;
            outcome.map(|it| done(matches!(it, WriteOutcome::Written(_))))
        }
        Step::Rename(request) => {
            let outcome = backend.rename(request).await;
            outcome.map(|it| done(matches!(it, RenameOutcome::Renamed(_))))
        }
        Step::Remove(request) => {
            let outcome = backend.remove(request).await;
            outcome.map(|it| done(matches!(it, RemoveOutcome::Removed)))
        }
        Step::Revoke(principal, keep) => {
            let keep = keep.as_ref().map(|(id, _)| id);
            let ended = backend.revoke_sessions(principal, keep).await;
            ended.map(Ended::Revoked)
        }
        Step::List(principal) => backend.list_sessions(principal).await.map(|list| {
            let ids = list.iter().map(|it| it.public_id.as_str().into());
            Ended::Listed(ids.collect())
        }),
    };
    ended.unwrap_or_else(|error| Ended::Failed(error.effect()))
}

fn done(is_done: bool) -> Ended {
    if is_done { Ended::Done } else { Ended::Nothing }
}

/// The connection of a process. Each call waits until it is given its reply.
#[derive(Debug, Clone, Default)]
struct Client(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    sent: Vec<(Command, Option<Result<Reply>>)>,
    ended: Vec<Ended>,
    /// The operation's time is over: it sends nothing any more.
    is_late: bool,
}

impl Client {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap()
    }
}

impl Connect for Client {
    type Connection = Self;
    const OFFERS_TLS: bool = false;

    const READ_FORM: ReadForm = ReadForm::Script;

    async fn connect(&self, _: &Endpoint, _: &Credentials, _: PushSink) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Connection for Client {
    async fn send(&self, commands: &[Command], _: Instant) -> Vec<Result<Reply>> {
        let [command] = commands else {
            return commands.iter().map(|_| Ok(Reply::Nil)).collect();
        };
        match command.name() {
            "CLUSTER" => return vec![all_slots_at(1)],
            "EVALSHA" if self.calls().is_late => return vec![Err(not_sent())],
            "EVALSHA" => {}
            _ => return vec![Ok(Reply::Nil)],
        }
        let number = self.calls().sent.len();
        self.calls().sent.push((command.clone(), None));
        let reply = poll_fn(|_| match self.calls().sent[number].1.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        });
        vec![reply.await]
    }

    async fn closed(&self) {
        std::future::pending::<()>().await;
    }
}

/// Of a kind that the routing takes for the result.
fn not_sent() -> Error {
    Error::new(ErrorKind::Rejected, Effect::NotApplied)
}

type Backend = (Client, RedisBackend<Client>);

/// The backends of the processes, and one more; where there are two formats the first one stores
/// sessions plainly. The runtime that they were connected on stands still: what is pending waits
/// for a reply.
pub(super) struct Backends {
    runtime: tokio::runtime::Runtime,
    all: Vec<Backend>,
}

impl Backends {
    pub(super) fn new(processes: usize, has_two_formats: bool) -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let backend = |number| {
            let client = Client::default();
            let settings = Settings {
                // Whose ids begin with the same characters are in one slot.
                id_storage: match (has_two_formats, number) {
                    (false, _) => IdStorage::Hashed,
                    (true, 0) => IdStorage::PlainBeforeHashed,
                    (true, _) => IdStorage::HashedAfterPlain,
                },
                deadline: Duration::from_secs(3600),
                ..Settings::default()
            };
            let seeds = vec![Endpoint::tcp("host", 1)];
            let backend = RedisBackend::cluster(client.clone(), seeds, settings);
            runtime.block_on(backend.ping()).unwrap();
            (client, backend)
        };
        let all = (0..=processes).map(backend).collect();
        Self { runtime, all }
    }
}

/// What may happen next. The numbers are a process's, and its call's.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Run(usize, usize),
    Tick,
    /// The reply is lost. The call may be run later, or never.
    Lose(usize, usize),
    /// The server refuses the call.
    Refuse(usize, usize),
    /// As `Lose`, for all of the calls; and the operation has no time for others.
    TimeOut(usize),
    /// The same, and nobody hears of it.
    Crash(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Waiting,
    /// It may be run, and nobody waits for it.
    Orphaned,
    /// And the hash of its reply.
    Over(u64),
}

/// What an operation has done to sessions.
#[derive(Debug, Clone, Default, Hash)]
struct Effects {
    has_changed: bool,
    ended: u64,
    /// The bindings that were acknowledged before its first call was run.
    before: Option<BTreeSet<Bound>>,
}

struct Process<'a> {
    ops: &'a [Op],
    client: &'a Client,
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    /// The operation of each call, and what became of the call.
    calls: Vec<(usize, State)>,
    effects: Vec<Effects>,
}

/// What is explored.
#[derive(Debug, Default)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Run before, one after the other.
    pub(super) initial: Vec<Op>,
    pub(super) processes: Vec<Vec<Op>>,
    pub(super) faults: usize,
    pub(super) has_two_formats: bool,
    /// How long ago the initial operations were when the processes begin, and how much time passes
    /// at once then, if any does: in milliseconds.
    pub(super) times: Option<(u64, u64)>,
    /// The most live sessions that a principal may have.
    pub(super) limit: Option<usize>,
    /// How many the first one has in the end, if nothing fails.
    pub(super) left: Option<usize>,
}

pub(super) fn principals() -> [Principal; 2] {
    ["ann", "bob"].map(|name| Principal::new(name).unwrap())
}

type Checked<T = ()> = std::result::Result<T, String>;

fn ensure(holds: bool, otherwise: &str) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

/// One order.
struct Run<'a> {
    scenario: &'a Scenario,
    at: Rc<Snapshot>,
    processes: Vec<Process<'a>>,
    faults_left: usize,
    has_failed: bool,
    has_ticked: bool,
    acknowledged: BTreeSet<Bound>,
    gone: BTreeSet<Gone>,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, backends: &'a Backends, at: &Rc<Snapshot>) -> Self {
        let process = |(ops, (client, backend)): (&'a Vec<Op>, &'a Backend)| {
            *client.calls() = Calls::default();
            let future = async move {
                for op in ops {
                    let ended = run(&op.step, backend).await;
                    client.calls().ended.push(ended);
                    client.calls().is_late = false;
                }
            };
            Process {
                ops,
                client,
                future: Some(Box::pin(future)),
                calls: Vec::new(),
                effects: vec![Effects::default(); ops.len()],
            }
        };
        let processes = scenario.processes.iter().zip(&backends.all);
        let mut run = Self {
            scenario,
            at: Rc::clone(at),
            processes: processes.map(process).collect(),
            faults_left: scenario.faults,
            has_failed: false,
            has_ticked: scenario.times.is_none(),
            acknowledged: at.bindings(),
            gone: BTreeSet::new(),
        };
        for number in 0..run.processes.len() {
            run.poll(number).unwrap();
        }
        run
    }

    /// Lets a process go on until it waits again.
    fn poll(&mut self, number: usize) -> Checked {
        let process = &mut self.processes[number];
        let before = process.client.calls().ended.len();
        let mut context = Context::from_waker(Waker::noop());
        let future = process.future.as_mut();
        if future.is_some_and(|it| it.as_mut().poll(&mut context).is_ready()) {
            process.future = None;
        }
        let calls = process.client.calls();
        let call = (calls.ended.len(), State::Waiting);
        process.calls.resize(calls.sent.len(), call);
        let ended = calls.ended[before..].to_vec();
        drop(calls);
        let mut ended = (before..).zip(ended);
        ended.try_for_each(|(op, ended)| self.on_end(number, op, &ended))
    }

    fn is_over(&self) -> bool {
        self.processes.iter().all(|it| it.future.is_none())
    }

    fn choices(&self) -> Vec<Choice> {
        let (mut choices, mut faults) = (Vec::new(), Vec::new());
        for (number, process) in self.processes.iter().enumerate() {
            for (call, (_, state)) in process.calls.iter().enumerate() {
                if *state == State::Waiting {
                    faults.extend([Choice::Lose(number, call), Choice::Refuse(number, call)]);
                }
                if !matches!(state, State::Over(_)) {
                    choices.push(Choice::Run(number, call));
                }
            }
            if process.future.is_some() {
                faults.extend([Choice::TimeOut(number), Choice::Crash(number)]);
            }
        }
        if !self.has_ticked && !self.is_over() {
            choices.push(Choice::Tick);
        }
        if self.faults_left > 0 {
            choices.extend(faults);
        }
        choices
    }

    fn apply(&mut self, choice: Choice, server: &mut Server) -> Checked {
        let (number, calls) = match choice {
            Choice::Tick => {
                self.has_ticked = true;
                let (_, tick) = self.scenario.times.unwrap_or_default();
                self.at = self.at.later(tick);
                return Ok(());
            }
            Choice::Run(number, call)
            | Choice::Lose(number, call)
            | Choice::Refuse(number, call) => (number, call..call + 1),
            Choice::TimeOut(number) | Choice::Crash(number) => {
                (number, 0..self.processes[number].calls.len())
            }
        };
        for call in calls {
            let command = self.processes[number].client.calls().sent[call].0.clone();
            let lost = Err(Error::new(ErrorKind::Unavailable, Effect::Unknown));
            let (next, reply) = match choice {
                Choice::Run(..) => {
                    let ran = server.call(&self.at, &command);
                    self.note(number, call, &ran)?;
                    self.at = Rc::clone(&ran.after);
                    (State::Over(ran.reply_hash), Ok(ran.reply.clone()))
                }
                Choice::Refuse(..) => (State::Over(0), Err(not_sent())),
                _ => (State::Orphaned, lost),
            };
            let process = &mut self.processes[number];
            let (_, state) = &mut process.calls[call];
            let was_waiting = *state == State::Waiting;
            if was_waiting || matches!(choice, Choice::Run(..)) {
                *state = next;
            }
            if was_waiting {
                process.client.calls().sent[call].1 = Some(reply);
            }
        }
        let process = &mut self.processes[number];
        if !matches!(choice, Choice::Run(..)) {
            self.faults_left -= 1;
            self.has_failed = true;
        }
        process.client.calls().is_late |= matches!(choice, Choice::TimeOut(_));
        if matches!(choice, Choice::Crash(_)) {
            process.future = None;
        }
        self.poll(number)
    }

    /// What a call does to sessions.
    fn note(&mut self, number: usize, call: usize, ran: &Ran) -> Checked {
        let process = &mut self.processes[number];
        let (op, _) = process.calls[call];
        let (op, effects) = (&process.ops[op], &mut process.effects[op]);
        effects
            .before
            .get_or_insert_with(|| self.acknowledged.clone());
        effects.has_changed |= ran.has_changed;
        if let Some((key, binding)) = &op.binds
            && let session = ran.after.live.get(key)
            && session != self.at.live.get(key)
        {
            let is_right = session.is_none_or(|it| bound(it).as_ref() == Some(binding));
            ensure(is_right, "a session was bound otherwise")?;
        }
        for (binding, key, has_ended) in &ran.unbound {
            effects.ended += u64::from(*has_ended);
            let is_meant = match (&op.step, &op.ends) {
                (Step::Revoke(principal, keep), _) => {
                    binding.0 == *principal && keep.as_ref().is_none_or(|it| it.1 != *key)
                }
                // Or the one that it was rotated to.
                (Step::Remove(_), Some(Gone::Key(it))) => hash_slot(it) == hash_slot(key),
                (Step::Remove(_), Some(Gone::Bound(it))) => it == binding,
                _ => true,
            };
            ensure(is_meant, "a session was ended that was not meant")?;
        }
        Ok(())
    }

    fn on_end(&mut self, number: usize, op: usize, ended: &Ended) -> Checked {
        let process = &self.processes[number];
        let (op, effects) = (&process.ops[op], &process.effects[op]);
        let is_removal = matches!((&op.step, ended), (Step::Remove(_), Ended::Nothing));
        if *ended == Ended::Done || is_removal {
            ensure(effects.has_changed || is_removal, "nothing was done")?;
            self.acknowledged
                .extend(op.binds.iter().map(|it| it.1.clone()));
            self.gone.extend(op.ends.clone());
        }
        let before = effects.before.iter().flatten();
        match (&op.step, ended) {
            (Step::Revoke(principal, keep), Ended::Revoked(ended)) => {
                ensure(effects.ended == *ended, "a wrong number was ended")?;
                let kept = keep.as_ref().and_then(|it| self.at.live.get(&it.1));
                let kept = kept.and_then(bound);
                let gone = before.filter(|it| it.0 == *principal && Some(*it) != kept.as_ref());
                self.gone.extend(gone.cloned().map(Gone::Bound));
            }
            (Step::List(principal), Ended::Listed(list)) => {
                let ids: BTreeSet<&[u8]> = list.iter().map(|it| &**it).collect();
                ensure(ids.len() == list.len(), "a session was listed twice")?;
                let live = self.at.bindings();
                let is_listed = |it: &Bound| ids.contains(it.1.as_str().as_bytes());
                let mut before = before.filter(|it| it.0 == *principal && live.contains(it));
                ensure(before.all(is_listed), "a live session was not listed")?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What holds in every state.
    fn check(&self) -> Checked {
        for principal in principals() {
            let (indexed, needed) = (self.at.indexed(&principal), self.at.needed(&principal));
            let mut needed = needed.iter();
            let live = needed.len();
            let is_indexed = needed.all(|(entry, deadline)| indexed.get(entry) >= Some(deadline));
            ensure(is_indexed, "a live session is not indexed")?;
            let is_within = self.scenario.limit.is_none_or(|limit| live <= limit);
            ensure(is_within, "there are more sessions than the limit")?;
        }
        let gone = |it: &Gone| match it {
            Gone::Key(key) => self.at.live.contains_key(key),
            Gone::Bound(binding) => self.at.bindings().contains(binding),
        };
        ensure(!self.gone.iter().any(gone), "an ended session lives")?;
        for process in &self.processes {
            let ended = &process.client.calls().ended;
            let mut ended = ended.iter().zip(&process.effects);
            let is_true = ended.all(|(it, did)| !(it.has_changed_nothing() && did.has_changed));
            ensure(is_true, "\"nothing was changed\", but sessions were")?;
        }
        let left = self.at.needed(&principals()[0]).len();
        let is_right = self.scenario.left.is_none_or(|it| it == left);
        ensure(
            is_right || self.has_failed || !self.is_over(),
            "a wrong number is left",
        )
    }

    /// Of what decides what may follow.
    fn hash(&self) -> u64 {
        let mut needs_acknowledged = false;
        let mut process = |it: &Process<'_>| {
            let calls = it.client.calls();
            let orphans = calls.sent.iter().zip(&it.calls);
            let orphans = orphans.filter(|(_, call)| call.1 == State::Orphaned);
            let orphans: Vec<_> = orphans
                .map(|((it, _), (op, _))| {
                    hash_of((op, it.word(), it.args().iter().collect::<Vec<_>>()))
                })
                .collect();
            let ended = calls.ended.len();
            let is_asking = |op: &Op| matches!(op.step, Step::Revoke(..) | Step::List(_));
            let alive = it.future.as_ref().map(|_| {
                let mut asking = it.ops.iter().zip(&it.effects).skip(ended);
                needs_acknowledged |= asking.any(|(op, it)| is_asking(op) && it.before.is_none());
                let before = is_asking(&it.ops[ended]).then_some(&it.effects[ended]);
                (
                    &it.calls,
                    calls.is_late,
                    before,
                    it.effects[ended].has_changed,
                )
            });
            let failed = calls.ended.iter().map(Ended::has_changed_nothing);
            let failed: Vec<_> = (0..ended).zip(failed).filter(|it| it.1).collect();
            hash_of((failed, alive, orphans))
        };
        let processes: Vec<u64> = self.processes.iter().map(&mut process).collect();
        let acknowledged = needs_acknowledged.then_some(&self.acknowledged);
        let faults = (self.faults_left, self.has_failed);
        hash_of((
            self.at.hash,
            processes,
            faults,
            self.has_ticked,
            acknowledged,
            &self.gone,
        ))
    }

    fn describe(&self, choice: Choice) -> String {
        match choice {
            Choice::Run(number, call)
            | Choice::Lose(number, call)
            | Choice::Refuse(number, call) => {
                let calls = self.processes[number].client.calls();
                let command = &calls.sent[call].0;
                let mut scripts = script::ALL.iter().zip(script::NAMES);
                let name = scripts.find(|(it, _)| Some(it.sha()) == command.word());
                let args = command.args().iter().take(6).map(String::from_utf8_lossy);
                let args = args.collect::<Vec<_>>().join(" ");
                format!("{choice:?}: {} {args}", name.map_or("?", |it| it.1))
            }
            _ => format!("{choice:?}"),
        }
    }
}

/// Runs an operation straight through.
fn straight(
    step: &Step,
    at: &mut Rc<Snapshot>,
    server: &mut Server,
    (client, backend): &Backend,
) -> Ended {
    *client.calls() = Calls::default();
    let mut future = Box::pin(run(step, backend));
    let mut served = 0;
    loop {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = future.as_mut().poll(&mut context) {
            return ended;
        }
        while let Some((command, reply)) = client.calls().sent.get_mut(served) {
            let ran = server.call(at, command);
            *at = Rc::clone(&ran.after);
            *reply = Some(Ok(ran.reply.clone()));
            served += 1;
        }
    }
}

/// When nothing is pending any more (ten seconds after all is over, and two for rounding) one list
/// shows what lives, and the index has nothing else then.
fn check_lists(at: &Snapshot, server: &mut Server, backend: &Backend) -> Checked {
    let mut at = at.later(12_000);
    for principal in principals() {
        let list = Step::List(principal.clone());
        let Ended::Listed(list) = straight(&list, &mut at, server, backend) else {
            return Err("the list failed".into());
        };
        let needed: Vec<_> = at.needed(&principal).into_keys().collect();
        let ids = needed.iter().map(|it| it.1[..PublicId::LEN].to_vec());
        ensure(
            BTreeSet::from_iter(list) == ids.collect(),
            "the last list is wrong",
        )?;
        let mut indexed = at.indexed(&principal).into_keys();
        ensure(
            indexed.all(|it| needed.contains(&it)),
            "the last list left an entry",
        )?;
    }
    Ok(())
}

/// How much was explored.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) orders: usize,
}

/// Explores all orders.
///
/// # Errors
/// What does not hold, and in which order.
pub(super) fn explore(
    scenario: &Scenario,
    backends: &Backends,
    server: &mut Server,
) -> Checked<Explored> {
    let _runtime = backends.runtime.enter();
    let spare = backends.all.last().unwrap();
    let mut start = Snapshot::of(Store::at(1_700_000_000_000));
    for op in &scenario.initial {
        let backend = if op.is_plain { &backends.all[0] } else { spare };
        let ended = straight(&op.step, &mut start, server, backend);
        assert_eq!(ended, Ended::Done, "{}", scenario.name);
    }
    let (age, _) = scenario.times.unwrap_or_default();
    let start = start.later(age);
    let mut explored = Explored::default();
    let (mut seen, mut ends) = (HashSet::new(), HashSet::new());
    let mut orders: Vec<Vec<Choice>> = vec![Vec::new()];
    while let Some(mut order) = orders.pop() {
        explored.orders += 1;
        let mut run = Run::new(scenario, backends, &start);
        let mut applied = 0;
        loop {
            let mut left = order[applied..].iter();
            let mut checked = left.try_for_each(|choice| run.apply(*choice, server));
            applied = order.len();
            checked = checked.and_then(|()| run.check());
            if checked.is_ok() && run.is_over() && ends.insert(run.at.hash) {
                checked = check_lists(&run.at, server, spare);
            }
            checked.map_err(|why| {
                let mut text = format!("{}: {why}", scenario.name);
                let mut run = Run::new(scenario, backends, &start);
                for choice in &order {
                    let _ = write!(text, "\n  {}", run.describe(*choice));
                    let _ = run.apply(*choice, server);
                }
                text
            })?;
            if !seen.insert(run.hash()) {
                break;
            }
            let choices = run.choices();
            let Some((first, others)) = choices.split_first() else {
                break;
            };
            orders.extend(others.iter().map(|it| [&order[..], &[*it]].concat()));
            order.push(*first);
        }
    }
    explored.states = seen.len();
    Ok(explored)
}

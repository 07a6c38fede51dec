use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::fault::ServerError;
use crate::script;

/// Nodes that answer what they are told to, and then that they are away.
#[derive(Default)]
struct Told {
    answers: Mutex<HashMap<u16, VecDeque<Result<Reply, Error>>>>,
    asked: Mutex<Vec<String>>,
    pauses: Mutex<usize>,
}

impl Told {
    fn answer(self, port: u16, answer: Result<Reply, Error>) -> Self {
        let mut answers = self.answers.lock().unwrap();
        answers.entry(port).or_default().push_back(answer);
        drop(answers);
        self
    }

    /// The operation has time for so many pauses.
    fn pauses(self, pauses: usize) -> Self {
        *self.pauses.lock().unwrap() = pauses;
        self
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Nodes for Told {
    async fn ask(&self, node: &Node, question: Question<'_>) -> Result<Reply, Error> {
        let question = match question {
            Question::Run(_) => "run",
            Question::RunAsking(_) => "asking",
            Question::Slots => "slots",
            Question::Info => "info",
            Question::Ping => "ping",
        };
        let port = node.port();
        self.asked
            .lock()
            .unwrap()
            .push(format!("{question} {port}"));
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.get_mut(&port).and_then(VecDeque::pop_front);
        answer.unwrap_or_else(|| Err(unreachable()))
    }

    async fn pause(&self, _: Duration) -> bool {
        let mut left = self.pauses.lock().unwrap();
        let may = *left > 0;
        *left -= usize::from(may);
        may
    }

    fn keep(&self, _: &[Node]) {}
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing is ever waited for here"),
    }
}

fn call() -> Call {
    Call {
        script: &script::PEEK,
        // Slot 3300.
        keys: vec!["b".into()],
        args: Vec::new(),
        is_for_node: false,
    }
}

fn done() -> Result<Reply, Error> {
    Ok(Reply::Integer(1))
}

/// The node of this port serves all slots.
fn all_at(port: u16) -> Result<Reply, Error> {
    let node = vec![Reply::Bytes("host".into()), Reply::Integer(port.into())];
    let range = vec![
        Reply::Integer(0),
        Reply::Integer(16_383),
        Reply::Array(node),
    ];
    Ok(Reply::Array(vec![Reply::Array(range)]))
}

fn server(code: &str, detail: &str) -> Result<Reply, Error> {
    Err(ServerError::into_error(code, detail))
}

fn routes() -> Routes {
    Routes::new(vec![Node::new("host", 1), Node::new("host", 2)])
}

#[test]
fn the_map_is_asked_for_once() {
    let (routes, nodes) = (routes(), Told::default());
    let nodes = nodes
        .answer(1, all_at(2))
        .answer(2, done())
        .answer(2, done());
    for asked in [vec!["slots 1", "run 2"], vec!["run 2"]] {
        assert_eq!(
            ready(routes.carry(&nodes, &call())).unwrap(),
            Reply::Integer(1)
        );
        assert_eq!(nodes.asked(), asked);
    }
}

#[test]
fn a_moved_slot_is_followed_and_the_map_asked_for_again() {
    let (routes, nodes) = (routes(), Told::default());
    let nodes = nodes
        .answer(1, all_at(1))
        .answer(1, server("MOVED", "3300 :2"));
    let nodes = nodes.answer(2, done());
    assert!(ready(routes.carry(&nodes, &call())).is_ok());
    assert_eq!(nodes.asked(), ["slots 1", "run 1", "run 2"]);
    // Other slots may have moved as well; the next operation looks, and only that one.
    let nodes = nodes
        .answer(1, all_at(2))
        .answer(2, done())
        .answer(2, done());
    for asked in [vec!["slots 1", "run 2"], vec!["run 2"]] {
        assert!(ready(routes.carry(&nodes, &call())).is_ok());
        assert_eq!(nodes.asked(), asked);
    }
}

#[test]
fn a_slot_on_its_way_is_asked_for_at_its_goal() {
    let (routes, nodes) = (routes(), Told::default());
    let nodes = nodes
        .answer(1, all_at(1))
        .answer(1, server("ASK", "3300 host:2"));
    let nodes = nodes.answer(2, done()).answer(1, done());
    assert!(ready(routes.carry(&nodes, &call())).is_ok());
    assert_eq!(nodes.asked(), ["slots 1", "run 1", "asking 2"]);
    // The next one begins where the slot still is.
    assert!(ready(routes.carry(&nodes, &call())).is_ok());
    assert_eq!(nodes.asked(), ["run 1"]);
}

#[test]
fn nodes_that_point_at_each_other_are_not_followed_for_ever() {
    let (routes, mut nodes) = (routes(), Told::default().answer(1, all_at(1)));
    for _ in 0..20 {
        nodes = nodes.answer(1, server("MOVED", "3300 host:2"));
        nodes = nodes.answer(2, server("MOVED", "3300 host:1"));
    }
    let error = ready(routes.carry(&nodes, &call())).unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
    assert_eq!(nodes.asked().len(), 1 + 1 + HOPS as usize);
}

#[test]
fn what_may_have_been_carried_out_is_never_sent_again() {
    for lost in [ErrorKind::Timeout, ErrorKind::Unavailable] {
        let (routes, nodes) = (routes(), Told::default().pauses(9).answer(1, all_at(1)));
        let nodes = nodes.answer(1, Err(Error::new(lost, Effect::Unknown)));
        let error = ready(routes.carry(&nodes, &call())).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (lost, Effect::Unknown));
        assert_eq!(nodes.asked(), ["slots 1", "run 1"]);
        // The next one asks another node where the slot is now.
        let nodes = nodes.answer(2, all_at(2)).answer(2, done());
        assert!(ready(routes.carry(&nodes, &call())).is_ok());
        assert_eq!(nodes.asked(), ["slots 2", "run 2"]);
    }
}

#[test]
fn a_node_that_is_away_is_waited_for_once() {
    let (routes, nodes) = (routes(), Told::default().pauses(2));
    let nodes = nodes
        .answer(1, all_at(1))
        .answer(2, all_at(1))
        .answer(2, all_at(1));
    let nodes = nodes.answer(2, all_at(1)).answer(2, all_at(1));
    let error = ready(routes.carry(&nodes, &call())).unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
    let asked = [
        "slots 1", "run 1", "slots 2", "run 1", "slots 2", "run 1", "slots 2",
    ];
    assert_eq!(nodes.asked(), asked);
    // It is known to be away now: no pause, though there is time.
    let nodes = nodes.pauses(5);
    assert!(ready(routes.carry(&nodes, &call())).is_err());
    assert_eq!(nodes.asked(), ["run 1", "slots 2"]);
    assert_eq!(*nodes.pauses.lock().unwrap(), 5);
    // When it has answered it is waited for again.
    let nodes = nodes.answer(1, done());
    assert!(ready(routes.carry(&nodes, &call())).is_ok());
    assert!(!routes.is_in_trouble(&Node::new("host", 1)));
}

#[test]
fn a_failover_is_found_by_the_operation_that_needs_it() {
    let (routes, nodes) = (routes(), Told::default());
    let nodes = nodes
        .answer(1, all_at(1))
        .answer(2, all_at(2))
        .answer(2, done());
    assert!(ready(routes.carry(&nodes, &call())).is_ok());
    assert_eq!(nodes.asked(), ["slots 1", "run 1", "slots 2", "run 2"]);
}

#[test]
fn without_any_node_an_operation_fails_at_once_after_the_first() {
    let (routes, nodes) = (routes(), Told::default().pauses(3));
    let error = ready(routes.carry(&nodes, &call())).unwrap_err();
    let told = (error.kind(), error.effect());
    assert_eq!(told, (ErrorKind::Unavailable, Effect::NotApplied));
    assert_eq!(nodes.asked().len(), 2 * 4);
    let nodes = nodes.pauses(5);
    assert!(ready(routes.carry(&nodes, &call())).is_err());
    assert_eq!(nodes.asked(), ["slots 1", "slots 2"]);
    let nodes = nodes.answer(1, all_at(1)).answer(1, done());
    assert!(ready(routes.carry(&nodes, &call())).is_ok());
}

#[test]
fn any_node_answers_for_all() {
    let (routes, nodes) = (routes(), Told::default().answer(2, done()));
    assert!(ready(routes.ask_any(&nodes, Question::Ping)).is_ok());
    assert_eq!(nodes.asked(), ["ping 1", "ping 2"]);
    assert!(ready(routes.ask_any(&nodes, Question::Ping)).is_err());
}

#[test]
fn the_masters_are_waited_for_while_another_asks() {
    let (routes, nodes) = (routes(), Told::default().pauses(2).answer(1, all_at(2)));
    let turn = Turn::take(&routes.is_refreshing);
    let error = ready(routes.masters(&nodes, true)).unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
    assert_eq!(*nodes.pauses.lock().unwrap(), 0);
    drop(turn);
    assert!(ready(routes.masters(&nodes, true)).is_ok());
    assert!(ready(routes.masters(&nodes, false)).is_ok());
    // What is known already will do.
    let _turn = Turn::take(&routes.is_refreshing);
    assert!(ready(routes.masters(&nodes, true)).is_ok());
    assert_eq!(nodes.asked(), ["slots 1"]);
}

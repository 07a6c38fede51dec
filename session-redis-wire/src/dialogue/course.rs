//! A dialogue written as an async block: it awaits answers, never I/O.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use session_core::Error;

use super::{Dialogue, Next};
use crate::call::Call;
use crate::reply::{Reply, corrupt};

/// The course of a dialogue, and what it exchanges with the server.
pub(super) struct Course<'a, T> {
    course: Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>,
    server: Server,
}

/// The server, as the course of a dialogue sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Server(Arc<Mutex<Exchange>>);

/// What is under way: the course leaves its calls, and finds the answers in their place.
#[derive(Debug, Default)]
enum Exchange {
    #[default]
    Nothing,
    Calls(Vec<Call>),
    Answers(Vec<Result<Reply, Error>>),
}

impl<'a, T> Course<'a, T> {
    /// The dialogue of this course.
    pub(super) fn of<F>(course: impl FnOnce(Server) -> F) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        let server = Server::default();
        Self {
            course: Box::pin(course(server.clone())),
            server,
        }
    }
}

impl<T: Send> Dialogue for Course<'_, T> {
    type Answer = T;

    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<T>, Error> {
        self.server.exchange(Exchange::Answers(answers));
        let mut context = Context::from_waker(Waker::noop());
        match self.course.as_mut().poll(&mut context) {
            Poll::Ready(answer) => answer.map(Next::Done),
            Poll::Pending => match self.server.exchange(Exchange::Nothing) {
                Exchange::Calls(mut calls) if calls.len() == 1 => {
                    calls.pop().map(Next::Ask).ok_or_else(corrupt)
                }
                Exchange::Calls(calls) => Ok(Next::AskAll(calls)),
                // Nothing else is ever awaited.
                Exchange::Nothing | Exchange::Answers(_) => Err(corrupt()),
            },
        }
    }
}

impl Server {
    /// The answer to a call.
    pub(super) async fn ask(&self, call: Call) -> Result<Reply, Error> {
        let mut answers = self.ask_all(vec![call]).await;
        answers.pop().unwrap_or_else(|| Err(corrupt()))
    }

    /// The answers to calls that are sent all at once, in their order.
    pub(super) async fn ask_all(&self, calls: Vec<Call>) -> Vec<Result<Reply, Error>> {
        if calls.is_empty() {
            return Vec::new();
        }
        let expected = calls.len();
        self.exchange(Exchange::Calls(calls));
        let mut is_sent = false;
        std::future::poll_fn(|_| {
            if !std::mem::replace(&mut is_sent, true) {
                return Poll::Pending;
            }
            let answers = match self.exchange(Exchange::Nothing) {
                Exchange::Answers(answers) => answers,
                Exchange::Nothing | Exchange::Calls(_) => Vec::new(),
            };
            let missing = expected.saturating_sub(answers.len());
            let missing = std::iter::repeat_with(|| Err(corrupt())).take(missing);
            Poll::Ready(answers.into_iter().chain(missing).collect())
        })
        .await
    }

    fn exchange(&self, next: Exchange) -> Exchange {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut exchange, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script;

    fn call() -> Call {
        Call {
            script: &script::PEEK,
            keys: Vec::new(),
            args: Vec::new(),
            is_for_node: false,
        }
    }

    #[test]
    fn a_course_is_a_dialogue() {
        let mut course = Course::of(|server| async move {
            let first = server.ask(call()).await?;
            let both = server.ask_all(vec![call(), call()]).await;
            assert!(server.ask_all(Vec::new()).await.is_empty());
            Ok((
                first,
                both.len(),
                both.iter().filter(|it| it.is_err()).count(),
            ))
        });
        assert!(matches!(course.next(Vec::new()), Ok(Next::Ask(_))));
        let first = course.next(vec![Ok(Reply::Integer(1))]);
        assert!(matches!(first, Ok(Next::AskAll(calls)) if calls.len() == 2));
        // An answer that is missing is an error.
        let Ok(Next::Done(answer)) = course.next(vec![Ok(Reply::Integer(2))]) else {
            panic!("it is done");
        };
        assert_eq!(answer, (Reply::Integer(1), 2, 1));
    }

    #[test]
    fn an_error_ends_the_course() {
        let mut course = Course::of(|server| async move { server.ask(call()).await });
        assert!(course.next(Vec::new()).is_ok());
        assert!(course.next(vec![Err(corrupt())]).is_err());
    }
}

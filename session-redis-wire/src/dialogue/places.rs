//! A dialogue held wherever the session may be.

use session_core::Error;

use super::{Dialogue, Next};
use crate::key::KeySpace;
use crate::reply::Reply;

/// The same dialogue for each form that the session may be stored in, until one does not answer that it is
/// gone. Where ids have one form, that one dialogue.
pub(super) struct EachPlace<'a, D: Dialogue, F> {
    current: D,
    others: std::slice::Iter<'a, KeySpace>,
    begin: F,
    is_gone: fn(&D::Answer) -> bool,
}

/// Begins it.
pub(super) fn each_place<'a, D, F>(
    keys: &'a KeySpace,
    begin: F,
    is_gone: fn(&D::Answer) -> bool,
) -> EachPlace<'a, D, F>
where
    D: Dialogue,
    F: Fn(&'a KeySpace) -> D + Send,
{
    let mut others = keys.places().iter();
    EachPlace {
        current: begin(others.next().unwrap_or(keys)),
        others,
        begin,
        is_gone,
    }
}

impl<'a, D, F> Dialogue for EachPlace<'a, D, F>
where
    D: Dialogue,
    F: Fn(&'a KeySpace) -> D + Send,
{
    type Answer = D::Answer;

    fn next(&mut self, answers: Vec<Result<Reply, Error>>) -> Result<Next<D::Answer>, Error> {
        let mut next = self.current.next(answers)?;
        loop {
            match next {
                Next::Done(answer) if (self.is_gone)(&answer) => match self.others.next() {
                    Some(place) => self.current = (self.begin)(place),
                    None => return Ok(Next::Done(answer)),
                },
                next => return Ok(next),
            }
            next = self.current.next(Vec::new())?;
        }
    }
}

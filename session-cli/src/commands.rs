//! The commands.

mod count;
mod database;
mod doctor;
mod findings;
mod list;
mod pages;
mod revoke;
mod show;
mod watch;

use std::io::Write;

use serde::Serialize;

pub(crate) use self::pages::{completions, man};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;
use crate::text::json;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Job<'a, W> {
    pub(crate) place: &'a Place,
    pub(crate) is_json: bool,
    pub(crate) out: &'a mut Output<W>,
}

impl<W: Write> Job<'_, W> {
    /// A line of JSON, or one for people.
    fn line(&mut self, of_json: &impl Serialize, of_text: &str) -> Result<(), Failure> {
        match self.is_json {
            true => self.out.line(&json(of_json)?)?,
            false => self.out.line(of_text)?,
        }
        Ok(())
    }
}

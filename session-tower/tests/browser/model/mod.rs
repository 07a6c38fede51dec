//! One browser and a server: what the requests do, what the browser keeps, what was observed, and
//! what must hold at the end. Who decides in which order it happens is not said here.

#![allow(clippy::indexing_slicing, reason = "requests are numbered")]

mod history;
mod jar;
mod promises;
mod recorder;
mod scenario;

pub(crate) use self::history::{Event, History};
pub(crate) use self::jar::{Jar, Line, NAME};
pub(crate) use self::promises::{Run, named};
pub(crate) use self::recorder::{Pause, Recorder};
pub(crate) use self::scenario::{Deed, Request, Scenario, Start, seed};

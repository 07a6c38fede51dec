//! One browser and a server: what the requests do, what the browser keeps, what was observed, and
//! what must hold at the end. Who decides in which order it happens is not said here.

mod history;
mod jar;
mod promises;
mod recorder;
mod scenario;

pub use self::history::{Event, History};
pub use self::jar::{Jar, Line, NAME};
pub use self::promises::{Run, named};
pub use self::recorder::{Pause, Recorder};
pub use self::scenario::{Deed, Request, Scenario, Start, seed};

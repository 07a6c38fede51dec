//! Concurrency, checked by what the operations returned.
//!
//! Each race is a number of rounds, each on sessions of its own; it panics at the first round whose
//! returns cannot come from atomic steps in some order. The cases run a few rounds; on a real
//! server run many ([`rounds`]).
//!
//! ```no_run
//! # async fn example(harness: &dyn session_conformance::Harness) {
//! use session_conformance::races;
//!
//! let summary = races::logout_against_increments(harness, races::rounds()).await;
//! println!("{summary}");
//! # }
//! ```

mod crew;
mod expiry;
mod login;
mod logout;
mod operator;
mod readers;
mod revocation;
mod rotation;
mod writers;

use std::fmt;
use std::pin::Pin;

use crate::harness::Harness;

pub(crate) use self::crew::both;
pub use self::expiry::expirations_against_listing;
pub use self::login::{bindings, logins_against_limit};
pub use self::logout::{logout_against_increments, logout_against_rotations, logout_against_uses};
pub use self::operator::{endings, operator_against_uses, rotations_against_operator};
pub use self::readers::reads_against_updates;
pub use self::revocation::{logins_against_revocation, rotations_against_revocation};
pub use self::rotation::{increments_against_rotation, rotations};
pub use self::writers::{increments, updates_of_different_fields};

/// What a race did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The race.
    pub race: &'static str,
    /// The rounds.
    pub rounds: usize,
    /// The operations that were returned.
    pub operations: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            race,
            rounds,
            operations,
        } = self;
        write!(f, "{race}: {rounds} rounds, {operations} operations")
    }
}

/// How many rounds to run on a real server: the environment variable `SESSION_RACE_ROUNDS`, or
/// 1000.
///
/// # Panics
/// When the variable is set to something else than a number.
pub fn rounds() -> usize {
    std::env::var("SESSION_RACE_ROUNDS").map_or(1000, |text| {
        text.parse().expect("SESSION_RACE_ROUNDS is a number")
    })
}

/// A race, as [`ALL`] names it: the rounds are its argument.
pub type Race =
    for<'a> fn(&'a dyn Harness, usize) -> Pin<Box<dyn Future<Output = Summary> + Send + 'a>>;

macro_rules! races {
    ($($race:ident)*) => { &[$((stringify!($race), |harness, rounds| Box::pin($race(harness, rounds)))),*] };
}

/// All races about a backend, by name.
pub const ALL: &[(&str, Race)] = races! {
    logout_against_increments
    logout_against_rotations
    updates_of_different_fields
    rotations
    increments_against_rotation
    logins_against_revocation
    rotations_against_revocation
    expirations_against_listing
    increments
    logout_against_uses
    reads_against_updates
    bindings
    logins_against_limit
};

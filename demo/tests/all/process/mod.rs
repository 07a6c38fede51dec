//! The program: its flags, its start and end, a store that is away, a store that moves to hashed
//! ids.

mod flags;
mod life;
mod metrics;
mod moving;

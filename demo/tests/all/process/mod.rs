//! The program: its flags, its start and end, a store that is away, a store that moves to hashed
//! ids, and one that survives the program.

mod flags;
mod life;
mod metrics;
mod moving;
mod restart;

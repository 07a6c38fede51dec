//! The program: its flags, its start and end, a store that is away; the command for operators,
//! on a Cluster as well.

mod flags;
mod life;
mod metrics;
mod sessions;

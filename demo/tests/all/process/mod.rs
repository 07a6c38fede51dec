//! The program: its flags, its start and end, a store that is away, a Redis Cluster; the command
//! for operators.

mod cluster;
mod flags;
mod life;
mod sessions;

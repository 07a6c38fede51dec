//! The program: its flags, its start and end, a store that is away, a Redis Cluster, round trips;
//! the command for operators.

mod admin;
mod away;
mod cluster;
mod ending;
mod flags;
mod round_trips;
mod starting;

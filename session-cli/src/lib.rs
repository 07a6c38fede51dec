#![doc = include_str!("../README.md")]

#[cfg(not(any(feature = "redis-rs", feature = "fred")))]
compile_error!("the command needs a client for Redis: the cargo feature `redis-rs` or `fred`");

mod args;
mod commands;
mod database;
mod elsewhere;
mod failure;
mod output;
mod place;
mod row;
mod run;
mod scan;
mod secret;
mod seen;
mod table;
mod text;

pub use self::run::run;

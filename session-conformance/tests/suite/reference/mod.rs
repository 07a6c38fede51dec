//! A small backend that keeps the contract, and into which a flaw can be put.

mod admin;
mod backend;
mod data;
mod flaw;
mod harness;

pub(crate) use self::admin::{ReferenceAdmin, overview, place};
pub(crate) use self::backend::{Reference, Store};
pub(crate) use self::data::{Data, Key, RawFields};
pub(crate) use self::flaw::{Flaw, Flawless, Named};
pub(crate) use self::harness::ReferenceHarness;

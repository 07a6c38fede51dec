//! What the tests have in common.

mod demo;
mod rules;
mod server;
mod store;
mod until;
mod visitor;

pub(crate) use demo::Demo;
pub(crate) use rules::is_cleared;
pub(crate) use server::Server;
pub(crate) use store::{Backend, Store, run};
pub(crate) use until::{until, within};
pub(crate) use visitor::{Answer, Visitor, request};

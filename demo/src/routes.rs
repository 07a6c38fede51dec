//! The handlers: what an application does with its session.

pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod status;

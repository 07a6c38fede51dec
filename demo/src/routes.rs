//! The handlers: what an application does with its session.

pub(crate) mod events;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod status;

/// The field that says on which device a session is, if the browser says so.
const DEVICE: &str = "user_agent";

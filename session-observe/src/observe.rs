//! How a backend is observed.

use std::sync::Arc;

use session_core::SessionBackend;

use crate::event::SessionObserver;
use crate::names::describe;
use crate::observed::Observed;

/// How a backend is observed: what its spans and metrics say of it, and who is called when
/// something becomes of a session.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_core::Result<()> {
/// use session_core::{NewSession, SessionBackend};
/// use session_memory::MemoryBackend;
/// use session_observe::Observe;
///
/// let sessions = Observe::new().wrap("memory", MemoryBackend::new());
/// let created = sessions.create_session(NewSession::default()).await?;
/// assert!(sessions.get_session(&created.id).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Observe {
    pub(crate) system: Option<&'static str>,
    pub(crate) server: Option<(String, u16)>,
    pub(crate) observer: Option<Arc<dyn SessionObserver>>,
}

impl Observe {
    /// By spans and metrics, which cost next to nothing where nobody collects them.
    pub fn new() -> Self {
        Self::default()
    }

    /// The product that stores the sessions, as OpenTelemetry names it (`db.system.name`): `redis`,
    /// `postgresql`. By default what the backend is called.
    pub fn system(mut self, system: &'static str) -> Self {
        self.system = Some(system);
        self
    }

    /// The address of the store (`server.address`, `server.port`), where it has one. By default
    /// spans do not say it. No password is a part of an address.
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Some((address.into(), port));
        self
    }

    /// The same with this product and this address, where none was given: the facade takes them
    /// from the URL.
    pub fn or_store(mut self, system: &'static str, server: Option<(String, u16)>) -> Self {
        self.system = self.system.or(Some(system));
        self.server = self.server.or(server);
        self
    }

    /// Who is called when a session is created, bound, rotated or ended. By default nobody.
    pub fn observer(mut self, observer: Arc<dyn SessionObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// This backend, observed. `backend` is what metrics call it: `memory`, `redis-rs`.
    ///
    /// The recorder of the metrics is installed before: an outcome's handles are made when the
    /// outcome is first seen, by the recorder that there is then.
    pub fn wrap<B: SessionBackend>(self, backend: &'static str, inner: B) -> Observed<B> {
        describe();
        Observed::new(inner, backend, self)
    }
}

//! What an adapter says of itself, and a store to run it on.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use http::header::COOKIE;
use http::{Request, Response};
use session_core::{
    Fields, NewSession, SessionAdmin as _, SessionBackend, SessionId, SessionPolicy,
};
use session_http::{Session, SessionCookie, SessionError, SessionHeader};
use session_memory::{ManualClock, MemoryBackend};

use crate::browser::model::NAME;

/// An adapter of a web framework.
pub trait Adapter: 'static {
    /// Sends a request through the framework's middleware, over this backend and with this cookie
    /// or header, to a handler that answers with this status and these headers, or in the
    /// framework's way with the error. Nothing is done before the future is polled or when it is
    /// dropped; a panic of the handler comes through.
    fn send(
        backend: Arc<dyn SessionBackend>,
        transport: Transport,
        request: Request<()>,
        handler: Handler,
    ) -> Answering;
}

pub enum Transport {
    Cookie(SessionCookie),
    Header(SessionHeader),
}

pub type Answering = Pin<Box<dyn Future<Output = Response<()>>>>;

/// It is called once.
pub type Handler = Box<dyn FnOnce(Session) -> Handling + Send>;

type Handling = Pin<Box<dyn Future<Output = Result<Response<()>, SessionError>> + Send>>;

pub fn handler<F, Fut>(handler: F) -> Handler
where
    F: FnOnce(Session) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Response<()>, SessionError>> + Send + 'static,
{
    Box::new(move |session| Box::pin(handler(session)))
}

/// A store in memory, and its clock.
pub struct World<A> {
    pub backend: MemoryBackend,
    pub clock: Arc<ManualClock>,
    adapter: PhantomData<A>,
}

impl<A: Adapter> World<A> {
    #[allow(clippy::new_without_default, reason = "it is test support")]
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let backend = MemoryBackend::builder()
            .policy(SessionPolicy::new().with_clock(clock.clone()))
            .clock(clock.clone())
            .build();
        Self {
            backend,
            clock,
            adapter: PhantomData,
        }
    }

    /// A session without fields.
    pub async fn session(&self) -> SessionId {
        let created = self.backend.create_session(NewSession::new(Fields::new()));
        created.await.unwrap().id
    }

    /// How many sessions the store has: the tombstones of rotations are none.
    pub async fn sessions(&self) -> u64 {
        self.backend.admin().count_sessions().await.unwrap()
    }

    /// A request with this id in its cookie.
    pub fn visit<F, Fut>(&self, id: Option<&SessionId>, handler: F) -> Answering
    where
        F: FnOnce(Session) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Response<()>, SessionError>> + Send + 'static,
    {
        let mut request = Request::new(());
        if let Some(id) = id {
            let line = format!("{NAME}={}", id.expose()).parse().unwrap();
            request.headers_mut().insert(COOKIE, line);
        }
        let cookie = Transport::Cookie(SessionCookie::default());
        self.send(cookie, request, self::handler(handler))
    }

    pub fn send(&self, transport: Transport, request: Request<()>, handler: Handler) -> Answering {
        A::send(Arc::new(self.backend.clone()), transport, request, handler)
    }
}

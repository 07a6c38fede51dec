//! Requests through the layer, on the memory backend, as a browser would make them.

use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use session_core::{
    ErrorKind, Fields, NewSession, SessionAdmin, SessionBackend, SessionId, SessionPolicy,
    SessionRecord,
};
use session_memory::{FaultOnce, ManualClock, MemoryBackend, Step};
use session_tower::{Session, SessionError, SessionLayer};
use tower::{Layer, ServiceExt, service_fn};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

pub const NAME: &str = "__Host-id";

/// A store, its clock, and a layer over it.
pub struct World {
    pub backend: MemoryBackend,
    pub clock: Arc<ManualClock>,
    pub layer: SessionLayer,
}

/// A response, and what it cost.
#[derive(Debug)]
pub struct Reply {
    pub response: Response<String>,
    /// The backend's steps, by kind, those that did not happen left out.
    pub steps: Vec<(Step, u64)>,
}

pub async fn sessions(backend: &MemoryBackend) -> u64 {
    backend.admin().count_sessions().await.unwrap()
}

impl World {
    pub fn new() -> Self {
        Self::with_policy(SessionPolicy::new())
    }

    pub fn with_policy(policy: SessionPolicy) -> Self {
        let clock = Arc::new(ManualClock::new());
        let backend = MemoryBackend::builder()
            .policy(policy.with_clock(clock.clone()))
            .clock(clock.clone())
            .build();
        let layer = SessionLayer::new(Arc::new(backend.clone()));
        Self {
            backend,
            clock,
            layer,
        }
    }

    /// A session with one field, `seen` = `yes`.
    pub async fn session(&self) -> SessionId {
        let fields = Fields::new().with(name("seen"), "yes");
        let created = self.backend.create_session(NewSession::new(fields)).await;
        created.unwrap().id
    }

    /// How many sessions the store has: the tombstones of rotations are none.
    pub async fn sessions(&self) -> u64 {
        sessions(&self.backend).await
    }

    /// The session of this id, as another client would see it. Not counted.
    pub async fn peek(&self, id: &SessionId) -> Option<SessionRecord> {
        self.backend.peek_session(id).await.unwrap()
    }

    /// A request with this id in its cookie.
    pub async fn visit<F, Fut, R>(&self, id: Option<&SessionId>, handler: F) -> Reply
    where
        F: FnOnce(Session) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send,
        R: IntoReply,
    {
        let lines = id.map(|id| format!("{NAME}={}", id.expose()));
        self.visit_with(lines.as_deref().map(str::as_bytes).as_slice(), handler)
            .await
    }

    /// A request with these `Cookie` lines.
    pub async fn visit_with<F, Fut, R>(&self, cookie_lines: &[&[u8]], handler: F) -> Reply
    where
        F: FnOnce(Session) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send,
        R: IntoReply,
    {
        let lines: Vec<_> = cookie_lines.iter().map(|line| (COOKIE, *line)).collect();
        self.visit_with_headers(&lines, handler).await
    }

    /// A request with these header lines.
    pub async fn visit_with_headers<F, Fut, R>(
        &self,
        lines: &[(HeaderName, &[u8])],
        handler: F,
    ) -> Reply
    where
        F: FnOnce(Session) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send,
        R: IntoReply,
    {
        let mut request = Request::new(());
        for (name, line) in lines {
            let line = HeaderValue::from_bytes(line).unwrap();
            request.headers_mut().append(name, line);
        }
        let handler = Mutex::new(Some(handler));
        let service = service_fn(move |request: Request<()>| {
            let handler = handler.lock().unwrap().take().expect("one request");
            let answer = handler(Session::of(request.extensions()).expect("a layer"));
            async move { Ok::<_, Infallible>(answer.await.into_reply()) }
        });
        self.backend.faults().reset_calls();
        let response = self.layer.layer(service).oneshot(request).await;
        Reply {
            response: response.unwrap_or_else(|never| match never {}),
            steps: self.steps(),
        }
    }

    /// What goes wrong at the next call of this step.
    pub fn fault(&self, step: Step) -> FaultOnce<'_> {
        self.backend.faults().on(step).next_call()
    }

    pub fn steps(&self) -> Vec<(Step, u64)> {
        let faults = self.backend.faults();
        let steps = Step::ALL.map(|step| (step, faults.calls_of(step)));
        steps.into_iter().filter(|(_, calls)| *calls > 0).collect()
    }
}

/// What was logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What this thread logs from now on, until the guard is dropped.
    pub fn kept() -> (Self, DefaultGuard) {
        // With a single subscriber, a thread that has none could turn a line off for all threads.
        static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| {
            let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
            Dispatch::new(subscriber.with_writer(std::io::sink).finish())
        });
        LazyLock::force(&ANOTHER);
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What handlers in tests answer with.
pub trait IntoReply {
    fn into_reply(self) -> Response<String>;
}

impl IntoReply for () {
    fn into_reply(self) -> Response<String> {
        Response::new(String::from("done"))
    }
}

impl IntoReply for StatusCode {
    fn into_reply(self) -> Response<String> {
        let mut response = ().into_reply();
        *response.status_mut() = self;
        response
    }
}

/// A handler that fails answers as an application of its own making would: with 418.
impl IntoReply for Result<(), SessionError> {
    fn into_reply(self) -> Response<String> {
        match self {
            Ok(()) => ().into_reply(),
            Err(error) => {
                let mut response = Response::new(error.to_string());
                *response.status_mut() = StatusCode::IM_A_TEAPOT;
                response
            }
        }
    }
}

impl Reply {
    /// The handler succeeded, at this cost.
    #[track_caller]
    pub fn assert_cost(&self, steps: &[(Step, u64)]) {
        assert_eq!((self.status(), &*self.steps), (200, steps));
    }

    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub fn set_cookie(&self) -> Option<&str> {
        let lines = self.response.headers().get_all(SET_COOKIE);
        let lines: Vec<_> = lines.iter().collect();
        assert!(lines.len() <= 1, "one cookie, one line: {lines:?}");
        lines.first().map(|line| line.to_str().unwrap())
    }

    /// The id that the browser is given, if it is given one.
    pub fn new_id(&self) -> Option<SessionId> {
        let line = self.set_cookie()?;
        let (value, _) = line
            .strip_prefix(NAME)?
            .strip_prefix('=')?
            .split_once(';')?;
        SessionId::parse(value).ok()
    }

    pub fn is_cleared(&self) -> bool {
        self.set_cookie().is_some_and(|line| {
            line.starts_with(&format!("{NAME}=;")) && line.ends_with("; Max-Age=0")
        })
    }

    /// The response says nothing about a session: the layer left it alone.
    pub fn is_untouched(&self) -> bool {
        let headers = self.response.headers();
        ![SET_COOKIE, CACHE_CONTROL, VARY]
            .iter()
            .any(|name| headers.contains_key(name))
    }

    /// What holds for every response with a cookie.
    pub fn assert_headers_agree(&self) {
        let headers = self.response.headers();
        if self.set_cookie().is_some() {
            assert_eq!(headers[CACHE_CONTROL], "no-store");
            assert_eq!(headers[VARY], "Cookie");
        }
    }
}

// ---- Handlers that do one thing -----------------------------------------------------------------

pub async fn read(session: Session) -> Result<(), SessionError> {
    session.get_raw("seen").await.map(|_| ())
}

pub async fn insert(session: Session) -> Result<(), SessionError> {
    session.insert("a", "1")
}

pub async fn rotate(session: Session) -> Result<(), SessionError> {
    session.rotate()
}

pub async fn log_in(session: Session) -> Result<(), SessionError> {
    session.log_in(principal("ann"))
}

pub async fn log_out(session: Session) -> Result<(), SessionError> {
    session.log_out()
}

pub async fn destroy(session: Session) -> Result<(), SessionError> {
    session.destroy()
}

pub fn name(text: &'static str) -> session_core::FieldName {
    session_core::FieldName::new(text).unwrap()
}

pub fn principal(text: &str) -> session_core::Principal {
    session_core::Principal::new(text).unwrap()
}

/// The value of a field in a record.
pub fn field<'a>(record: &'a SessionRecord, name: &str) -> Option<&'a str> {
    record.fields().get_str(name)
}

/// The kind of the backend's error.
pub fn kind(error: &SessionError) -> ErrorKind {
    error.backend().expect("the backend's error").kind()
}

/// Whether a change was refused because its session is gone.
pub fn is_dropped<T>(refused: Result<T, SessionError>) -> bool {
    matches!(refused, Err(SessionError::ChangesDropped))
}

/// A bare request, with this id in its cookie.
pub fn request(id: Option<&SessionId>) -> Request<String> {
    let mut request = Request::new(String::new());
    if let Some(id) = id {
        let line = format!("{NAME}={}", id.expose());
        let line = HeaderValue::from_str(&line).unwrap();
        request.headers_mut().insert(COOKIE, line);
    }
    request
}

/// The session of a request.
pub fn session_of<B>(request: &Request<B>) -> Session {
    Session::of(request.extensions()).expect("a layer")
}

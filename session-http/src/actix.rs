//! Extractors, error responses, and the types of its own, for actix-web.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::{Payload, ServiceResponse};
use actix_web::http::StatusCode as ActixStatus;
use actix_web::http::header::{HeaderMap, HeaderName as ActixName, HeaderValue as ActixValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use http::{HeaderName, StatusCode};

use crate::error::SessionError;
use crate::head::{HeaderLine, Headers, ResponseHead};
use crate::json::Typed;
use crate::read_session::ReadSession;
use crate::session::Session;

impl Session {
    /// The session of a request of actix-web: that of the innermost middleware.
    pub fn of_request(request: &impl HttpMessage) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// As [`named`](Self::named), of a request of actix-web.
    pub fn named_of_request(request: &impl HttpMessage, name: &str) -> Option<Self> {
        request.extensions().get::<Self>()?.named_here(name)
    }
}

impl SessionError {
    /// For extractors of actix-web: remembers in the request's extensions that the store failed.
    ///
    /// `Option<T>` is an extractor there for every `T`, and takes all errors for `None`. Where the
    /// store failed, that would show a person who is logged in the page for those who are not; so
    /// the session middleware answers such a request with its failure response, whatever the
    /// handler makes of it, be it of a `Result<T, SessionError>`.
    #[must_use]
    pub fn remembered_in(self, request: &HttpRequest) -> Self {
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            request.extensions_mut().insert(self.clone());
        }
        self
    }
}

/// The session of the innermost middleware. Without one the request fails with 500.
impl FromRequest for Session {
    type Error = SessionError;
    type Future = Ready<Result<Self, SessionError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of_request(request).ok_or_else(SessionError::no_layer))
    }
}

/// The session of the innermost middleware. Without one the request fails with 500.
impl FromRequest for ReadSession {
    type Error = SessionError;
    type Future = Ready<Result<Self, SessionError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = Session::of_request(request).map(Self::from);
        ready(session.ok_or_else(SessionError::no_layer))
    }
}

/// The struct, loaded: one round trip, unless the session is loaded already.
impl<T> FromRequest for Typed<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    type Error = SessionError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, SessionError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let session = Session::of_request(&request).ok_or_else(SessionError::no_layer)?;
            let loaded = session.load_struct().await;
            loaded.map_err(|error| error.remembered_in(&request))
        })
    }
}

/// An empty response of [`SessionError::status`], which the middleware replaces by its failure
/// response.
impl ResponseError for SessionError {
    fn status_code(&self) -> ActixStatus {
        let status = ActixStatus::from_u16(self.status().as_u16());
        status.unwrap_or(ActixStatus::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        self.clone().describe_in(&mut response);
        response
    }
}

impl Headers for HeaderMap {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name.as_str()).map(ActixValue::as_bytes)
    }

    fn hide(&mut self, name: &HeaderName, mut is_secret: impl FnMut(&[u8]) -> bool) {
        let name = name.as_str();
        let mut hide = |line: &mut ActixValue| {
            if is_secret(line.as_bytes()) {
                line.set_sensitive(true);
            }
        };
        // One line can be changed where it is; several, which are rare, come out and back.
        if self.get_all(name).len() <= 1 {
            self.get_mut(name).into_iter().for_each(hide);
        } else if let Some(name) = own_name(name) {
            for mut line in self.remove(&name) {
                hide(&mut line);
                HeaderMap::append(self, name.clone(), line);
            }
        }
    }

    fn insert(&mut self, name: &HeaderName, line: HeaderLine) {
        if let Some((name, value)) = own_name(name.as_str()).zip(own_value(line)) {
            HeaderMap::insert(self, name, value);
        }
    }

    fn append(&mut self, name: &HeaderName, line: HeaderLine) {
        if let Some((name, value)) = own_name(name.as_str()).zip(own_value(line)) {
            HeaderMap::append(self, name, value);
        }
    }
}

/// actix-web has the types of the crate `http` 0.2. What is a name or a value here is one there.
fn own_name(name: &str) -> Option<ActixName> {
    ActixName::from_bytes(name.as_bytes()).ok()
}

fn own_value(line: HeaderLine) -> Option<ActixValue> {
    match line {
        HeaderLine::Static(text) => Some(ActixValue::from_static(text)),
        HeaderLine::Owned(bytes) => ActixValue::try_from(bytes).ok(),
        HeaderLine::Sensitive(bytes) => {
            let mut value = ActixValue::try_from(bytes).ok()?;
            value.set_sensitive(true);
            Some(value)
        }
    }
}

impl<B> ResponseHead for HttpResponse<B> {
    type Headers = HeaderMap;

    fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.status().as_u16());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.extensions().get().cloned()
    }

    fn set_extension<T: Clone + Send + Sync + 'static>(&mut self, extension: T) {
        self.extensions_mut().insert(extension);
    }
}

impl<B> ResponseHead for ServiceResponse<B> {
    type Headers = HeaderMap;

    fn status(&self) -> StatusCode {
        ResponseHead::status(self.response())
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.response().extension()
    }

    fn set_extension<T: Clone + Send + Sync + 'static>(&mut self, extension: T) {
        self.response_mut().set_extension(extension);
    }
}

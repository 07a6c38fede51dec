//! Extractors, error responses, and the middleware of what needs a log-in, for actix-web.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::EitherBody;
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use http::{Method, Uri};
use session_http::Session;

use crate::auth::Auth;
use crate::current_user::{AuthError, CurrentUser, no_layer};
use crate::layer::AuthLayer;
use crate::require::{Refusal, RequireLogin, is_navigation};

impl<U: Clone + Send + Sync + 'static> Auth<U> {
    /// That of a request of actix-web: made by the [`AuthLayer`] that is in the application's data,
    /// of the session of the innermost middleware, when somebody asks for the first time.
    pub fn of_request(request: &HttpRequest) -> Option<Self> {
        let made = request.extensions().get::<Self>().cloned();
        made.or_else(|| {
            let layer = request.app_data::<AuthLayer<U>>()?;
            let session = Session::of_request(request)?;
            // The types of another version of the same crate.
            let path = request.uri().path_and_query()?.as_str();
            let auth = layer.open(session, Uri::try_from(path).ok()?);
            request.extensions_mut().insert(auth.clone());
            Some(auth)
        })
    }
}

fn auth_of<U: Clone + Send + Sync + 'static>(request: &HttpRequest) -> Result<Auth<U>, AuthError> {
    Auth::of_request(request).ok_or_else(no_layer::<U>)
}

/// Without an [`AuthLayer`] for users of this type in the application's data, or a session
/// middleware, the request fails with 500.
impl<U: Clone + Send + Sync + 'static> FromRequest for Auth<U> {
    type Error = AuthError;
    type Future = Ready<Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(auth_of(request))
    }
}

/// 401 when nobody is logged in. An `Option` of it is `None` then; where the store or the loader
/// fails, too, but then the client is told 503, whatever the handler makes of it.
impl<U: Clone + Send + Sync + 'static> FromRequest for CurrentUser<U> {
    type Error = AuthError;
    type Future = LocalBoxFuture<'static, Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let user = auth_of::<U>(&request)?.user().await;
            let user = user.map_err(|error| error.remembered_in(&request))?;
            user.map(Self).ok_or(AuthError::NotLoggedIn)
        })
    }
}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.status().as_u16());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Session(error) => error.error_response(),
            other => HttpResponse::new(other.status_code()),
        }
    }
}

impl Refusal {
    fn into_actix_response(self) -> HttpResponse {
        let (parts, ()) = self.into_empty_response().into_parts();
        let status = StatusCode::from_u16(parts.status.as_u16());
        let mut response = HttpResponse::build(status.unwrap_or(StatusCode::UNAUTHORIZED));
        for (name, line) in &parts.headers {
            response.append_header((name.as_str(), line.as_bytes()));
        }
        response.finish()
    }
}

impl<S, B, U> Transform<S, ServiceRequest> for RequireLogin<U>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    U: Clone + Send + Sync + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequireLoginMiddleware<S, U>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let (inner, required) = (Rc::new(inner), self.clone());
        ready(Ok(RequireLoginMiddleware { inner, required }))
    }
}

/// The service around which a [`RequireLogin`] stands, in a worker of actix-web.
#[derive(Debug)]
pub struct RequireLoginMiddleware<S, U> {
    inner: Rc<S>,
    required: RequireLogin<U>,
}

impl<S, B, U> Service<ServiceRequest> for RequireLoginMiddleware<S, U>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    U: Clone + Send + Sync + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, required) = (Rc::clone(&self.inner), self.required.clone());
        let auth = auth_of::<U>(request.request());
        let method = Method::from_bytes(request.method().as_str().as_bytes());
        let is_navigation = method.is_ok_and(|method| is_navigation(&method, request.headers()));
        Box::pin(async move {
            let refusal = match auth {
                Ok(auth) => (required.refusal(&auth, is_navigation).await).map_err(AuthError::from),
                Err(error) => Err(error),
            };
            let response = match refusal {
                Ok(None) => return Ok(inner.call(request).await?.map_into_left_body()),
                Ok(Some(refusal)) => refusal.into_actix_response(),
                Err(error) => error.error_response(),
            };
            Ok(request.into_response(response.map_into_right_body()))
        })
    }
}

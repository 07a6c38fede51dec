//! The layers and their services, for tower.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use session_http::Session;
use tower_layer::Layer;
use tower_service::Service;

use crate::current_user::{AuthError, layer_of};
use crate::layer::AuthLayer;
use crate::require::{RequireLogin, is_navigation};

/// The service around which an [`AuthLayer`] stands.
#[derive(Debug)]
pub struct AuthService<S, U> {
    inner: S,
    layer: AuthLayer<U>,
}

impl<S, U> Layer<S> for AuthLayer<U> {
    type Service = AuthService<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        let layer = self.clone();
        AuthService { inner, layer }
    }
}

impl<S, U, ReqBody> Service<Request<ReqBody>> for AuthService<S, U>
where
    S: Service<Request<ReqBody>>,
    U: Clone + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> S::Future {
        // Without a session there is nothing to put there: whoever looks for it says so.
        if let Some(session) = Session::of(request.extensions()) {
            let auth = self.layer.open(session, request.uri().clone());
            request.extensions_mut().insert(auth);
        }
        self.inner.call(request)
    }
}

impl<S: Clone, U> Clone for AuthService<S, U> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

/// The service around which a [`RequireLogin`] stands.
#[derive(Debug)]
pub struct RequireLoginService<S, U> {
    inner: S,
    required: RequireLogin<U>,
}

impl<S, U> Layer<S> for RequireLogin<U> {
    type Service = RequireLoginService<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        let required = self.clone();
        RequireLoginService { inner, required }
    }
}

impl<S, U, ReqBody, ResBody> Service<Request<ReqBody>> for RequireLoginService<S, U>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    U: Clone + Send + Sync + 'static,
    ReqBody: Send + 'static,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<ResBody>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The instance that was polled ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let required = self.required.clone();
        let auth = layer_of::<U>(request.extensions());
        let is_navigation = is_navigation(request.method(), request.headers());
        Box::pin(async move {
            let refusal = match auth {
                Ok(auth) => (required.refusal(&auth, is_navigation).await).map_err(AuthError::from),
                Err(error) => Err(error),
            };
            match refusal {
                Ok(None) => inner.call(request).await,
                Ok(Some(refusal)) => Ok(refusal.into_empty_response()),
                Err(error) => Ok(error.into_empty_response()),
            }
        })
    }
}

impl<S: Clone, U> Clone for RequireLoginService<S, U> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            required: self.required.clone(),
        }
    }
}

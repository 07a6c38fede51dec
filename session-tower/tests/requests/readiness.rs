//! tower's rules for services.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use crate::common::{World, request, session_of};
use http::{Request, Response};
use session_tower::Session;
use tower::{Layer, Service, ServiceExt, service_fn};

async fn answer(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

/// Panics when it is called without having been polled ready; a clone is not ready.
#[derive(Default)]
struct Strict {
    is_ready: bool,
    polls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            is_ready: false,
            polls: Arc::clone(&self.polls),
        }
    }
}

impl Service<Request<String>> for Strict {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.polls.fetch_add(1, Ordering::SeqCst) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called without being ready"
        );
        session_of(&request).insert("a", "1").unwrap();
        std::future::ready(Ok(Response::new(String::new())))
    }
}

#[tokio::test]
async fn the_inner_service_is_called_only_when_it_is_ready() {
    let world = World::new();
    let strict = Strict::default();
    let mut service = world.layer.layer(strict.clone());
    for _ in 0..3 {
        let reply = service.ready().await.unwrap().call(request(None)).await;
        assert_eq!(reply.unwrap().status(), 200);
        assert_eq!(
            service.clone().get_ref().polls.load(Ordering::SeqCst),
            strict.polls.load(Ordering::SeqCst)
        );
    }
    assert!(service.get_mut().polls.load(Ordering::SeqCst) >= 4);
    assert_eq!(world.backend.len(), 3);
    let _: Strict = service.into_inner();
}

#[tokio::test]
async fn the_layers_types_are_what_servers_need() {
    fn sendable<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn future<T: Send + 'static>(_: &T) {}
    let world = World::new();
    sendable(&world.layer);
    let mut service = world.layer.layer(service_fn(answer));
    sendable(&service);
    let response = service.ready().await.unwrap().call(request(None));
    future(&response);
    assert!(format!("{response:?} {:?}", world.layer).contains("__Host-id"));
    response.await.unwrap();
    sendable(&Session::for_test(Arc::new(world.backend.clone()), None));
}

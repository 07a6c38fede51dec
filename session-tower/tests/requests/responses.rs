//! Kinds of responses: streams, heads, redirects, other cookies.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crate::common::{World, request, session_of};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use session_core::SessionId;
use session_memory::MemoryBackend;
use session_tower::SessionLayer;
use tower::{Layer, ServiceExt, service_fn};

/// A body that is still being made when the head is sent, and that has no default.
struct Stream(tokio::sync::mpsc::Receiver<&'static [u8]>);

impl http_body::Body for Stream {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Infallible>>> {
        let part = self.0.poll_recv(cx);
        part.map(|part| part.map(|part| Ok(http_body::Frame::data(part))))
    }
}

#[tokio::test]
async fn the_commit_is_done_before_a_streaming_body_is_polled() {
    let backend = MemoryBackend::new();
    let layer = SessionLayer::new(Arc::new(backend.clone()));
    // No default body here: the failure response says how to make one.
    let layer = layer.with_failure_response(|_: &session_tower::SessionError| -> Response<_> {
        unreachable!("no session failed")
    });
    let (late, was_late) = (Arc::new(AtomicBool::new(false)), backend.clone());
    let seen = Arc::clone(&late);
    let service = layer.layer(service_fn(move |request: Request<String>| {
        let (seen, backend) = (Arc::clone(&seen), was_late.clone());
        async move {
            let session = session_of(&request);
            session.insert("a", "1").unwrap();
            let (sender, receiver) = tokio::sync::mpsc::channel(1);
            tokio::spawn(async move {
                for part in [b"one", b"two"] {
                    sender.send(part.as_slice()).await.unwrap();
                }
                // The head is sent: this cannot reach the client any more, and says so.
                seen.store(session.insert("b", "2").is_err(), Ordering::SeqCst);
                drop(backend);
            });
            Ok::<_, Infallible>(Response::new(Stream(receiver)))
        }
    }));
    let reply = service.oneshot(request(None)).await.unwrap();
    assert!(reply.headers().contains_key(SET_COOKIE));
    assert_eq!(backend.len(), 1);
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "onetwo");
    tokio::task::yield_now().await;
    assert!(late.load(Ordering::SeqCst));
}

#[tokio::test]
async fn heads_and_redirects_are_responses_like_any_other() {
    let world = World::new();
    let service = world
        .layer
        .layer(service_fn(async |request: Request<String>| {
            let session = session_of(&request);
            session.insert("a", "1").unwrap();
            let mut response = Response::new(String::new());
            if request.method() == Method::POST {
                *response.status_mut() = StatusCode::SEE_OTHER;
                let home = HeaderValue::from_static("/");
                response.headers_mut().insert(LOCATION, home);
            }
            Ok::<_, Infallible>(response)
        }));
    for (method, status) in [(Method::HEAD, 200), (Method::POST, 303)] {
        let mut request = request(None);
        *request.method_mut() = method;
        let reply = service.clone().oneshot(request).await.unwrap();
        assert_eq!(reply.status(), status);
        let line = reply.headers()[SET_COOKIE].to_str().unwrap();
        let id = line.split(['=', ';']).nth(1).unwrap();
        // A browser that follows the redirect at once finds the session.
        let id = SessionId::parse(id).unwrap();
        assert!(world.peek(&id).await.is_some());
    }
}

#[tokio::test]
async fn other_cookies_of_the_response_stay() {
    let world = World::new();
    let service = world
        .layer
        .layer(service_fn(async |request: Request<String>| {
            session_of(&request).insert("a", "1").unwrap();
            let mut response = Response::new(String::new());
            let theirs = HeaderValue::from_static("theme=dark");
            response.headers_mut().insert(SET_COOKIE, theirs);
            Ok::<_, Infallible>(response)
        }));
    let reply = service.oneshot(request(None)).await.unwrap();
    let lines: Vec<_> = reply.headers().get_all(SET_COOKIE).into_iter().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "theme=dark");
}

//! Kinds of responses: streams, every status, other cookies.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crate::common::{World, field, request, session_of};
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use session_memory::{MemoryBackend, Step};
use session_tower::{Session, SessionLayer};
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
    let layer = layer.with_failure_response(
        |_: &Parts, _: &session_tower::SessionError| -> Response<_> {
            unreachable!("no session failed")
        },
    );
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

#[tokio::test]
async fn a_rotation_is_whole_on_every_status() {
    let world = World::new();
    let mut id = world.session().await;
    for status in [200, 204, 302, 304, 400, 404, 500, 503] {
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                session.rotate().unwrap();
                session.insert("status", i64::from(status)).unwrap();
                StatusCode::from_u16(status).unwrap()
            })
            .await;
        assert_eq!(
            (reply.status(), &*reply.steps),
            (status, &[(Step::Rename, 1)][..])
        );
        let new = reply.new_id().expect("the new id reaches the client");
        assert_eq!(world.peek(&id).await, None);
        let record = world.peek(&new).await.unwrap();
        assert_eq!(field(&record, "status"), Some(&*status.to_string()));
        assert_eq!(field(&record, "seen"), Some("yes"));
        id = new;
    }
    assert_eq!(world.sessions().await, 1);
}

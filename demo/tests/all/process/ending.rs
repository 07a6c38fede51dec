//! The end of the program.

use std::time::Duration;

use rustix::process::Signal;
use session_redis_test::{Mode, Proxy, shared};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Backend, Demo, until, within};

#[tokio::test]
async fn it_ends_well_when_it_is_told_to() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut demo = Demo::on(Backend::Memory).await;
        // An idle connection that a browser keeps does not hold it up.
        demo.visitor().log_in("Ann", "30").await;
        demo.signal(signal);
        assert_eq!(
            demo.end().await.code(),
            Some(0),
            "{signal:?}: {}",
            demo.log()
        );
    }
}

/// A request of which the demo has the first half.
async fn half_a_request(demo: &Demo) -> TcpStream {
    let mut connection = TcpStream::connect(demo.address()).await.unwrap();
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\nusername";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

/// Waits until the demo takes no more connections.
async fn has_stopped_listening(demo: &Demo) {
    let ask = async || TcpStream::connect(demo.address()).await.is_err();
    until("the demo listens no more", ask, |refused| *refused).await;
}

#[tokio::test]
async fn requests_under_way_are_answered_before_it_ends() {
    let mut demo = Demo::on(Backend::Memory).await;
    // A request before it on the same listener: the half one has been accepted when this is
    // answered.
    let mut connection = half_a_request(&demo).await;
    demo.visitor().get("/healthz").await;
    demo.signal(Signal::TERM);
    has_stopped_listening(&demo).await;
    connection.write_all(b"=Ann").await.unwrap();
    let mut answer = String::new();
    within("the answer", connection.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Ann"),
        "{answer}"
    );
    assert_eq!(demo.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_store_that_is_slow_is_waited_for() {
    for backend in Backend::REDIS {
        let proxy = Proxy::start(shared().await.addr()).await;
        let mut demo = Demo::at(backend, proxy.addr()).await;
        let visitor = demo.visitor();
        visitor.log_in("Ann", "30").await;
        proxy.set(Mode::DelayReplies(Duration::from_millis(120)));
        proxy.reset();
        let end = async {
            // The request has reached the store.
            until(
                "the store is asked",
                async || proxy.bursts(),
                |bursts| *bursts > 0,
            )
            .await;
            demo.signal(Signal::TERM);
        };
        let (answer, ()) = tokio::join!(visitor.post("/increment", &[]), end);
        assert_eq!(answer.json()["page_views"], 2, "{}", backend.name());
        assert_eq!(demo.end().await.code(), Some(0));
    }
}

#[tokio::test]
async fn told_twice_it_does_not_wait() {
    let mut demo = Demo::on(Backend::Memory).await;
    let _connection = half_a_request(&demo).await;
    demo.visitor().get("/healthz").await;
    demo.signal(Signal::INT);
    has_stopped_listening(&demo).await;
    demo.signal(Signal::INT);
    assert_eq!(demo.end().await.code(), Some(0));
    assert!(
        demo.log().contains("before all requests had been answered"),
        "{}",
        demo.log()
    );
}

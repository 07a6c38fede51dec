//! A plain conversation with a server: what passes on the wire is exactly what is written here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]
#![allow(dead_code, reason = "no test binary uses all of it")]

pub(crate) mod rig;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use session_redis_test::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;

/// How long to wait for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// How long to wait to see that nothing comes.
pub(crate) const A_WHILE: Duration = Duration::from_millis(150);

/// One connection of a client that waits for its replies.
pub(crate) struct Talk {
    stream: TcpStream,
}

impl Talk {
    pub(crate) async fn to(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends a command, without waiting for its reply.
    pub(crate) async fn send(&mut self, command: &str) {
        let line = format!("{command}\r\n");
        self.stream.write_all(line.as_bytes()).await.unwrap();
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Waits for exactly these bytes.
    pub(crate) async fn expect(&mut self, reply: &str) {
        let mut bytes = vec![0; reply.len()];
        timeout(SOON, self.stream.read_exact(&mut bytes))
            .await
            .unwrap_or_else(|_| panic!("nothing came instead of {reply:?}"))
            .unwrap_or_else(|error| panic!("{error} instead of {reply:?}"));
        assert_eq!(String::from_utf8_lossy(&bytes), reply);
    }

    /// One command, one reply.
    pub(crate) async fn ask(&mut self, command: &str, reply: &str) {
        self.send(command).await;
        self.expect(reply).await;
    }

    /// Nothing comes, neither bytes nor an end.
    pub(crate) async fn expect_silence(&mut self) {
        let mut byte = [0];
        let read = timeout(A_WHILE, self.stream.read(&mut byte)).await;
        assert!(read.is_err(), "{read:?} instead of silence");
    }

    /// Nothing comes but an orderly end.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.read_last().await.unwrap(), 0, "bytes before the end");
    }

    /// Nothing comes but a reset.
    pub(crate) async fn expect_reset(&mut self) {
        let error = self.read_last().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    /// Says that no more commands will come.
    pub(crate) async fn close_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Nothing comes but an end, orderly or not.
    pub(crate) async fn expect_end_of_any_kind(&mut self) {
        let end = self.read_last().await.unwrap_or(0);
        assert_eq!(end, 0, "bytes before the end");
    }

    /// Whether this reply comes; if not, the connection ends without a byte.
    pub(crate) async fn answers(&mut self, reply: &str) -> bool {
        let mut first = [0];
        let peeked = timeout(SOON, self.stream.peek(&mut first)).await;
        if peeked.expect("a reply or an end").unwrap_or(0) == 0 {
            return false;
        }
        self.expect(reply).await;
        true
    }

    async fn read_last(&mut self) -> io::Result<usize> {
        let mut byte = [0];
        timeout(SOON, self.stream.read(&mut byte))
            .await
            .expect("the connection ends")
    }
}

/// Waits until clients have sent something through the proxy since its last reset.
pub(crate) async fn request_arrives(proxy: &Proxy) {
    let arrival = async {
        while proxy.request_bytes() == 0 {
            yield_now().await;
        }
    };
    timeout(SOON, arrival).await.expect("a request arrives");
}

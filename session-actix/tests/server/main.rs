//! The middleware in a server, over real connections.

#![cfg(test)]
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a test is read, not linked"
)]

mod life;
mod workers;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error, HttpServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server of an application; it is stopped at the end.
pub struct Site {
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Site {
    /// With two workers, of which each drops a request whose client has left.
    pub fn start<T, B>(app: impl Fn() -> App<T> + Clone + Send + 'static) -> Self
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = HttpServer::new(app).workers(2).disable_signals();
        let server = server
            .h1_allow_half_closed(false)
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { address, handle }
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }

    /// A connection on which this request was sent.
    pub async fn send(&self, path: &str, headers: &str) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: site\r\n{headers}\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection
    }

    /// All that is received in reply; nothing where the connection was just closed.
    pub async fn get(&self, path: &str, headers: &str) -> String {
        let headers = format!("connection: close\r\n{headers}");
        let mut connection = self.send(path, &headers).await;
        let mut received = String::new();
        // Where a connection is reset, what came before is what was received.
        let _ = connection.read_to_string(&mut received).await;
        received
    }
}

/// What a browser sends of the cookie that a response sets.
pub fn cookie_of(response: &str) -> String {
    let line = response
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let pair = line.and_then(|line| line.split(';').next());
    format!("cookie: {}\r\n", pair.expect("a cookie"))
}

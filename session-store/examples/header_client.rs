//! A program as the client: the session's id travels in headers, and no cookie is needed. The
//! server and the program run side by side:
//!
//! ```sh
//! cargo run -p session-store --example header_client --features axum
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use axum::routing::post;
use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use session_store::backends::memory::MemoryBackend;
use session_store::web::SessionHeader;
use session_store::{Principal, Session, SessionBackend, SessionError, SessionLayer};

// ---- The server ---------------------------------------------------------------------------------

/// Passwords are left out here; see the example `shop`.
async fn log_in(session: Session, username: String) -> Result<String, SessionError> {
    session.log_in(Principal::new(username.as_str())?)?;
    Ok(format!("Hello, {username}!"))
}

async fn count(session: Session) -> Result<String, SessionError> {
    if session.principal().await?.is_none() {
        return Ok("Please log in.".to_owned());
    }
    Ok(format!(
        "call number {}",
        session.increment("calls", 1).await?
    ))
}

async fn rotate(session: Session) -> Result<&'static str, SessionError> {
    session.rotate()?;
    Ok("You have a new id.")
}

async fn log_out(session: Session) -> Result<&'static str, SessionError> {
    session.log_out()?;
    Ok("Goodbye!")
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>) -> Router {
    Router::new()
        .route("/login", post(log_in))
        .route("/count", post(count))
        .route("/rotate", post(rotate))
        .route("/logout", post(log_out))
        .layer(SessionLayer::new(backend).with_header(SessionHeader::bearer()))
}

// ---- The client ---------------------------------------------------------------------------------

/// Keeps the id of its session in memory.
struct Program {
    http: Client<HttpConnector, Body>,
    server: SocketAddr,
    id: Option<String>,
}

impl Program {
    /// A program without a session.
    fn new(server: SocketAddr) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let id = None;
        Self { http, server, id }
    }

    /// Sends the id, if there is one, and heeds what the response does to it. Says what happened.
    async fn post(&mut self, path: &str, body: &str) -> Result<String, Box<dyn Error>> {
        let mut request = Request::post(format!("http://{}{path}", self.server));
        if let Some(id) = &self.id {
            request = request.header(AUTHORIZATION, format!("Bearer {id}"));
        }
        let request = request.body(Body::from(body.to_owned()))?;
        let response = self.http.request(request).await?;
        // A new id replaces the one before; an empty one says that the session has ended.
        let what = match response.headers().get("session-id") {
            Some(id) if id.is_empty() => {
                self.id = None;
                "; the id is forgotten"
            }
            Some(id) => match self.id.replace(id.to_str()?.to_owned()) {
                None => "; an id is kept",
                Some(_) => "; the id is replaced",
            },
            None => "",
        };
        let body = response.into_body().collect().await?.to_bytes();
        // The id is a secret: what is shown says of it only what became of it.
        Ok(format!(
            "POST {path}: {}{what}",
            String::from_utf8_lossy(&body)
        ))
    }
}

/// Logs in, counts, rotates, counts, logs out, and is somebody without a session.
pub async fn run_client(server: SocketAddr) -> Result<Vec<String>, Box<dyn Error>> {
    let mut program = Program::new(server);
    let mut said = vec![program.post("/login", "ann").await?];
    for path in ["/count", "/rotate", "/count", "/logout", "/count"] {
        said.push(program.post(path, "").await?);
    }
    Ok(said)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    let backend = Arc::new(MemoryBackend::new());
    tokio::spawn(async move { axum::serve(listener, app(backend)).await });
    for line in run_client(server).await? {
        println!("{line}");
    }
    Ok(())
}

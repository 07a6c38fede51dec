//! Open connections that end with the session: a room where people talk, listened to by server-sent
//! events, or by a WebSocket through which they talk, too.
//!
//! Both outlive the request that began them, and would go on after a log-out. `session.watch()`
//! says when the session is over, wherever it was ended: here, on another device, or because its
//! time is over. A log-in or log-out in the same browser is the end of the session before it: the
//! script connects again, with the newer cookie.
//!
//! Listening is no use of the session; talking is.
//!
//! A script of another site can open a WebSocket here, with this site's cookies if it is a
//! neighbouring subdomain: no rule of CORS applies, and `CsrfLayer` lets a GET pass. So the handler
//! looks at `Origin`, which browsers always send with it.
//!
//! ```sh
//! cargo run -p session-store --example live --features axum
//! ```

use std::convert::Infallible;
use std::error::Error;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt, stream};
use session_store::{
    Principal, Session, SessionCookie, SessionEnd, SessionError, SessionLayer, Watch,
};
use tokio::select;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Sender, channel};
use tower_http::csrf::CsrfLayer;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>A room</title>
<form><input name="name"> <button>Come in</button> <button type="button">Leave</button></form>
<form><input name="text"> <button>Say</button></form>
<ul></ul>
<script>
const [door, mouth] = document.forms
const show = text => document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: text }))
let socket
function listen() {
  socket = new WebSocket('/socket')
  socket.onmessage = event => show(event.data)
  socket.onclose = event => {
    show(event.reason || 'closed')
    if (event.reason === 'rotated') listen()
  }
}
door.onsubmit = async event => {
  event.preventDefault()
  await fetch('/login', { method: 'POST', body: door.name.value })
  listen()
}
door[2].onclick = () => fetch('/logout', { method: 'POST' })
mouth.onsubmit = event => {
  event.preventDefault()
  socket.send(mouth.text.value)
}
</script></html>
"#;

type Room = Sender<String>;

/// Passwords are left out here; see the example `shop`.
async fn log_in(session: Session, name: String) -> Result<(), SessionError> {
    session.log_in(Principal::new(name)?)
}

async fn log_out(session: Session) -> Result<(), SessionError> {
    session.log_out()
}

/// What is said from now on. Whoever listens too slowly misses some of it.
fn said(room: &Room) -> impl Stream<Item = String> + use<> {
    stream::unfold(room.subscribe(), |mut room| async move {
        loop {
            match room.recv().await {
                Ok(text) => return Some((text, room)),
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(_)) => {}
            }
        }
    })
}

/// What the client is told when its session is over.
fn reason(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Expired => "expired",
        SessionEnd::Rotated => "rotated",
        _ => "logged-out",
    }
}

/// Server-sent events. The last one says why it is the last.
async fn events(State(room): State<Room>, session: Session) -> Result<Response, SessionError> {
    let Some(watch) = session.watch().await? else {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    };
    let over = watch.clone();
    let last = async move {
        let reason = reason(watch.ended().await);
        // Without data browsers would show it to nobody.
        Event::default().event(reason).data(reason)
    };
    let events = said(&room)
        .map(|text| Event::default().data(text))
        .take_until(async move { over.ended().await })
        .chain(stream::once(last))
        .map(Ok::<_, Infallible>);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

async fn socket(
    State(room): State<Room>,
    session: Session,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, SessionError> {
    if !is_own_page(&headers) {
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let Some(principal) = session.principal().await? else {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    };
    let Some(watch) = session.watch().await? else {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    };
    Ok(upgrade.on_upgrade(async move |socket| talk(socket, room, principal, watch).await))
}

/// Whether a page of this host asks, or a program, which sends no `Origin`.
fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).map(|origin| origin.split_once("://"));
    origin.is_none_or(|origin| origin.map(|(_, host)| host) == text(HOST))
}

async fn talk(mut socket: WebSocket, room: Room, principal: Principal, watch: Watch) {
    let mut said = Box::pin(said(&room));
    let end = loop {
        select! {
            end = watch.ended() => break end,
            Some(text) = said.next() => {
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => match watch.touch().await {
                    // Nobody listens: so be it.
                    Ok(true) => drop(room.send(format!("{}: {text}", principal.as_str()))),
                    // Over, as `ended` is about to say.
                    Ok(false) => {}
                    // That the store fails is no end. It is not known either who talks.
                    Err(_) => drop(socket.send(Message::text("not heard")).await),
                },
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    };
    let close = CloseFrame {
        code: close_code::POLICY,
        reason: reason(end).into(),
    };
    let _ = socket.send(Message::Close(Some(close))).await;
}

/// The application. How soon a connection ends after its session is the layer's
/// [`with_watch_interval`](SessionLayer::with_watch_interval), 5 s unless set.
pub fn app(sessions: SessionLayer) -> Router {
    let (room, _) = channel(64);
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/events", get(events))
        .route("/socket", get(socket))
        .layer(sessions)
        .layer(CsrfLayer::new())
        .with_state(room)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let backend = session_store::connect("memory:").await?;
    // This is plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("sid").build()?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(
        listener,
        app(SessionLayer::new(backend).with_cookie(cookie)),
    )
    .await?;
    Ok(())
}

//! A single-page application: a script that talks JSON to its own origin, with the session in the
//! cookie. The script never sees the id (the cookie is `HttpOnly`), so another script that gets
//! into the page cannot take the session away with it.
//!
//! * Who is logged in, and for how long, the script asks of `/api/session`. Asking is no use of the
//!   session: a page that is only open lets it expire.
//! * What needs a log-in is 401 to a script, never a redirect to a page: then the script shows its
//!   log-in form.
//! * Page and API have one origin, so there is no CORS and no token; `CsrfLayer` refuses others.
//!
//! ```sh
//! cargo run -p session-store --example spa --features axum,auth
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::Json;
use axum::response::Html;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_store::auth::{Auth, AuthLayer, RequireLogin, UserLoader};
use session_store::web::Typed;
use session_store::{
    InvalidPrincipal, Principal, ReadSession, SessionBackend, SessionCookie, SessionError,
    SessionLayer,
};
use tower_http::csrf::CsrfLayer;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Settings</title>
<form id="login" hidden><input name="username"> <button>Log in</button></form>
<form id="settings" hidden>
<label><input type="checkbox" name="dark"> Dark</label> <button>Save</button>
<button type="button" name="leave">Log out</button>
<p><span id="user"></span>, <span id="left"></span> s left</p></form>
<script>
const [login, settings] = document.forms
async function api(method, path, body) {
  const response = await fetch('/api' + path, {
    method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body),
  })
  if (response.status === 401) show({ user: null })
  return response
}
function show({ user, seconds_left }) {
  login.hidden = user !== null
  settings.hidden = user === null
  document.querySelector('#user').textContent = user
  document.querySelector('#left').textContent = seconds_left
}
async function look() { show(await (await api('GET', '/session')).json()) }
login.onsubmit = async event => {
  event.preventDefault()
  await api('POST', '/login', { username: login.username.value })
  look()
}
settings.onsubmit = async event => {
  event.preventDefault()
  await api('PUT', '/settings', { dark: settings.dark.checked })
  look()
}
settings.leave.onclick = async () => {
  await api('POST', '/logout')
  look()
}
setInterval(look, 5000)
look()
</script></html>
"#;

/// What the script may know.
#[derive(Serialize)]
struct Status {
    user: Option<String>,
    seconds_left: Option<u64>,
}

async fn status(session: ReadSession) -> Result<Json<Status>, SessionError> {
    let principal = session.principal().await?;
    let record = session.load().await?;
    Ok(Json(Status {
        user: principal.map(|principal| principal.as_str().to_owned()),
        seconds_left: record.and_then(|record| record.ttl().whole_seconds()),
    }))
}

#[derive(Clone, Deserialize)]
struct User {
    username: String,
}

/// Passwords are left out here; see the example `shop`.
async fn log_in(auth: Auth<User>, Json(user): Json<User>) -> Result<(), SessionError> {
    auth.log_in(&user)
}

async fn log_out(auth: Auth<User>) -> Result<(), SessionError> {
    auth.log_out()
}

/// A struct that lives in the session, one field per member.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    dark: bool,
}

async fn settings(settings: Typed<Settings>) -> Json<Settings> {
    Json(settings.clone())
}

async fn set(mut stored: Typed<Settings>, Json(new): Json<Settings>) -> Result<(), SessionError> {
    *stored = new;
    stored.store()
}

struct Users;

impl UserLoader for Users {
    type User = User;
    type Error = Infallible;

    async fn load(&self, principal: &Principal) -> Result<Option<User>, Infallible> {
        let username = principal.as_str().to_owned();
        Ok(Some(User { username }))
    }

    fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
        Principal::new(user.username.as_str())
    }
}

/// The application, over any backend.
pub fn app(backend: Arc<dyn SessionBackend>, cookie: SessionCookie) -> Router {
    let api = Router::new()
        .route("/settings", get(settings).put(set))
        .route_layer(RequireLogin::<User>::unauthorized())
        .route("/session", get(status))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(AuthLayer::new(Users))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
        .layer(CsrfLayer::new());
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .nest("/api", api)
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
    axum::serve(listener, app(backend, cookie)).await?;
    Ok(())
}

//! Log in with an account elsewhere: OAuth's authorization code flow with PKCE, against a provider
//! that the example starts itself, and that takes everybody for `ann`.
//!
//! What the flow keeps between its two requests lives in the visitor's session: the `state`, which
//! proves that this browser has begun the log-in, the PKCE verifier, which proves the same to the
//! provider, and where the person wanted to go. Each is good for one return.
//!
//! The cookie's `SameSite=Lax` is what this needs: the provider sends the browser back by a
//! navigation, which `Strict` would leave without the session.
//!
//! ```sh
//! cargo run -p session-store --example oauth --features axum,auth
//! ```

pub mod provider;

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::http::{Request, StatusCode, header::AUTHORIZATION};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oauth2::basic::BasicClient;
use oauth2::url::ParseError;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use session_store::auth::safe_next;
use session_store::{
    Principal, Session, SessionBackend, SessionCookie, SessionError, SessionLayer,
};

type OAuthClient =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The provider, as this application uses it.
struct OAuth {
    client: OAuthClient,
    user_info: String,
}

/// What the session keeps while the person is at the provider's.
#[derive(Serialize, Deserialize)]
struct Pending {
    state: String,
    verifier: String,
    next: Option<String>,
}

#[derive(Deserialize)]
struct After {
    next: Option<String>,
}

/// Sends the person to the provider. What is kept is in the store before the redirect is sent.
async fn log_in(
    State(oauth): State<Arc<OAuth>>,
    session: Session,
    Query(after): Query<After>,
) -> Result<Redirect, SessionError> {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = oauth.client.authorize_url(CsrfToken::new_random);
    let (url, state) = request.set_pkce_challenge(challenge).url();
    let pending = Pending {
        state: state.into_secret(),
        verifier: verifier.into_secret(),
        next: after.next,
    };
    session.insert("oauth", pending)?;
    Ok(Redirect::to(url.as_str()))
}

#[derive(Deserialize)]
struct Returned {
    code: String,
    state: String,
}

/// The person is back. The log-in gives the session another id: whoever knew the visitor's, or
/// planted it in this browser, does not know the user's.
async fn back(
    State(oauth): State<Arc<OAuth>>,
    session: Session,
    Query(returned): Query<Returned>,
) -> Result<Response, SessionError> {
    let pending: Option<Pending> = session.take("oauth").await?;
    let Some(pending) = pending.filter(|pending| pending.state == returned.state) else {
        let text = "This browser has not begun this log-in.\n";
        return Ok((StatusCode::BAD_REQUEST, text).into_response());
    };
    let verifier = PkceCodeVerifier::new(pending.verifier);
    // What the provider says in an error is not for the browser.
    let Ok(user) = who(&oauth, returned.code, verifier).await else {
        return Ok((StatusCode::BAD_GATEWAY, "The log-in failed.\n").into_response());
    };
    // Prefixed: another provider may have the same name for somebody else.
    session.log_in(Principal::new(format!("provider:{}", user.sub))?)?;
    session.insert("name", user.name)?;
    let next = pending.next.as_deref().and_then(safe_next);
    Ok(Redirect::to(next.unwrap_or("/")).into_response())
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: String,
}

/// Exchanges the code for a token, and asks whose it is. The token is not kept: an application that
/// calls the provider later keeps it in its database, and not in the session.
async fn who(
    oauth: &OAuth,
    code: String,
    verifier: PkceCodeVerifier,
) -> Result<UserInfo, Box<dyn Error + Send + Sync>> {
    let exchange = oauth.client.exchange_code(AuthorizationCode::new(code));
    let token = exchange
        .set_pkce_verifier(verifier)
        .request_async(&fetch)
        .await?;
    let token = format!("Bearer {}", token.access_token().secret());
    let request = Request::get(&oauth.user_info).header(AUTHORIZATION, token);
    let response = fetch(request.body(Vec::new())?).await?;
    Ok(serde_json::from_slice(response.body())?)
}

/// A small HTTP client. It follows no redirects: what the provider says must come from the
/// provider.
async fn fetch(request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let response = client.request(request.map(Body::from)).await;
    let (parts, body) = response.map_err(std::io::Error::other)?.into_parts();
    let body = to_bytes(Body::new(body), 64 * 1024).await;
    let body = body.map_err(std::io::Error::other)?;
    Ok(HttpResponse::from_parts(parts, body.to_vec()))
}

async fn home(session: Session) -> Result<String, SessionError> {
    let name: Option<String> = session.get("name").await?;
    Ok(name.map_or("Log in at /login.\n".to_owned(), |name| {
        format!("Hello, {name}!\n")
    }))
}

/// The application at the origin `here`, over any backend, with the provider at this origin.
pub fn app(
    backend: Arc<dyn SessionBackend>,
    cookie: SessionCookie,
    here: &str,
    provider: &str,
) -> Result<Router, ParseError> {
    let client = BasicClient::new(ClientId::new("shop".to_owned()))
        .set_auth_uri(AuthUrl::new(format!("{provider}/authorize"))?)
        .set_token_uri(TokenUrl::new(format!("{provider}/token"))?)
        .set_redirect_uri(RedirectUrl::new(format!("{here}/back"))?);
    let user_info = format!("{provider}/userinfo");
    Ok(Router::new()
        .route("/", get(home))
        .route("/login", get(log_in))
        .route("/back", get(back))
        .layer(SessionLayer::new(backend).with_cookie(cookie))
        .with_state(Arc::new(OAuth { client, user_info })))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let provider = format!("http://{}", elsewhere.local_addr()?);
    tokio::spawn(async move { axum::serve(elsewhere, provider::router()).await });

    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let backend = session_store::connect("memory:").await?;
    // This is plain HTTP. Over HTTPS, leave the cookie at its default.
    let cookie = SessionCookie::insecure_for_development("sid").build()?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let here = format!("http://{}", listener.local_addr()?);
    println!("listening on {here}");
    axum::serve(listener, app(backend, cookie, &here, &provider)?).await?;
    Ok(())
}

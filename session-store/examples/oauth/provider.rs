//! A provider for trying out: it asks nobody, and everybody is `ann`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use serde::Deserialize;
use serde_json::{Value, json};

const TOKEN: &str = "ann's token";

/// Of each code that was given out, the challenge that came with its request.
type Codes = Arc<Mutex<HashMap<String, String>>>;

#[derive(Deserialize)]
struct Authorize {
    redirect_uri: String,
    state: String,
    code_challenge: String,
}

/// Where a real provider would ask for a password, and whether the application may know.
async fn authorize(State(codes): State<Codes>, Query(asked): Query<Authorize>) -> Redirect {
    let code = CsrfToken::new_random().into_secret();
    let mut codes = codes.lock().unwrap_or_else(PoisonError::into_inner);
    codes.insert(code.clone(), asked.code_challenge);
    let Authorize {
        redirect_uri,
        state,
        ..
    } = asked;
    Redirect::to(&format!("{redirect_uri}?code={code}&state={state}"))
}

#[derive(Deserialize)]
struct TokenRequest {
    code: String,
    code_verifier: String,
}

/// A code is good once, and only for whoever began the flow.
async fn token(
    State(codes): State<Codes>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<Value>, StatusCode> {
    let mut codes = codes.lock().unwrap_or_else(PoisonError::into_inner);
    let challenge = codes.remove(&request.code);
    let verifier = PkceCodeVerifier::new(request.code_verifier);
    let expected = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    if challenge.as_deref() != Some(expected.as_str()) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(
        json!({ "access_token": TOKEN, "token_type": "bearer" }),
    ))
}

async fn user_info(headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|token| token != format!("Bearer {TOKEN}").as_str())
    {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(Json(json!({ "sub": "42", "name": "ann" })))
}

/// The provider.
pub fn router() -> Router {
    Router::new()
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/userinfo", get(user_info))
        .with_state(Codes::default())
}

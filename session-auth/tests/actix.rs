//! Who is logged in and who passes, in an actix-web application on the memory backend.

#![cfg(test)]
#![allow(missing_docs, reason = "a test is read, not linked")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use actix_web::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Path, get, resource};
use actix_web::{App, HttpResponse};
use session_actix::{SessionError, SessionMiddleware};
use session_auth::{Auth, AuthLayer, CurrentUser, RequireLogin, UserLoader};
use session_core::{InvalidPrincipal, Principal, SessionBackend, SessionId};
use session_http_test::Near;
use session_memory::MemoryBackend;

type User = String;

struct Users(Arc<AtomicUsize>);

impl UserLoader for Users {
    type User = User;
    type Error = Infallible;

    async fn load(&self, principal: &Principal) -> Result<Option<User>, Infallible> {
        self.0.fetch_add(1, Relaxed);
        Ok(Some(principal.as_str().to_owned()))
    }

    fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
        Principal::new(user.as_str())
    }

    fn has_permission(&self, user: &User, permission: &str) -> bool {
        user == "ann" && permission == "write"
    }
}

async fn log_in(auth: Auth<User>, name: Path<String>) -> Result<HttpResponse, SessionError> {
    auth.log_in(&name)?;
    Ok(HttpResponse::Ok().finish())
}

async fn twice(CurrentUser(user): CurrentUser<User>, auth: Auth<User>) -> String {
    assert!(matches!(auth.user().await, Ok(Some(same)) if same == user));
    user
}

async fn open(user: Option<CurrentUser<User>>) -> String {
    user.map_or_else(|| "nobody".to_owned(), |CurrentUser(user)| user)
}

#[actix_web::test]
async fn users_are_told_from_visitors_and_from_a_failing_store() {
    let (backend, loads) = (MemoryBackend::new(), Arc::<AtomicUsize>::default());
    let account = || resource("/account").wrap(RequireLogin::<User>::redirect_to("/login?a=b"));
    let write = RequireLogin::<User>::unauthorized().with_permission("write");
    let app = App::new()
        .app_data(AuthLayer::new(Users(loads.clone())))
        .route("/login/{name}", get().to(log_in))
        .route("/user", get().to(twice))
        .route("/open", get().to(open))
        .service(account().route(get().to(twice)))
        .service(resource("/write").wrap(write).route(get().to(twice)))
        .wrap(SessionMiddleware::new(Arc::new(backend.clone())));
    let app = init_service(app).await;

    let mut cookies = vec![String::new()];
    for name in ["ann", "bob"] {
        let request = TestRequest::with_uri(&format!("/login/{name}")).to_request();
        let response = call_service(&app, request).await;
        let set = response.headers().get("set-cookie").unwrap();
        cookies.push(set.to_str().unwrap().split(';').next().unwrap().to_owned());
    }
    let [visitor, ann, bob] = [0, 1, 2].map(|n| cookies[n].as_str());

    let ask = async |path: &str, cookie: &str, mode: &str| {
        let request = TestRequest::with_uri(path);
        let request = request.insert_header(("cookie", cookie));
        let request = request.insert_header(("sec-fetch-mode", mode));
        let response = call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let to = headers
            .get(LOCATION)
            .map(|to| to.to_str().unwrap().to_owned());
        assert_eq!(headers.contains_key(RETRY_AFTER), status == 503, "{path}");
        assert!(to.is_none() || headers.get(CACHE_CONTROL).unwrap() == "no-store");
        let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        (status, to.unwrap_or(body))
    };
    for (path, cookie, mode, status, shown) in [
        ("/user", visitor, "navigate", 401, ""),
        ("/user", ann, "cors", 200, "ann"),
        ("/open", visitor, "navigate", 200, "nobody"),
        ("/open", bob, "navigate", 200, "bob"),
        (
            "/account?c=d",
            visitor,
            "navigate",
            303,
            "/login?a=b&next=%2Faccount%3Fc%3Dd",
        ),
        ("/account", visitor, "cors", 401, ""),
        ("/account", bob, "navigate", 200, "bob"),
        ("/write", visitor, "navigate", 401, ""),
        ("/write", bob, "navigate", 403, ""),
        ("/write", ann, "cors", 200, "ann"),
    ] {
        loads.store(0, Relaxed);
        let asked = ask(path, cookie, mode).await;
        assert_eq!(asked, (status, shown.to_owned()), "{path} {cookie}");
        assert_eq!(
            loads.load(Relaxed),
            usize::from(cookie != visitor),
            "{path}"
        );
    }
    backend.faults().store_down();
    for path in ["/user", "/open", "/account", "/write"] {
        assert_eq!(
            ask(path, ann, "navigate").await,
            (503, String::new()),
            "{path}"
        );
    }

    // Without the layer or the middleware it is the application that is wrong.
    let app = init_service(App::new().route("/", get().to(twice))).await;
    let response = call_service(&app, TestRequest::default().to_request()).await;
    assert_eq!(response.status(), 500);
}

/// Where the backend keeps what it has read, and another process has ended the session.
#[actix_web::test]
async fn a_session_that_was_ended_elsewhere_passes_no_fresh_requirement() {
    let near = Arc::new(Near::default());
    let by_default = || RequireLogin::<User>::unauthorized();
    let app = App::new()
        .app_data(AuthLayer::new(Users(Arc::default())))
        .route("/login/{name}", get().to(log_in))
        .service(
            resource("/default")
                .wrap(by_default())
                .route(get().to(twice)),
        )
        .service(
            resource("/fresh")
                .wrap(by_default().fresh())
                .route(get().to(twice)),
        )
        .wrap(SessionMiddleware::new(near.clone()));
    let app = init_service(app).await;
    let request = TestRequest::with_uri("/login/ann").to_request();
    let response = call_service(&app, request).await;
    let set = response.headers().get("set-cookie").unwrap();
    let cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    let status = async |path: &str| {
        let request = TestRequest::with_uri(path);
        let request = request.insert_header(("cookie", cookie.as_str()));
        let response = call_service(&app, request.to_request()).await;
        response.status().as_u16()
    };
    let id = SessionId::parse(cookie.split('=').nth(1).unwrap()).unwrap();
    near.get_session(&id).await.unwrap();
    assert_eq!(
        (status("/fresh").await, status("/default").await),
        (200, 200)
    );
    let ann = Principal::new("ann").unwrap();
    let ended = near.store.revoke_sessions(&ann, None).await;
    assert_eq!(ended.unwrap(), 1);
    assert_eq!(
        (status("/default").await, status("/fresh").await),
        (200, 401)
    );
}

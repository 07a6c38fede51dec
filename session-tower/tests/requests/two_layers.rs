//! Two session layers around one handler.

use std::convert::Infallible;
use std::sync::Arc;

use crate::common::{request, session_of};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use session_memory::MemoryBackend;
use session_tower::{Session, SessionCookie, SessionLayer};
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn two_layers(backend: &MemoryBackend) -> (SessionLayer, SessionLayer) {
    let layer = |name| {
        let cookie = SessionCookie::host(name).build().unwrap();
        SessionLayer::new(Arc::new(backend.clone())).with_cookie(cookie)
    };
    (layer("visitor"), layer("admin"))
}

#[tokio::test]
async fn two_layers_keep_two_sessions_apart() {
    let backend = MemoryBackend::new();
    let (visitor, admin) = two_layers(&backend);
    let service = ServiceBuilder::new()
        .layer(visitor)
        .layer(admin)
        .service(service_fn(async |request: Request<String>| {
            let extensions = request.extensions();
            let visitor = Session::named(extensions, "__Host-visitor").unwrap();
            let admin = Session::named(extensions, "__Host-admin").unwrap();
            assert!(Session::named(extensions, "__Host-other").is_none());
            assert_eq!(session_of(&request).name(), "__Host-admin");
            match request.body().as_str() {
                "begin" => {
                    visitor.insert("who", "visitor").unwrap();
                    admin.insert("who", "admin").unwrap();
                }
                "log out" => admin.log_out().unwrap(),
                "nothing" => {}
                other => panic!("{other}"),
            }
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
    let mut cookies = String::new();
    for (body, changed) in [
        ("nothing", &[][..]),
        ("begin", &["__Host-admin", "__Host-visitor"]),
        ("nothing", &[]),
        ("log out", &["__Host-admin"]),
    ] {
        let mut request = Request::new(body.to_owned());
        let line = HeaderValue::from_str(&cookies).unwrap();
        request.headers_mut().insert(COOKIE, line);
        let reply = service.clone().oneshot(request).await.unwrap();
        let lines = reply.headers().get_all(SET_COOKIE).iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
        let names: Vec<_> = lines
            .iter()
            .map(|line| line.split('=').next().unwrap())
            .collect();
        assert_eq!(names, changed, "{body}");
        if body == "begin" {
            let pairs: Vec<_> = lines
                .iter()
                .map(|line| line.split(';').next().unwrap())
                .collect();
            cookies = pairs.join("; ");
        }
    }
    assert_eq!(backend.len(), 1);
}

#[tokio::test]
async fn one_failing_store_does_not_drop_the_other_layers_changes() {
    let (down, up) = (MemoryBackend::new(), MemoryBackend::new());
    let (visitor, _) = two_layers(&up);
    let (_, admin) = two_layers(&down);
    down.faults().store_down();
    let service = ServiceBuilder::new()
        .layer(visitor)
        .layer(admin)
        .service(service_fn(async |request: Request<String>| {
            let extensions = request.extensions();
            for name in ["__Host-visitor", "__Host-admin"] {
                let session = Session::named(extensions, name).unwrap();
                session.insert("a", "1").unwrap();
            }
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
    let reply = service.oneshot(request(None)).await.unwrap();
    assert_eq!(reply.status(), 503);
    let lines: Vec<_> = reply.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].to_str().unwrap().starts_with("__Host-visitor="));
    assert_eq!(up.len(), 1);
}

//! What an adapter has to do, one by one: how requests and responses get through it. What becomes
//! of sessions is not decided there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};

use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, RETRY_AFTER, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use session_core::{Effect, ErrorKind, SessionBackend as _, SessionId};
use session_http::{Session, SessionCookie, SessionError, SessionHeader};
use session_memory::Step;
use tokio::runtime::Builder;

use crate::adapter::{Adapter, Handler, Transport, World, handler};
use crate::browser::model::{Line, NAME};

/// # Panics
/// When it does something else.
pub fn an_adapter_does_what_it_must<A: Adapter>() {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        what_a_response_says::<A>().await;
        a_failing_store::<A>().await;
        requests_without_a_response::<A>().await;
        headers_in_place_of_the_cookie::<A>().await;
        several_lines::<A>().await;
    });
}

type Answered = Result<Response<()>, SessionError>;

fn ok() -> Answered {
    Ok(Response::new(()))
}

async fn read(session: Session) -> Answered {
    session.get_raw("a").await?;
    ok()
}

async fn insert(session: Session) -> Answered {
    session.insert("a", 1)?;
    ok()
}

/// The lines of a header, joined.
fn lines(headers: &HeaderMap, name: HeaderName) -> String {
    let lines = headers.get_all(name).into_iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
    lines.join(", ")
}

async fn what_a_response_says<A: Adapter>() {
    fn said(mut response: Response<()>) -> Response<()> {
        let headers = response.headers_mut();
        headers.insert(SET_COOKIE, "theirs=1".parse().unwrap());
        headers.insert(CACHE_CONTROL, "max-age=60".parse().unwrap());
        headers.insert(VARY, "Accept".parse().unwrap());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
    let untouched = || handler(|_| async { ok() });
    let says_more = || handler(|session| async { insert(session).await.map(said) });
    let cases: [(bool, Handler, u16, &str, &str, bool); 5] = [
        (true, untouched(), 200, "", "", false),
        (true, handler(read), 200, "private", "Cookie", false),
        (true, handler(insert), 200, "private", "Cookie", false),
        (false, handler(insert), 200, "no-store", "Cookie", true),
        (
            false,
            says_more(),
            500,
            "max-age=60, no-store",
            "Accept, Cookie",
            true,
        ),
    ];
    for (has_session, handler, status, caching, vary, is_set) in cases {
        let world = World::<A>::new();
        let id = if has_session {
            Some(world.session().await)
        } else {
            None
        };
        let mut request = Request::new(());
        if let Some(id) = &id {
            let line = format!("theirs=1; {NAME}={}", id.expose());
            request.headers_mut().insert(COOKIE, line.parse().unwrap());
        }
        let cookie = Transport::Cookie(SessionCookie::default());
        let response = world.send(cookie, request, handler).await;
        let headers = response.headers();
        assert_eq!(response.status(), status);
        assert_eq!(lines(headers, CACHE_CONTROL), caching);
        assert_eq!(lines(headers, VARY), vary);
        let set: Vec<_> = headers.get_all(SET_COOKIE).into_iter().cloned().collect();
        let theirs = set.iter().filter(|line| *line == "theirs=1").count();
        assert_eq!(
            (theirs, set.len() - theirs),
            (usize::from(status == 500), usize::from(is_set))
        );
        // Committed, whatever the status, before there was a response.
        if is_set {
            let ours = set.last().map(|line| (SET_COOKIE, line.clone()));
            let Some(Line::Set(id, None)) = Line::of(&HeaderMap::from_iter(ours)) else {
                panic!("it sets no cookie");
            };
            let record = world.backend.peek_session(&id).await.unwrap();
            assert_eq!(record.unwrap().fields().get_str("a"), Some("1"));
        }
    }
}

async fn a_failing_store<A: Adapter>() {
    // The handler finds out, and says so; and the commit finds out.
    for (handler, step) in [(handler(read), Step::Read), (handler(insert), Step::Write)] {
        let world = World::<A>::new();
        let id = world.session().await;
        world
            .backend
            .faults()
            .on(step)
            .next_call()
            .fail(ErrorKind::Unavailable, Effect::NotApplied);
        let mut request = Request::new(());
        let line = format!("{NAME}={}", id.expose());
        request.headers_mut().insert(COOKIE, line.parse().unwrap());
        let cookie = Transport::Cookie(SessionCookie::default());
        let response = world.send(cookie, request, handler).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
        assert_eq!(lines(response.headers(), SET_COOKIE), "");
    }
    // What is not the store's failure: the response of the error, and the commit as usual.
    let world = World::<A>::new();
    let misuse = world.visit(None, |session| async move {
        session.insert("a", 1)?;
        session.insert("session_ttl", 1)?;
        ok()
    });
    let response = misuse.await;
    assert_eq!(response.status(), 500);
    assert!(matches!(Line::of(response.headers()), Some(Line::Set(..))));
    assert_eq!(world.sessions().await, 1);
}

async fn requests_without_a_response<A: Adapter>() {
    let world = World::<A>::new();
    let panicking = world.visit(None, |session| async move {
        session.insert("a", 1)?;
        panic!("the handler panics, as it is meant to");
    });
    let mut context = Context::from_waker(Waker::noop());
    let mut panicking = AssertUnwindSafe(panicking);
    let polled = catch_unwind(move || panicking.as_mut().poll(&mut context).map(|_| ()));
    // What the framework makes of a panic is its own matter.
    drop(polled);
    let mut context = Context::from_waker(Waker::noop());
    let mut leaving = world.visit(None, |session| async move {
        session.insert("a", 1)?;
        std::future::pending::<()>().await;
        ok()
    });
    assert!(leaving.as_mut().poll(&mut context).is_pending());
    drop(leaving);
    assert_eq!(world.sessions().await, 0);
}

async fn headers_in_place_of_the_cookie<A: Adapter>() {
    let world = World::<A>::new();
    let id = world.session().await;
    let rotate = |session: Session| async move {
        session.rotate()?;
        ok()
    };
    let own = SessionHeader::named("x-session").unwrap();
    let mut newest = id;
    for (header, name, prefix, vary) in [
        (
            SessionHeader::bearer(),
            AUTHORIZATION,
            "Bearer ",
            "Authorization",
        ),
        (own, HeaderName::from_static("x-session"), "", "x-session"),
    ] {
        let mut request = Request::new(());
        let line = format!("{prefix}{}", newest.expose());
        request.headers_mut().insert(name, line.parse().unwrap());
        let header = Transport::Header(header);
        let response = world.send(header, request, handler(rotate)).await;
        assert_eq!(lines(response.headers(), VARY), vary);
        assert_eq!(lines(response.headers(), SET_COOKIE), "");
        let returned = &response.headers()["session-id"];
        let returned = SessionId::parse(returned.as_bytes()).unwrap();
        assert_ne!(returned, newest);
        newest = returned;
    }
}

/// HTTP/2 brings a line per cookie.
async fn several_lines<A: Adapter>() {
    let world = World::<A>::new();
    let id = world.session().await;
    let mut request = Request::new(());
    for line in ["a=1", &format!("{NAME}={}", id.expose()), "b=2"] {
        request.headers_mut().append(COOKIE, line.parse().unwrap());
    }
    let live = handler(|session| async move {
        assert!(session.load().await?.is_some());
        ok()
    });
    let cookie = Transport::Cookie(SessionCookie::default());
    assert_eq!(world.send(cookie, request, live).await.status(), 200);
}

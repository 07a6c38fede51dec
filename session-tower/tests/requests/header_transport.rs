//! The session's id in a header: what requests are read as, what responses say, what others see.

use std::convert::Infallible;
use std::sync::Arc;

use crate::common::{
    Log, Reply, World, insert, log_in, log_out, principal, read, rotate, session_of,
};
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderName, HeaderValue, Request, Response};
use session_core::{Effect, ErrorKind, SessionBackend, SessionId};
use session_memory::{MemoryBackend, Step};
use session_tower::{Session, SessionCookie, SessionError, SessionHeader, SessionLayer};
use tower::{Layer, ServiceExt, service_fn};

const OWN: HeaderName = HeaderName::from_static("x-session");
const RETURNED: HeaderName = HeaderName::from_static("session-id");

fn own() -> SessionHeader {
    SessionHeader::named("X-Session").unwrap()
}

fn world(header: SessionHeader) -> World {
    let mut world = World::new();
    world.layer = world.layer.with_header(header);
    world
}

fn bearer(id: &SessionId) -> String {
    format!("Bearer {}", id.expose())
}

/// What a response does to the program's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Id,
    Forget,
}

/// What a response says, and that all of its headers agree.
fn told(response: &Response<String>) -> Told {
    let headers = response.headers();
    assert!(!headers.contains_key(SET_COOKIE));
    let lines: Vec<_> = headers.get_all(RETURNED).iter().collect();
    let told = match *lines {
        [] => return Told::Nothing,
        [line] if line.is_empty() => Told::Forget,
        [line] if SessionId::parse(line.as_bytes()).is_ok() => Told::Id,
        _ => panic!("{lines:?}"),
    };
    assert!(lines[0].is_sensitive());
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    told
}

// ---- Requests -----------------------------------------------------------------------------------

/// In the lines `$` is the id of a live session, `&` that of another one; `?`, `!` and `%` are ids
/// of none.
#[tokio::test]
async fn lines_of_requests() {
    use Told::{Forget, Nothing};
    // The lines, whether the session is found, in how many reads, and what is done to its id.
    let as_bearer: &[(&[&str], bool, u64, Told)] = &[
        (&[], false, 0, Nothing),
        (&["Bearer $"], true, 1, Nothing),
        (&["bEARER   $ "], true, 1, Nothing),
        (&["Bearer ?"], false, 1, Nothing),
        // Another authentication's.
        (&["Bearer"], false, 0, Nothing),
        (&["Bearer "], false, 0, Nothing),
        (&["Bearer $="], false, 0, Nothing),
        (&["Bearer eyJhbGciOiJub25lIn0.e30."], false, 0, Nothing),
        (&["Bearer$"], false, 0, Nothing),
        (&["$"], false, 0, Nothing),
        (&["Basic $"], false, 0, Nothing),
        (&["Basic YTpi", "Bearer $"], true, 1, Nothing),
        (&["Bearer e30, Bearer $"], true, 1, Nothing),
        // Several.
        (&["Bearer $", "Bearer $"], true, 1, Nothing),
        (&["Bearer ?, bearer $"], true, 3, Nothing),
        (&["Bearer ?", "Bearer $"], true, 3, Nothing),
        (&["Bearer ?, Bearer !, Bearer $"], true, 4, Nothing),
        (
            &["Bearer ?, Bearer !, Bearer %, Bearer $"],
            false,
            3,
            Nothing,
        ),
        (&["Bearer $, Bearer &"], false, 2, Nothing),
    ];
    let as_own: &[(&[&str], bool, u64, Told)] = &[
        (&[], false, 0, Nothing),
        (&["$"], true, 1, Nothing),
        (&[" $\t"], true, 1, Nothing),
        (&["?"], false, 1, Nothing),
        (&["guess"], false, 0, Forget),
        (&[""], false, 0, Forget),
        (&["\"$\""], false, 0, Forget),
        (&["Bearer $"], false, 0, Forget),
        (&["guess, $"], true, 1, Nothing),
        (&["", "$"], true, 1, Nothing),
        (&["?,$"], true, 3, Nothing),
        (&["$", "&"], false, 2, Nothing),
    ];
    for (header, name, cases) in [
        (SessionHeader::bearer(), AUTHORIZATION, as_bearer),
        (own(), OWN, as_own),
    ] {
        let world = world(header);
        let [live, other] = [world.session().await, world.session().await];
        let [one, two, three] = [(), (), ()].map(|()| SessionId::random().unwrap());
        for (lines, is_found, reads, expected) in cases {
            let mut sent: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
            for (sign, id) in [
                ('$', &live),
                ('&', &other),
                ('?', &one),
                ('!', &two),
                ('%', &three),
            ] {
                sent = sent
                    .iter()
                    .map(|line| line.replace(sign, id.expose()))
                    .collect();
            }
            let sent: Vec<_> = sent
                .iter()
                .map(|line| (name.clone(), line.as_bytes()))
                .collect();
            let (sender, mut receiver) = tokio::sync::oneshot::channel();
            let reply = world
                .visit_with_headers(&sent, async move |session: Session| {
                    read(session.clone()).await?;
                    assert!(sender.send(session.id()).is_ok());
                    Ok::<(), SessionError>(())
                })
                .await;
            assert_eq!(reply.status(), 200);
            let found = receiver.try_recv().unwrap();
            assert_eq!(found, is_found.then(|| live.clone()), "{name}: {lines:?}");
            let steps: u64 = reply.steps.iter().map(|(_, calls)| calls).sum();
            assert_eq!(
                (steps, told(&reply.response)),
                (*reads, *expected),
                "{name}: {lines:?}"
            );
        }
    }
}

// ---- Responses ----------------------------------------------------------------------------------

async fn visit(world: &World, id: Option<&SessionId>, deed: &str) -> Reply {
    let line = id.map(bearer);
    let lines = line.as_ref().map(|line| (AUTHORIZATION, line.as_bytes()));
    let lines = lines.as_slice();
    match deed {
        "nothing" => world.visit_with_headers(lines, async |_| ()).await,
        "read" => world.visit_with_headers(lines, read).await,
        "insert" => world.visit_with_headers(lines, insert).await,
        "rotate" => world.visit_with_headers(lines, rotate).await,
        "log in" => world.visit_with_headers(lines, log_in).await,
        _ => world.visit_with_headers(lines, log_out).await,
    }
}

#[tokio::test]
async fn responses_tell_the_program_what_becomes_of_its_id() {
    use Told::{Forget, Id, Nothing};
    let unknown = SessionId::random().unwrap();
    for (client, deed, expected, cached) in [
        ("without", "nothing", Nothing, None),
        ("without", "read", Nothing, None),
        ("without", "insert", Id, Some("no-store")),
        ("without", "log in", Id, Some("no-store")),
        ("without", "log out", Nothing, None),
        ("live", "nothing", Nothing, None),
        ("live", "read", Nothing, Some("private")),
        ("live", "insert", Nothing, Some("private")),
        ("live", "rotate", Id, Some("no-store")),
        ("live", "log in", Id, Some("no-store")),
        ("live", "log out", Forget, Some("no-store")),
        ("unknown", "read", Nothing, None),
        ("unknown", "insert", Id, Some("no-store")),
        ("failing", "read", Nothing, None),
        ("failing", "insert", Nothing, None),
        ("failing", "log out", Nothing, None),
    ] {
        let world = world(SessionHeader::bearer());
        let live = world.session().await;
        let id = match client {
            "without" => None,
            "unknown" => Some(&unknown),
            _ => Some(&live),
        };
        if client == "failing" {
            world.backend.faults().store_down();
        }
        let reply = visit(&world, id, deed).await;
        let headers = reply.response.headers();
        let said = |name| headers.get(name).map(|value| value.to_str().unwrap());
        let vary = (deed != "nothing").then_some("Authorization");
        assert_eq!(
            (told(&reply.response), said(CACHE_CONTROL), said(VARY)),
            (expected, cached, vary),
            "{client}: {deed}"
        );
    }
}

/// Of a layer that was given both, the last counts.
#[tokio::test]
async fn a_layer_has_a_cookie_or_a_header() {
    let mut world = world(own().returned_in("X-Session").unwrap());
    let id = world.session().await;
    let (both, cookie) = (id.expose(), format!("__Host-id={}", id.expose()));
    let lines = [(OWN, both.as_bytes()), (COOKIE, cookie.as_bytes())];
    let reply = world.visit_with_headers(&lines, rotate).await.response;
    assert!(!reply.headers().contains_key(SET_COOKIE));
    assert_eq!(reply.headers()[VARY], "x-session");
    let new = SessionId::parse(reply.headers()[OWN].as_bytes()).unwrap();
    assert_eq!(world.visit(Some(&new), read).await.steps, []);

    world.layer = world.layer.with_cookie(SessionCookie::default());
    let reply = world.visit(Some(&new), rotate).await;
    assert!(reply.new_id().is_some() && !reply.response.headers().contains_key(OWN));
}

// ---- Two layers ---------------------------------------------------------------------------------

/// What a handler inside two layers that rotates both sessions gives the client.
async fn through(outer: &SessionLayer, inner: &SessionLayer, ids: [&SessionId; 2]) -> [usize; 3] {
    let service = service_fn(async |request: Request<String>| {
        for name in ["x-session", "Authorization"] {
            if let Some(session) = Session::named(request.extensions(), name) {
                session.rotate().unwrap();
            }
        }
        session_of(&request).rotate().unwrap();
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let mut request = Request::new(String::new());
    for (name, line) in [
        (AUTHORIZATION, bearer(ids[0])),
        (COOKIE, format!("x-session={}", ids[1].expose())),
        (OWN, ids[1].expose().to_owned()),
    ] {
        let line = HeaderValue::from_str(&line).unwrap();
        request.headers_mut().insert(name, line);
    }
    let reply = outer
        .layer(inner.layer(service))
        .oneshot(request)
        .await
        .unwrap();
    let count = |name| reply.headers().get_all(name).iter().count();
    [count(SET_COOKIE), count(RETURNED), count(OWN)]
}

#[tokio::test]
async fn two_layers_are_one_session_where_they_read_the_same() {
    let backend = MemoryBackend::new();
    let shared: Arc<dyn SessionBackend> = Arc::new(backend.clone());
    let layer = || SessionLayer::new(Arc::clone(&shared));
    let bearer = || layer().with_header(SessionHeader::bearer());
    let elsewhere =
        || bearer().with_header(SessionHeader::bearer().returned_in("x-session").unwrap());
    let cookie = SessionCookie::named("x-session").build().unwrap();
    let cookie = || layer().with_cookie(cookie.clone());
    let own = || layer().with_header(own().returned_in("x-session").unwrap());
    let clashing = || layer().with_header(self::own());
    let other_store = SessionLayer::new(Arc::new(MemoryBackend::new()));
    let other_store = other_store.with_header(SessionHeader::bearer());
    // Of one name, the inner one is found.
    for (what, outer, inner, counts, complaints) in [
        ("a cookie and a header", cookie(), bearer(), [1, 1, 0], 0),
        (
            "a cookie and a header of one name",
            cookie(),
            own(),
            [0, 0, 1],
            0,
        ),
        ("two headers", own(), bearer(), [0, 1, 1], 0),
        ("one header", bearer(), elsewhere(), [0, 1, 0], 0),
        ("one header returned", bearer(), clashing(), [0, 1, 0], 1),
        ("two stores", other_store, bearer(), [0, 1, 0], 1),
    ] {
        let (log, _guard) = Log::kept();
        for _ in 0..2 {
            let mut ids = Vec::new();
            for _ in 0..2 {
                let new = session_core::NewSession::default();
                ids.push(backend.create_session(new).await.unwrap().id);
            }
            assert_eq!(
                through(&outer, &inner, [&ids[0], &ids[1]]).await,
                counts,
                "{what}"
            );
        }
        assert_eq!(
            log.text().matches("two session layers").count(),
            complaints,
            "{what}"
        );
    }
}

// ---- What others see ----------------------------------------------------------------------------

#[tokio::test]
async fn no_log_and_no_debug_shows_the_id() {
    for (header, name, prefix) in [
        (SessionHeader::bearer(), AUTHORIZATION, "Bearer "),
        (own(), OWN, ""),
    ] {
        let (log, _guard) = Log::kept();
        let world = world(header);
        let mut shown = format!("{:?}", world.layer);
        let id = world.session().await;
        for (value, fails) in [
            (id.expose(), false),
            (id.expose(), true),
            // Nearly one.
            (&id.expose()[1..], false),
        ] {
            if fails {
                world
                    .fault(Step::Rename)
                    .fail(ErrorKind::Unavailable, Effect::Unknown);
            }
            let mut request = Request::new(String::new());
            for line in ["Basic YTpi".to_owned(), format!("{prefix}{value}")] {
                let line = HeaderValue::from_str(&line).unwrap();
                request.headers_mut().append(&name, line);
            }
            let service = service_fn(async |request: Request<String>| {
                let session = session_of(&request);
                session.log_in(principal("ann")).unwrap();
                let marks = request.headers().get_all(&name).iter();
                let marks: Vec<_> = marks.map(HeaderValue::is_sensitive).collect();
                // What is another authentication's is not touched.
                assert_eq!(marks, [name != AUTHORIZATION, true]);
                let seen = format!("{session:?} {:?}", request.headers());
                Ok::<_, Infallible>(Response::new(seen))
            });
            let reply = world.layer.layer(service).oneshot(request).await.unwrap();
            assert_eq!(reply.status() == 503, fails);
            if let Some(id) = reply.headers().get(RETURNED) {
                let new = id.to_str().unwrap().to_owned();
                assert!(!format!("{reply:?}").contains(&new));
            }
            shown += &format!("{reply:?}");
        }
        shown += &log.text();
        assert!(shown.contains("the session failed"), "{shown}");
        assert!(!shown.contains(&id.expose()[1..13]), "{shown}");
    }
}

//! Several cookies of one name, a cookie's former name and scope, two layers of one cookie, and
//! what a response says of caching.

use std::convert::Infallible;
use std::sync::Arc;

use crate::common::{
    NAME, Reply, World, field, insert, log_in, log_out, principal, read, session_of,
};
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderValue, Request, Response};
use session_core::{Fields, NewSession, SessionBackend, SessionId};
use session_memory::{MemoryBackend, Step};
use session_tower::{ReadSession, SameSite, Session, SessionCookie, SessionError, SessionLayer};
use tower::{Layer, ServiceExt, service_fn};

fn host(name: &str) -> SessionCookie {
    SessionCookie::host(name).build().unwrap()
}

fn line(name: &str, ids: &[&SessionId]) -> Vec<u8> {
    let pairs = ids.iter().map(|id| format!("{name}={}", id.expose()));
    pairs.collect::<Vec<_>>().join("; ").into_bytes()
}

/// The names of the cookies that are set, and of those that are cleared (`-`).
fn changed(response: &Response<String>) -> Vec<String> {
    let lines = response.headers().get_all(SET_COOKIE).iter();
    lines
        .map(|line| {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let sign = if rest.starts_with(';') { "-" } else { "" };
            let scope = if rest.contains("Partitioned") {
                "/p"
            } else {
                ""
            };
            format!("{sign}{name}{scope}")
        })
        .collect()
}

fn value(response: &Response<String>, name: &str) -> SessionId {
    let lines = response.headers().get_all(SET_COOKIE).iter();
    let ids = lines.filter_map(|line| {
        let value = line
            .to_str()
            .unwrap()
            .strip_prefix(name)?
            .strip_prefix('=')?;
        SessionId::parse(value.split(';').next()?).ok()
    });
    let mut ids: Vec<_> = ids.collect();
    ids.pop().expect("an id")
}

/// Sessions of the kinds that a browser may have a cookie of, by their letters.
struct Kinds {
    world: World,
    ids: Vec<(char, SessionId)>,
}

impl Kinds {
    async fn new() -> Self {
        let world = World::new();
        let create = async |who: Option<&str>, label: &str| {
            let fields = Fields::new().with(crate::common::name("label"), label);
            let new = NewSession::new(fields);
            let new = match who {
                Some(who) => new.bind(principal(who)),
                None => new,
            };
            world.backend.create_session(new).await.unwrap().id
        };
        let rotated = create(None, "r").await;
        let moved = world
            .backend
            .rotate_session(&rotated, session_core::Delta::new());
        let moved = moved.await.unwrap().unwrap().id;
        let ids = vec![
            ('v', create(None, "v").await),
            ('w', create(None, "w").await),
            ('b', create(Some("ann"), "b").await),
            ('r', rotated),
            ('m', moved),
            ('d', SessionId::random().unwrap()),
            ('e', SessionId::random().unwrap()),
            ('f', SessionId::random().unwrap()),
        ];
        Self { world, ids }
    }

    fn line(&self, name: &str, letters: &str) -> Vec<u8> {
        let id = |letter| &self.ids.iter().find(|(kind, _)| *kind == letter).unwrap().1;
        line(name, &letters.chars().map(id).collect::<Vec<_>>())
    }

    /// The label of the session that a handler finds.
    async fn found(&self, name: &str, letters: &str) -> Option<String> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let reply = self
            .world
            .visit_with(
                &[&self.line(name, letters)],
                async move |session: Session| {
                    let label = session.get::<String>("label").await?;
                    assert!(sender.send(label).is_ok());
                    Ok::<(), SessionError>(())
                },
            )
            .await;
        assert_eq!(
            (reply.status(), reply.set_cookie()),
            (200, None),
            "{letters}"
        );
        receiver.await.unwrap()
    }
}

/// `v` and `w` are visitors' sessions, `b` is bound, `r` was rotated to `m`; the others are none.
#[tokio::test]
async fn of_several_cookies_the_one_that_lives_counts() {
    let mut kinds = Kinds::new().await;
    for (letters, in_host_cookie, in_other) in [
        ("vd", Some("v"), Some("v")),
        ("dv", Some("v"), Some("v")),
        ("vdv", Some("v"), Some("v")),
        ("rm", Some("r"), Some("r")),
        ("mr", Some("r"), Some("r")),
        ("de", None, None),
        ("rd", None, None),
        ("vw", Some("v"), None),
        ("wv", Some("w"), None),
        ("vb", Some("b"), None),
        ("bv", Some("b"), None),
        ("dvb", Some("b"), None),
        // No more than three are looked at.
        ("defv", None, None),
        ("devf", Some("v"), Some("v")),
    ] {
        assert_eq!(
            kinds.found(NAME, letters).await.as_deref(),
            in_host_cookie,
            "{letters}"
        );
        let named = SessionCookie::named("sid").build().unwrap();
        let layer = std::mem::replace(
            &mut kinds.world.layer,
            SessionLayer::new(Arc::new(kinds.world.backend.clone())).with_cookie(named),
        );
        assert_eq!(
            kinds.found("sid", letters).await.as_deref(),
            in_other,
            "{letters}"
        );
        kinds.world.layer = layer;
    }
}

#[tokio::test]
async fn changes_and_log_outs_go_where_several_cookies_point() {
    for (letters, deed, cookies, left) in [
        ("dv", 'i', &[][..], 5),
        ("rd", 'i', &[], 5),
        // Nothing lives: a new session.
        ("de", 'i', &[NAME], 6),
        ("dv", 'l', &[NAME], 5),
        ("vw", 'l', &[NAME], 5),
        // All that the browser has ends, the successor of a rotated one too.
        ("vw", 'o', &["-__Host-id"], 3),
        ("rd", 'o', &["-__Host-id"], 4),
        ("de", 'o', &["-__Host-id"], 5),
    ] {
        let kinds = Kinds::new().await;
        // `v`, `w`, `b`, `m`, and one that is none of the browser's.
        kinds.world.session().await;
        let lines = kinds.line(NAME, letters);
        let reply = match deed {
            'i' => kinds.world.visit_with(&[&lines], insert).await,
            'l' => kinds.world.visit_with(&[&lines], log_in).await,
            _ => kinds.world.visit_with(&[&lines], log_out).await,
        };
        assert_eq!(reply.status(), 200);
        assert_eq!(changed(&reply.response), cookies, "{letters} {deed}");
        assert_eq!(kinds.world.sessions().await, left, "{letters} {deed}");
    }
}

// ---- Former cookies -----------------------------------------------------------------------------

fn with_cookie(cookie: SessionCookie) -> World {
    let mut world = World::new();
    world.layer = world.layer.with_cookie(cookie);
    world
}

fn with_former(former: SessionCookie) -> World {
    with_cookie(SessionCookie::default().with_former(former))
}

#[tokio::test]
async fn a_session_under_a_former_name_moves_to_the_present_one() {
    for peeks in [false, true] {
        let world = with_former(host("old"));
        let id = world.session().await;
        let lines = [&*line("__Host-old", &[&id])];
        let ignored = world.visit_with(&lines, async |_| ()).await;
        assert!(ignored.is_untouched());
        let reply = world
            .visit_with(&lines, async move |session: Session| {
                if peeks {
                    let session = ReadSession::from(session);
                    assert!(session.contains("seen").await?);
                } else {
                    assert!(session.contains("seen").await?);
                }
                Ok::<(), SessionError>(())
            })
            .await;
        reply.assert_cost(&[(Step::Read, 1), (Step::Rename, 1)]);
        assert_eq!(changed(&reply.response), ["-__Host-old", NAME]);
        assert_eq!(world.peek(&id).await, None);
        let new = value(&reply.response, NAME);
        assert_eq!(field(&world.peek(&new).await.unwrap(), "seen"), Some("yes"));
        // A late request with the old name and id changes nothing.
        let late = world.visit_with(&lines, read).await;
        assert!(changed(&late.response).is_empty());
    }
}

#[tokio::test]
async fn a_former_name_counts_only_without_the_present_one() {
    let world = with_former(host("old"));
    let (old, new) = (world.session().await, world.session().await);
    let (old, new) = (line("__Host-old", &[&old]), line(NAME, &[&new]));
    for lines in [[&*old, &*new], [&*new, &*old]] {
        let reply = world.visit_with(&lines, read).await;
        reply.assert_cost(&[(Step::Read, 1)]);
        assert!(changed(&reply.response).is_empty());
    }
    // Whatever changes the cookie takes the former one away.
    let reply = world.visit_with(&[&old, &new], log_in).await;
    assert_eq!(changed(&reply.response), ["-__Host-old", NAME]);
    let reply = world.visit_with(&[&old], log_out).await;
    assert_eq!(changed(&reply.response), ["-__Host-old", "-__Host-id"]);
    // A dead session under a former name is no session; what is set begins one.
    let dead = line("__Host-old", &[&SessionId::random().unwrap()]);
    let reply = world.visit_with(&[&dead], read).await;
    assert!(changed(&reply.response).is_empty());
    let reply = world.visit_with(&[&dead], insert).await;
    assert_eq!(changed(&reply.response), ["-__Host-old", NAME]);
}

/// A deploy makes the cookie a partitioned one: the browser then sends both, in either order.
#[tokio::test]
async fn a_cookie_changes_its_scope_and_nobody_is_logged_out() {
    let present = || {
        SessionCookie::host("id")
            .same_site(SameSite::None)
            .partitioned()
    };
    for order in [[0, 1], [1, 0]] {
        let world = with_cookie(present().build().unwrap().with_former(host("id")));
        let old = world.session().await;
        let moved = world.visit(Some(&old), log_in).await;
        assert_eq!(changed(&moved.response), ["-__Host-id", "__Host-id/p"]);
        let new = value(&moved.response, NAME);
        // The old twin was not cleared, for its own `Set-Cookie` came late.
        let both = [&old, &new];
        let lines = line(NAME, &order.map(|n| both[n]));
        let reply = world.visit_with(&[&lines], read).await;
        assert!(changed(&reply.response).is_empty());
        let out = world.visit_with(&[&lines], log_out).await;
        assert_eq!(changed(&out.response), ["-__Host-id", "-__Host-id/p"]);
        assert_eq!(world.sessions().await, 0);
    }
}

// ---- Two layers ---------------------------------------------------------------------------------

async fn through(
    outer: &SessionLayer,
    inner: &SessionLayer,
    id: Option<&SessionId>,
) -> Response<String> {
    let service = service_fn(async |request: Request<String>| {
        let session = session_of(&request);
        session.insert("a", "1").unwrap();
        session.rotate().unwrap();
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let service = outer.layer(inner.layer(service));
    let reply = service.oneshot(crate::common::request(id)).await;
    reply.unwrap_or_else(|never| match never {})
}

#[tokio::test]
async fn two_layers_of_one_cookie_and_backend_are_one_session() {
    let world = World::new();
    let backend: Arc<dyn SessionBackend> = Arc::new(world.backend.clone());
    let [outer, inner] = [(), ()].map(|()| SessionLayer::new(Arc::clone(&backend)));
    let id = world.session().await;
    for id in [None, Some(&id)] {
        assert_eq!(changed(&through(&outer, &inner, id).await), [NAME]);
    }
    assert_eq!(world.sessions().await, 2);
}

#[tokio::test]
async fn two_layers_of_one_cookie_and_two_backends_are_told_once() {
    let (log, _guard) = crate::common::Log::kept();
    let [outer, inner] = [(), ()].map(|()| SessionLayer::new(Arc::new(MemoryBackend::new())));
    for _ in 0..3 {
        through(&outer, &inner, None).await;
    }
    assert_eq!(log.text().matches("two session layers").count(), 1);
}

// ---- Caching, and what logs may show ------------------------------------------------------------

#[tokio::test]
async fn a_page_made_of_a_session_is_private_unless_the_handler_says_otherwise() {
    let world = World::new();
    let id = world.session().await;
    for (cookie, said, expected) in [
        (Some(&id), None, Some("private")),
        (
            Some(&id),
            Some("public, max-age=60"),
            Some("public, max-age=60"),
        ),
        (None, None, None),
    ] {
        let service = service_fn(async |request: Request<String>| {
            session_of(&request).load().await.unwrap();
            let mut response = Response::new(String::new());
            if let Some(said) = said {
                let said = HeaderValue::from_static(said);
                response.headers_mut().insert(CACHE_CONTROL, said);
            }
            Ok::<_, Infallible>(response)
        });
        let service = world.layer.layer(service);
        let response = service
            .oneshot(crate::common::request(cookie))
            .await
            .unwrap();
        let reply = Reply {
            response,
            steps: Vec::new(),
        };
        let headers = reply.response.headers();
        let cached = headers
            .get(CACHE_CONTROL)
            .map(|value| value.to_str().unwrap());
        assert_eq!(
            (cached, &headers[VARY]),
            (expected, &HeaderValue::from_static("Cookie"))
        );
    }
}

#[tokio::test]
async fn the_requests_session_cookie_is_marked_sensitive() {
    let world = with_former(host("old"));
    for (name, is_sensitive) in [(NAME, true), ("__Host-old", true), ("other", false)] {
        let service = service_fn(async |request: Request<String>| {
            let marks: Vec<_> = request.headers().get_all(COOKIE).iter().collect();
            assert_eq!(marks[0].is_sensitive(), is_sensitive);
            assert!(!marks[1].is_sensitive());
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let mut request = Request::new(String::new());
        for line in [format!("a=b; {name}=c4nary"), "c=d".to_owned()] {
            let line = HeaderValue::from_str(&line).unwrap();
            request.headers_mut().append(COOKIE, line);
        }
        world.layer.layer(service).oneshot(request).await.unwrap();
    }
}

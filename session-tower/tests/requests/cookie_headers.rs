//! Odd `Cookie` headers: never a panic, no more look-ups than needed, never somebody else's
//! session.

use crate::common::World;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use session_core::SessionId;
use session_memory::Step;
use session_tower::{Session, SessionError};

/// What a request with a cookie header finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finds {
    /// The session, in one look-up.
    Session,
    /// The session, after a look at each of two and one at it.
    Chosen,
    /// No session after one look-up: the id is well-formed.
    Unknown,
    /// No session without asking, and the cookie is cleared.
    Unusable,
    /// No session without asking, and there is no cookie to clear.
    Nothing,
}

async fn finds(world: &World, lines: &[Vec<u8>]) -> Finds {
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let (sender, mut receiver) = tokio::sync::oneshot::channel();
    let reply = world
        .visit_with(&lines, async move |session: Session| {
            let found = session.get::<String>("seen").await?.is_some();
            assert!(sender.send(found).is_ok());
            Ok::<(), SessionError>(())
        })
        .await;
    assert_eq!(reply.status(), 200);
    let found = receiver.try_recv().unwrap();
    match (&*reply.steps, found, reply.is_cleared()) {
        ([(Step::Read, 1)], true, false) => Finds::Session,
        ([(Step::Read, 3)], true, false) => Finds::Chosen,
        ([(Step::Read, 1)], false, false) => Finds::Unknown,
        ([], false, true) => Finds::Unusable,
        ([], false, false) => Finds::Nothing,
        other => panic!("{other:?} for {lines:?}"),
    }
}

/// In the lines `$` is the id of a live session, `?` another one, `#` all but the last character of
/// the live one, and `^` is 64 KiB.
#[tokio::test]
async fn odd_headers() {
    use Finds::{Chosen, Nothing, Session, Unknown, Unusable};
    let world = World::new();
    let live = world.session().await.expose().to_owned();
    let stranger = SessionId::random().unwrap().expose().to_owned();
    // The last character's two lowest bits are no part of the id: this one sets them.
    let uncanonical = if live.ends_with('A') { 'B' } else { '_' };
    let uncanonical = format!("__Host-id=#{uncanonical}");
    let (reversed, many): (String, _) = (live.chars().rev().collect(), "a=b; ".repeat(1000));
    let (reversed, many) = (format!("__Host-id={reversed}!"), many + "__Host-id=$");
    for (lines, expected) in [
        (&["__Host-id=$"][..], Session),
        (&[], Nothing),
        (&[""], Nothing),
        (&[";"], Nothing),
        (&[";;;;__Host-id=$;;;"], Session),
        (&["="], Nothing),
        (&["__Host-id"], Nothing),
        (&["__Host-id="], Unusable),
        (&["__Host-id==$"], Unusable),
        (&["__Host-id=$="], Unusable),
        (&["__Host-id=\"$\""], Unusable),
        (&["__Host-id={$}"], Unusable),
        // Blanks and commas.
        (&["   __Host-id=$   "], Session),
        (&["__Host-id = $"], Session),
        (&["\t__Host-id=$\t"], Session),
        (&["__Host-id=# A"], Unusable),
        (&["a=b, __Host-id=$"], Nothing),
        (&["__Host-id=$, a=b"], Unusable),
        // Neighbours.
        (&["__Host-id=$; a=b; c=d"], Session),
        (&["a=b; c=d; __Host-id=$"], Session),
        (&["a=b;__Host-id=$;c=d"], Session),
        (&["a=\"x; y\"; __Host-id=$"], Session),
        (&["a=__Host-id=$"], Nothing),
        (&["=__Host-id; __Host-id=$"], Session),
        (&["=$"], Nothing),
        (&["$"], Nothing),
        (&[&many], Session),
        (&["a=b", "__Host-id=$", "c=d"], Session),
        // Other names.
        (&["__host-id=$"], Nothing),
        (&["id=$"], Nothing),
        (&["__Secure-id=$"], Nothing),
        (&["__Host-id2=$"], Nothing),
        (&["x__Host-id=$"], Nothing),
        (&["__Host- id=$"], Nothing),
        // Duplicates.
        (&["__Host-id=$; __Host-id=$"], Session),
        (&["__Host-id=$", "__Host-id=$", "__Host-id=$"], Session),
        (&["__Host-id=$; __Host-id=?"], Chosen),
        (&["__Host-id=?; __Host-id=$; __Host-id=?"], Chosen),
        (&["__Host-id=$; __Host-id=x"], Session),
        (&["__Host-id=; __Host-id=$"], Session),
        (&["__Host-id=; __Host-id=x"], Unusable),
        (&["__Host-id=$", "__Host-id=?"], Chosen),
        // Other values.
        (&["__Host-id=?"], Unknown),
        (&[&reversed], Unusable),
        (&["__Host-id=#"], Unusable),
        (&["__Host-id=$A"], Unusable),
        (&[&uncanonical], Unusable),
        (&["__Host-id=#+"], Unusable),
        (&["__Host-id=#%41"], Unusable),
        (&["__Host-id=*"], Unusable),
        (&["__Host-id=../../etc/passwd"], Unusable),
        (&["__Host-id=^"], Unusable),
        (&["a=^; __Host-id=$"], Session),
        (&["^=$"], Nothing),
    ] {
        let whole = |line: &&str| {
            let big = line.replace('^', &"x".repeat(64 * 1024));
            let cut = big.replace('#', &live[..42]).replace('?', &stranger);
            cut.replace('$', &live).into_bytes()
        };
        let sent: Vec<_> = lines.iter().map(whole).collect();
        assert_eq!(finds(&world, &sent).await, expected, "{lines:?}");
    }
    // What is not UTF-8.
    for (before, after, expected) in [
        (&b"a=\xff\xfe; __Host-id="[..], &live[..], Session),
        (b"__Host-id=\xff", &live[1..], Unusable),
        (b"\xff__Host-id=", &live, Nothing),
    ] {
        let sent = [before, after.as_bytes()].concat();
        assert_eq!(finds(&world, &[sent]).await, expected);
    }
    assert_eq!(world.backend.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever bytes a client sends, made of what cookies are made of or of anything.
    #[test]
    fn any_bytes(lines in prop::collection::vec(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(prop::sample::select(vec![
            "__Host-id", "=", ";", " ", "\"", ",", "a", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]), 0..20).prop_map(|parts| parts.concat().into_bytes()),
    ], 0..4)) {
        let mut headers = HeaderMap::new();
        for line in &lines {
            // What is no header value never reaches the layer.
            if let Ok(line) = HeaderValue::from_bytes(line) {
                headers.append(COOKIE, line);
            }
        }
        let lines = headers.get_all(COOKIE).into_iter();
        let lines: Vec<_> = lines.map(|line| line.as_bytes().to_vec()).collect();
        let world = World::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(finds(&world, &lines));
        prop_assert_ne!(found, Finds::Session);
        prop_assert_eq!(world.backend.len(), 0);
    }
}

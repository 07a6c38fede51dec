//! Odd `Cookie` headers: never a panic, never more than one look-up, never somebody else's session.

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
        ([(Step::Read, 1)], false, true) => Finds::Unknown,
        ([], false, true) => Finds::Unusable,
        ([], false, false) => Finds::Nothing,
        other => panic!("{other:?} for {lines:?}"),
    }
}

#[tokio::test]
async fn odd_headers() {
    use Finds::{Nothing, Session, Unknown, Unusable};
    let world = World::new();
    let live = world.session().await;
    let live = live.expose();
    let stranger = SessionId::random().unwrap();
    let stranger = stranger.expose();
    let big = "x".repeat(64 * 1024);
    let cut = &live[..42];
    let flipped: String = live.chars().rev().collect();
    // The last character's two lowest bits are no part of the id: this one sets them.
    let uncanonical = format!("{cut}{}", if live.ends_with('A') { 'B' } else { '_' });

    let one = |line: String| vec![line.into_bytes()];
    let table: Vec<(&str, Vec<Vec<u8>>, Finds)> = vec![
        ("the session", one(format!("__Host-id={live}")), Session),
        ("no header", vec![], Nothing),
        ("an empty header", one(String::new()), Nothing),
        ("only a semicolon", one(";".into()), Nothing),
        (
            "many semicolons",
            one(format!(";;;;__Host-id={live};;;")),
            Session,
        ),
        ("only an equals sign", one("=".into()), Nothing),
        ("only the name", one("__Host-id".into()), Nothing),
        ("an empty value", one("__Host-id=".into()), Unusable),
        (
            "two equals signs",
            one(format!("__Host-id=={live}")),
            Unusable,
        ),
        (
            "an equals sign at the end",
            one(format!("__Host-id={live}=")),
            Unusable,
        ),
        (
            "a quoted value",
            one(format!("__Host-id=\"{live}\"")),
            Unusable,
        ),
        (
            "a value in brackets",
            one(format!("__Host-id={{{live}}}")),
            Unusable,
        ),
        (
            "spaces around",
            one(format!("   __Host-id={live}   ")),
            Session,
        ),
        (
            "spaces around the equals sign",
            one(format!("__Host-id = {live}")),
            Session,
        ),
        ("tabs around", one(format!("\t__Host-id={live}\t")), Session),
        (
            "a space inside",
            one(format!("__Host-id={cut} A")),
            Unusable,
        ),
        (
            "a comma instead of a semicolon",
            one(format!("a=b, __Host-id={live}")),
            Nothing,
        ),
        (
            "a comma after",
            one(format!("__Host-id={live}, a=b")),
            Unusable,
        ),
        (
            "the first of several",
            one(format!("__Host-id={live}; a=b; c=d")),
            Session,
        ),
        (
            "the last of several",
            one(format!("a=b; c=d; __Host-id={live}")),
            Session,
        ),
        (
            "no space after the semicolon",
            one(format!("a=b;__Host-id={live};c=d")),
            Session,
        ),
        (
            "a quoted neighbour",
            one(format!("a=\"x; y\"; __Host-id={live}")),
            Session,
        ),
        (
            "a neighbour with our name as its value",
            one(format!("a=__Host-id={live}")),
            Nothing,
        ),
        (
            "a nameless cookie",
            one(format!("=__Host-id; __Host-id={live}")),
            Session,
        ),
        ("a nameless cookie alone", one(format!("={live}")), Nothing),
        ("the value alone", one(live.to_owned()), Nothing),
        (
            "the name in lower case",
            one(format!("__host-id={live}")),
            Nothing,
        ),
        (
            "the name without its prefix",
            one(format!("id={live}")),
            Nothing,
        ),
        (
            "the other prefix",
            one(format!("__Secure-id={live}")),
            Nothing,
        ),
        ("a longer name", one(format!("__Host-id2={live}")), Nothing),
        (
            "a name that ends so",
            one(format!("x__Host-id={live}")),
            Nothing,
        ),
        (
            "a space in the name",
            one(format!("__Host- id={live}")),
            Nothing,
        ),
        (
            "equal duplicates",
            one(format!("__Host-id={live}; __Host-id={live}")),
            Session,
        ),
        (
            "three equal ones on three lines",
            vec![format!("__Host-id={live}").into_bytes(); 3],
            Session,
        ),
        (
            "different duplicates",
            one(format!("__Host-id={live}; __Host-id={stranger}")),
            Unusable,
        ),
        (
            "the other order",
            one(format!("__Host-id={stranger}; __Host-id={live}")),
            Unusable,
        ),
        (
            "a malformed duplicate",
            one(format!("__Host-id={live}; __Host-id=x")),
            Unusable,
        ),
        (
            "an empty duplicate",
            one(format!("__Host-id=; __Host-id={live}")),
            Unusable,
        ),
        (
            "different duplicates on two lines",
            vec![
                format!("__Host-id={live}").into_bytes(),
                format!("__Host-id={stranger}").into_bytes(),
            ],
            Unusable,
        ),
        (
            "several lines",
            vec![
                b"a=b".to_vec(),
                format!("__Host-id={live}").into_bytes(),
                b"c=d".to_vec(),
            ],
            Session,
        ),
        (
            "well-formed and unknown",
            one(format!("__Host-id={stranger}")),
            Unknown,
        ),
        ("reversed", one(format!("__Host-id={flipped}!")), Unusable),
        (
            "one character short",
            one(format!("__Host-id={cut}")),
            Unusable,
        ),
        (
            "one character long",
            one(format!("__Host-id={live}A")),
            Unusable,
        ),
        (
            "not canonical",
            one(format!("__Host-id={uncanonical}")),
            Unusable,
        ),
        ("plain base64", one(format!("__Host-id={}+", cut)), Unusable),
        (
            "a percent sign",
            one(format!("__Host-id={}%41", &live[..40])),
            Unusable,
        ),
        ("a glob", one("__Host-id=*".into()), Unusable),
        ("a path", one("__Host-id=../../etc/passwd".into()), Unusable),
        (
            "a value of 64 KiB",
            one(format!("__Host-id={big}")),
            Unusable,
        ),
        (
            "a neighbour of 64 KiB",
            one(format!("a={big}; __Host-id={live}")),
            Session,
        ),
        ("a name of 64 KiB", one(format!("{big}={live}")), Nothing),
        (
            "a thousand neighbours",
            one(format!("{}__Host-id={live}", "a=b; ".repeat(1000))),
            Session,
        ),
        (
            "a neighbour that is not UTF-8",
            vec![[b"a=\xff\xfe; __Host-id=", live.as_bytes()].concat()],
            Session,
        ),
        (
            "a value that is not UTF-8",
            vec![[b"__Host-id=\xff".as_slice(), &live.as_bytes()[1..]].concat()],
            Unusable,
        ),
        (
            "a name that is not UTF-8",
            vec![[b"\xff__Host-id=", live.as_bytes()].concat()],
            Nothing,
        ),
    ];
    assert!(table.len() >= 40);
    for (title, lines, expected) in table {
        assert_eq!(finds(&world, &lines).await, expected, "{title}");
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

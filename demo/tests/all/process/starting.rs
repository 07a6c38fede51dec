//! The start of the program, and what it writes.

use std::time::{Duration, Instant};

use crate::support::{Backend, Demo};

#[tokio::test]
async fn it_starts_in_less_than_a_second_and_says_where() {
    let mut fastest = Duration::MAX;
    // Once is enough; a machine that is busy with other tests has a few tries.
    for _ in 0..5 {
        let began = Instant::now();
        let demo = Demo::start(&[]).await;
        assert_eq!(demo.visitor().get("/").await.status, 200);
        fastest = fastest.min(began.elapsed());
        let address = demo.address();
        let announced = format!("Listening on http://{address} (backend memory), Ctrl-C ends it\n");
        assert_eq!(demo.announcement(), announced);
        if fastest < Duration::from_secs(1) {
            break;
        }
    }
    assert!(fastest < Duration::from_secs(1), "it took {fastest:?}");
}

/// Everything that is logged at the most talkative level, of the clients' crates, too.
#[tokio::test]
async fn no_id_and_no_value_is_ever_logged() {
    const NAME: &str = "CANARY-NAME";
    for backend in [Backend::Memory, Backend::RedisRs, Backend::Fred] {
        let demo = Demo::logging(backend, "trace").await;
        let visitor = demo.visitor();
        let mut secrets = vec![NAME.to_owned()];
        for (path, form) in [
            ("/login", &[("username", NAME)][..]),
            ("/increment", &[]),
            ("/ttl", &[("ttl", "40")]),
            ("/rotate", &[]),
            ("/sessions/revoke", &[("handle", "AAAAAAAAAAAAAAAAAAAAAA")]),
            ("/login", &[("username", NAME), ("max_lifetime", "50")]),
            ("/logout-everywhere", &[]),
            ("/increment", &[]),
        ] {
            visitor.post(path, form).await;
            visitor.get("/sessions").await;
            secrets.extend(visitor.cookie());
        }
        let log = demo.log();
        assert!(
            log.contains("answered") && log.contains("/logout-everywhere"),
            "{log}"
        );
        for secret in secrets {
            let line = log.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "on {}", backend.name());
        }
    }
}

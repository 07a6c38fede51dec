//! `sessions revoke`.

use serde_json::json;

use super::{on_every_store, public_id_of};
use crate::support::{Backend, Ended, Store, command, is_cleared};

on_every_store! {
    a_revoked_sessions_cookie_is_dead
    several_are_revoked_and_what_is_missing_is_said
}

/// The public id of no session, such as a shell would hand it over.
const MISSING: &str = "-AAAAAAAAAAAAAAAAAAAAA";

async fn a_revoked_sessions_cookie_is_dead(store: Store) {
    let demo = store.serve().await;
    let (ann, bob) = (demo.visitor(), demo.visitor());
    ann.log_in("Ann", "600").await;
    bob.log_in("Bob", "600").await;
    let anns = public_id_of(&store, "Ann").await;
    let told = store.told(&["revoke", &anns]).await;
    assert_eq!(told, format!("revoked {anns}\n"));

    let answer = ann.post("/increment", &[]).await;
    assert_eq!(answer.error(), (401, "Session expired".to_owned()));
    assert!(is_cleared(&answer));
    assert_eq!(bob.post("/increment", &[]).await.json()["page_views"], 2);
    assert_eq!(store.told(&["count"]).await, "1\n");
    // Nor is it in its user's list any more.
    ann.log_in("Ann", "600").await;
    let list = ann.get("/sessions").await.json();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(list["sessions"][0]["current"], json!(true));
}

async fn several_are_revoked_and_what_is_missing_is_said(store: Store) {
    let demo = store.serve().await;
    let mut public_ids = Vec::new();
    for name in ["Ann", "Bob", "Cem"] {
        demo.visitor().log_in(name, "600").await;
        public_ids.push(public_id_of(&store, name).await);
    }
    let words = ["revoke", &public_ids[0], MISSING, &public_ids[1]];
    let ended = store.sessions(&words).await;
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
    let told = format!(
        "revoked {}\nno such session: {MISSING}\nrevoked {}\n",
        public_ids[0], public_ids[1]
    );
    assert_eq!(ended.stdout, told);
    let again = store.sessions(&["revoke", &public_ids[0]]).await;
    assert_eq!(again.code, Some(1));
    assert_eq!(
        again.stdout,
        format!("no such session: {}\n", public_ids[0])
    );
    assert_eq!(store.told(&["count"]).await, "1\n");
    assert_eq!(public_id_of(&store, "Cem").await, public_ids[2]);
}

#[tokio::test]
async fn what_is_not_a_public_id_is_refused_before_anything_else() {
    for backend in Backend::REDIS {
        let id = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
        let hyphened = "--9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
        // The last one is not canonical: bits are left over.
        let malformed = [
            "x",
            "",
            "-x",
            "AAAAAAAAAAAAAAAAAAAAA/",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ];
        for word in [id, hyphened].into_iter().chain(malformed) {
            let nowhere = ["--backend", backend.name(), "--redis-port", "1"];
            let words = [&["sessions", "revoke", word][..], &nowhere].concat();
            let mut command = command(&words);
            command.stderr(std::process::Stdio::piped());
            let ended = Ended::of(command).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
            // Somebody may have pasted a cookie.
            assert!(!ended.stderr.contains("vYmFyZm9vYmFyZm9v"), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn nobody_reading_does_not_keep_sessions_alive() {
    let store = Store::new(Backend::RedisRs).await;
    let demo = store.serve().await;
    let mut words = vec!["revoke".to_owned()];
    for name in ["Ann", "Bob", "Cem"] {
        demo.visitor().log_in(name, "600").await;
        words.push(public_id_of(&store, name).await);
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mut child = store.command(&words).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_eq!(store.told(&["count"]).await, "0\n");
}

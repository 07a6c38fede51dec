//! Files that SQLite cannot use, or not for a while.

use std::time::{Duration, Instant};

use session_conformance::Runner;
use session_core::{
    Delta, Effect, ErrorKind, Fields, NewSession, SessionBackend as _, SessionId, SessionPolicy,
};
use session_sqlx::SqliteBackend;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection as _, SqliteConnection};

use crate::kit::{
    DEADLINE, PATIENT, assert_refused, count, create, name, new, principal, set, until_well,
};

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("bad_file::is_refused_by_name", refused)
        .test("bad_file::read_only", read_only)
        .test("bad_file::full", full)
        .test("bad_file::locked", locked)
}

/// A file that cannot be used says why, and is left as it is.
async fn refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("text.db"), "another program's notes\n".repeat(1000)).unwrap();
    std::fs::create_dir(at("folder.db")).unwrap();
    let url = format!("sqlite:{}", at("cut.db").display());
    let whole = SqliteBackend::builder(&url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    create(&whole).await;
    drop(whole);
    let mut cut = std::fs::read(at("cut.db")).unwrap();
    cut[100..].fill(0xff);
    std::fs::write(at("broken.db"), cut).unwrap();
    let none = "the file is none of SQLite's";
    let cannot = "the file cannot be opened";
    for (file, says) in [
        ("text.db", none),
        ("broken.db", none),
        ("folder.db", cannot),
        ("missing/sessions.db", cannot),
        ("missing.db?mode=ro", cannot),
        ("missing.db?mode=rw", cannot),
    ] {
        let url = format!("sqlite:{}", at(file).display());
        let before = std::fs::read(at(file)).ok();
        let refused = SqliteBackend::builder(&url).unwrap().connect().await;
        assert_refused(file, refused, ErrorKind::Config, says);
        assert_eq!(std::fs::read(at(file)).ok(), before, "{file}");
    }
    assert!(!at("missing").exists() && !at("missing.db").exists());
}

/// What needs no writing works.
async fn read_only() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let whole = SqliteBackend::builder(&url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let id = create(&whole).await.id;
    let backend = SqliteBackend::builder(&format!("{url}?mode=ro")).unwrap();
    let backend = backend.deadline(PATIENT).build();
    assert!(backend.peek_session(&id).await.unwrap().is_some());
    let (kind, says) = (ErrorKind::Unavailable, "the database takes no writes");
    assert_refused("ping", backend.ping().await, kind, says);
    assert_refused("count", count(&backend, &id).await, kind, says);
    assert_refused("delete", backend.delete_session(&id).await, kind, says);
    let created = backend.create_session(new()).await;
    assert_refused("create", created, kind, says);
    assert_eq!(count(&whole, &id).await.unwrap(), Some(1));
}

/// A file that cannot grow refuses what would let it grow, whole; the rest goes on, and makes room.
async fn full() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("sessions.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("max_page_count", "40");
    let policy = SessionPolicy::new().without_principal_limit();
    let builder = SqliteBackend::with_options(options).policy(policy);
    let backend = builder.deadline(PATIENT).connect().await.unwrap();
    let large = || {
        let fields = Fields::new()
            .with(name("views"), "0")
            .with(name("text"), "x".repeat(2000));
        NewSession::new(fields).bind(principal("ann"))
    };
    let mut ids: Vec<SessionId> = Vec::new();
    let full = loop {
        match backend.create_session(large()).await {
            Ok(created) => ids.push(created.id),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (full.kind(), full.effect()),
        (ErrorKind::StoreFull, Effect::NotApplied)
    );
    let count_listed = async || {
        backend
            .list_sessions(&principal("ann"))
            .await
            .unwrap()
            .len()
    };
    assert_eq!(
        count_listed().await,
        ids.len(),
        "what was refused is not listed"
    );

    let id = &ids[0];
    let before = backend.peek_session(id).await.unwrap().unwrap();
    let grown = || set("more", &"y".repeat(9000)).increment(name("views"), 1);
    let written = backend.update_session(id, grown()).await;
    assert_refused("a write that grows", written, ErrorKind::StoreFull, "full");
    let rotated = backend.rotate_session(id, grown()).await;
    assert_refused(
        "a rotation that grows",
        rotated,
        ErrorKind::StoreFull,
        "full",
    );
    let after = backend.peek_session(id).await.unwrap().unwrap();
    assert_eq!(after.fields(), before.fields(), "nothing is half applied");

    assert_eq!(count(&backend, id).await.unwrap(), Some(1));
    backend.ping().await.unwrap();
    for id in ids.drain(..ids.len() / 2) {
        assert!(backend.delete_session(&id).await.unwrap());
    }
    ids.push(backend.create_session(large()).await.unwrap().id);
    assert!(
        backend
            .rotate_session(&ids[0], Delta::new())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(count_listed().await, ids.len());
}

/// While another writes, a writer waits for its deadline and a reader not at all.
async fn locked() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let builder = SqliteBackend::builder(&url).unwrap().deadline(DEADLINE);
    let backend = builder.connect().await.unwrap();
    let id = create(&backend).await.id;
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    for what in ["count", "create", "rotate", "ping"] {
        let began = Instant::now();
        let result = match what {
            "count" => count(&backend, &id).await.map(drop),
            "create" => backend.create_session(new()).await.map(drop),
            "rotate" => backend.rotate_session(&id, Delta::new()).await.map(drop),
            _ => backend.ping().await,
        };
        let took = began.elapsed();
        let says = "others have locked the database";
        assert_refused(what, result, ErrorKind::Timeout, says);
        assert!(
            took < DEADLINE + Duration::from_millis(250),
            "{what}: {took:?}"
        );
        assert!(backend.peek_session(&id).await.unwrap().is_some());
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let healed = until_well("it is not locked", || backend.ping()).await;
    println!("well after {} ms", healed.as_millis());
    assert!(healed < DEADLINE, "{healed:?}");
    assert_eq!(count(&backend, &id).await.unwrap(), Some(1));
}

//! Where the sessions are: every kind of store, and what keeps the command from its work.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;

use session_redis_test::{
    Authority, RedisServer, Sentinels, TlsEnd, shared, shared_cluster, unique_prefix,
};
use session_store::IdStorage;
use tempfile::NamedTempFile;

use crate::support::{Ended, MISSING, Store, command};

const EVERY_COMMAND: [&[&str]; 6] = [
    &["list"],
    &["count"],
    &["show", MISSING],
    &["revoke", MISSING],
    &["revoke", "--all", "--yes"],
    &["watch", "--times", "1"],
];

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Lists, shows and ends a session there, as the environment and these flags say.
async fn is_served(store: &Store, flags: &[&str]) {
    let public_id = store.log_in("ann").await;
    for (words, said) in [
        (&["list"][..], &*public_id),
        (&["show", &public_id], "cart"),
        (&["doctor"], "contact"),
        (&["revoke", &public_id], "revoked"),
    ] {
        let ended = store.run(&[words, flags].concat()).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        assert!(ended.stdout.contains(said), "{words:?}: {ended:?}");
    }
}

#[tokio::test]
async fn every_client_and_kind_of_server_is_served() {
    is_served(&Store::on_cluster().await, &[]).await;
    let sentinels = Sentinels::start().await;
    is_served(&Store::at(sentinels.url(), IdStorage::Plain), &[]).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket").to_str().unwrap().to_owned();
    let server = RedisServer::builder().arg("unixsocket", &path);
    let _server = server.start().await;
    is_served(
        &Store::at(format!("redis+unix://{path}"), IdStorage::Plain),
        &[],
    )
    .await;
    if cfg!(feature = "fred") {
        for url in [shared().await.url(), shared_cluster().await.url()] {
            let url = url.replacen("://", "+fred://", 1);
            is_served(&Store::at(url, IdStorage::Plain), &[]).await;
        }
    }
}

#[tokio::test]
async fn tls_is_served_with_an_authority_that_is_named() {
    let authority = Authority::new();
    let (issued, own) = (authority.issue(|_| {}), authority.issue(|_| {}));
    let server = shared().await.addr();
    let end = TlsEnd::start(server, &issued, Some(&authority)).await;
    let [ca, cert, key] = [&authority.pem, &own.certificate, &own.key].map(|it| file(it));
    let [ca, cert, key] = [&ca, &cert, &key].map(|it| it.path().to_str().unwrap());
    let url = |query: &str| format!("rediss://{}{query}", end.addr());
    // The application's URL names the files itself.
    let query = format!("?ca={ca}&cert={cert}&key={key}");
    let store = Store::at(url(&query), IdStorage::Plain);
    is_served(&store, &[]).await;
    let store = store.with("SESSION_URL", &url(""));
    let flags = ["--ca-file", ca, "--cert-file", cert, "--key-file", key];
    is_served(&store, &flags).await;
    let ended = store.run(&["count"]).await;
    assert_eq!(ended.code, Some(3), "an unknown authority: {ended:?}");
}

#[tokio::test]
async fn passwords_are_taken_from_the_environment_and_from_files() {
    const PASSWORD: &str = "CANARY-PASSWORD";
    let account = format!("user operator on >{PASSWORD} ~* &* +@all");
    let server = RedisServer::builder().config_line(account).start().await;
    let with_user = |user: &str| server.url().replacen("://", &format!("://{user}@"), 1);
    let whole = with_user(&format!("operator:{PASSWORD}"));
    let (password, wrong) = (file(&format!("{PASSWORD}\n")), file("CANARY-WRONG"));
    let (password, wrong) = (password.path(), wrong.path().to_str().unwrap());
    let password = password.to_str().unwrap();
    let url = file(&whole);
    let url = url.path().to_str().unwrap();
    let store = || Store::at(whole.as_str(), IdStorage::Plain).with_secret("CANARY");
    let bare = || store().with("SESSION_URL", &with_user("operator"));
    is_served(&store(), &[]).await;
    is_served(&bare().with("SESSION_PASSWORD", PASSWORD), &[]).await;
    is_served(&bare().with("SESSION_PASSWORD_FILE", password), &[]).await;
    is_served(&bare(), &["--password-file", password]).await;
    is_served(&store().with("SESSION_URL", ""), &["--url-file", url]).await;
    // A flag comes before the environment.
    let flags = ["--password-file", wrong];
    for words in EVERY_COMMAND {
        let store = bare().with("SESSION_PASSWORD", PASSWORD);
        let ended = store.run(&[words, &flags].concat()).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
        assert!(ended.stderr.contains("account"), "{ended:?}");
        // Nor by what the libraries log.
        let mut talkative = store.command(&[words, &flags].concat());
        let ended = Ended::of({
            talkative.env("RUST_LOG", "trace");
            talkative
        });
        let ended = ended.await;
        store.assert_shows_no_secret(&ended.stdout);
        store.assert_shows_no_secret(&ended.stderr);
    }
    let doctor = bare().run(&[&["doctor"][..], &flags].concat()).await;
    let said = doctor.stdout.starts_with("problem  contact: ");
    assert!(doctor.code == Some(2) && said, "{doctor:?}");
    // The password in the arguments is warned of, without showing it.
    let ended = store().run(&["count", "--url", &whole]).await;
    let is_warned = ended.stderr.contains("the password in --url");
    assert!(ended.code == Some(0) && is_warned, "{ended:?}");
}

#[tokio::test]
async fn what_keeps_the_command_from_its_work_is_said() {
    let nowhere = || Store::at("redis://u:SECRET@127.0.0.1:1", IdStorage::Plain);
    for words in EVERY_COMMAND {
        for (url, code, said) in [
            ("", 2, "SESSION_URL"),
            ("memory:", 2, "no other program can reach them"),
            ("http://u:SECRET@x", 2, "names no backend"),
            ("redis://u:SECRET@127.0.0.1:1", 3, "is the server there"),
        ] {
            let store = nowhere().with_secret("SECRET").with("SESSION_URL", url);
            let ended = store.run(words).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{words:?}");
            let text = ended.stderr;
            let is_line = text.starts_with("sessions: ") && text.lines().count() == 1;
            assert!(is_line && text.contains(said), "{text}");
        }
    }
    // An answer that cannot be written is not taken for one that was.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Store::new().await.command(&["count"]);
    command.stdout(full).stderr(std::process::Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot write the output"), "{said}");
    assert_eq!(output.status.code(), Some(3));
}

/// The sessions of one node are not reported as those of the whole store.
#[tokio::test]
async fn a_node_of_a_cluster_is_not_taken_for_the_store() {
    let node = |address: SocketAddr| Store::at(format!("redis://{address}"), IdStorage::Plain);
    for server in shared_cluster().await.nodes() {
        let store = node(server.addr());
        let ended = store.run(&["count"]).await;
        let told = (ended.code, ended.stderr.contains("redis-cluster://"));
        assert_eq!(told, (Some(3), true), "{}", ended.stderr);
        let ended = store.run(&["doctor"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}

#[tokio::test]
async fn what_is_said_twice_or_wrongly_is_a_mistake_of_usage() {
    let url = format!("redis://u:SECRET@127.0.0.1:1/{}", unique_prefix());
    for words in [
        &["count", "--prefix", "a*"][..],
        &["count", "--id-storage", "other"],
        &["count", "--url", &url, "--url-file", "x"],
        &["count", "--url", &url],
        &["count", "--url", "redis://127.0.0.1:1", "--ca-file", "x"],
        &["count", "--url", "redis://h", "--cert-file", "x"],
        &["list", "--url", &url, "extra"],
    ] {
        let ended = Ended::of(command(words)).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{words:?}");
        assert!(!ended.stderr.contains("SECRET"), "{ended:?}");
    }
}

//! A store with sessions, and the command run on it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use session_redis_test::{shared, shared_cluster, unique_prefix};
use session_store::{
    Clock, Connect, FieldName, Fields, IdStorage, NewSession, Principal, PublicId, SessionBackend,
    SessionPolicy,
};
use tokio::process::Command;
use tokio::time::timeout;

/// How long the command may take, on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(30);

/// The public id of no session, such as a shell would hand it over.
pub(crate) const MISSING: &str = "-AAAAAAAAAAAAAAA";

/// A store, and what the environment of the command says of it.
#[derive(Debug)]
pub(crate) struct Store {
    url: String,
    prefix: String,
    storage: IdStorage,
    environment: Vec<(String, String)>,
    /// What no output may show.
    secrets: Mutex<Vec<String>>,
}

impl Store {
    /// With keys of its own on the server that all tests share.
    pub(crate) async fn new() -> Self {
        Self::at(shared().await.url(), IdStorage::Plain)
    }

    /// With keys of its own on the cluster that all tests share.
    pub(crate) async fn on_cluster() -> Self {
        Self::at(shared_cluster().await.url(), IdStorage::Hashed)
    }

    /// On a server and on a cluster; with plain and with hashed ids.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::new().await, Self::on_cluster().await]
    }

    pub(crate) fn at(url: impl Into<String>, storage: IdStorage) -> Self {
        let (url, prefix) = (url.into(), unique_prefix());
        let storage_name = match storage {
            IdStorage::Hashed => "hashed",
            _ => "plain",
        };
        let environment = [
            ("SESSION_URL", &*url),
            ("SESSION_PREFIX", &prefix),
            ("SESSION_ID_STORAGE", storage_name),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            environment: environment.into_iter().map(owned).collect(),
            url,
            prefix,
            storage,
            secrets: Mutex::default(),
        }
    }

    /// The same, where the environment of the command says otherwise.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, where the output must not show this.
    pub(crate) fn with_secret(self, secret: &str) -> Self {
        self.secrets.lock().unwrap().push(secret.to_owned());
        self
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn backend(&self) -> Arc<dyn SessionBackend> {
        self.backend_at(Duration::ZERO)
    }

    /// As an application has it whose clock is so far behind.
    fn backend_at(&self, ago: Duration) -> Arc<dyn SessionBackend> {
        let connect = Connect::to(self.url.as_str()).key_prefix(self.prefix.as_str());
        let policy = SessionPolicy::new().with_clock(Arc::new(Behind(ago)));
        let connect = connect.id_storage(self.storage).policy(policy);
        connect.deadline(LIMIT).build().unwrap()
    }

    /// A session of this principal; its public id.
    pub(crate) async fn log_in(&self, name: &str) -> String {
        self.add(Some(name), Duration::ZERO).await
    }

    /// A session that was created so long ago; its public id.
    pub(crate) async fn add(&self, principal: Option<&str>, ago: Duration) -> String {
        let fields = Fields::new().with(FieldName::new("cart").unwrap(), "3 \u{1b}[31mapples");
        let mut new = NewSession::new(fields);
        if let Some(name) = principal {
            new = new.bind(Principal::new(name).unwrap());
        }
        let created = self.backend_at(ago).create_session(new).await.unwrap();
        // A hashed key shows three characters.
        let id = created.id.expose()[..PublicId::LEN].to_owned();
        self.secrets.lock().unwrap().push(id);
        let own = created.record.public_id();
        own.unwrap_or_else(|| PublicId::of_unbound(&created.id))
            .to_string()
    }

    /// The command with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs the command with these words.
    pub(crate) async fn run(&self, words: &[&str]) -> Ended {
        let ended = Ended::of(self.command(words)).await;
        self.assert_shows_no_secret(&ended.stdout);
        self.assert_shows_no_secret(&ended.stderr);
        ended
    }

    pub(crate) fn assert_shows_no_secret(&self, text: &str) {
        for secret in &*self.secrets.lock().unwrap() {
            assert!(!text.contains(secret.as_str()), "a secret is shown: {text}");
        }
    }

    /// What the command writes with these words when all goes well.
    pub(crate) async fn told(&self, words: &[&str]) -> String {
        let ended = self.run(words).await;
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{words:?}");
        ended.stdout
    }

    /// The same, as JSON, one object a line.
    pub(crate) async fn json(&self, words: &[&str]) -> Vec<Value> {
        let text = self.told(&[words, &["--json"]].concat()).await;
        objects(&text)
    }
}

/// The objects on the lines of a text.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let lines = text.lines();
    let objects = lines.map(|line| serde_json::from_str(line).expect("JSON"));
    objects.collect()
}

/// A clock that is behind.
#[derive(Debug)]
struct Behind(Duration);

impl Clock for Behind {
    fn now(&self) -> SystemTime {
        SystemTime::now() - self.0
    }
}

/// How the command ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) async fn of(mut command: Command) -> Self {
        let output = timeout(LIMIT, command.output()).await;
        let output = output.expect("the command ends").unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The command with these words and an environment that says nothing, killed when it is dropped.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessions"));
    command
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

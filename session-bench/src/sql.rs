//! Sessions in PostgreSQL and SQLite, beside those of tower-sessions' store on sqlx.

pub(crate) mod pages;
mod peer;

use std::sync::Arc;
use std::time::Duration;

use session_core::{NewSession, SessionBackend, SessionId};
use session_sqlx::{Engine, PostgresBackend, SqliteBackend, SqlxBackend};
use session_sqlx_test::{PostgresServer, Proxy};
use tempfile::TempDir;
use tower_sessions::SessionStore;
use tower_sessions_sqlx_store::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous,
};
use tower_sessions_sqlx_store::sqlx::{
    Connection as _, PgPool, SqliteConnection, SqlitePool, query_scalar,
};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

use self::peer::{Peer, PeerVerb};
use crate::args::Options;
use crate::drive::{Case, Op, Outcome, Plan, Servers, Window, interleave};
use crate::ours::{Ours, Verb, create, new_session};
use crate::results::{Figure, Machine, Results, Target};

pub(crate) const GROUP: &str = "sql";
/// The deadline of what creates many sessions at once, before anything is measured.
const PATIENT: Duration = Duration::from_secs(60);
const LIBRARIES: [&str; 2] = ["ours", "theirs"];

/// A rate that is compared: ours, theirs, and whether there is a target.
const RATIOS: &[(&str, &str, bool)] = &[
    ("get", "load + save", true),
    ("get within the interval", "load", true),
    ("peek", "load", true),
    ("get within the interval", "load + save", false),
    ("update", "load + change + save", true),
    ("increment", "load + change + save", true),
    ("create", "create", false),
    ("create and delete", "create and delete", false),
];
const TARGET: Target = Target::AtLeast(1.3);

/// A database, set up in a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// As it is when it is installed: what was acknowledged is on the disk.
    Postgres,
    /// `synchronous_commit = off`: nobody waits for the disk.
    PostgresAsync,
    /// Each library's own defaults.
    Sqlite,
    /// A write-ahead log for both, and every commit waits for the disk: our defaults.
    SqliteSame,
}

impl Setup {
    const ALL: [Self; 4] = [
        Self::Postgres,
        Self::PostgresAsync,
        Self::Sqlite,
        Self::SqliteSame,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::PostgresAsync => "PostgreSQL, synchronous_commit off",
            Self::Sqlite => "SQLite",
            Self::SqliteSame => "SQLite, both with WAL and FULL",
        }
    }
}

pub(crate) fn setting(setup: Setup, in_flight: usize) -> String {
    format!("{}, {in_flight} in flight", setup.label())
}

/// A database of the run's own.
pub(crate) enum Database {
    Postgres(PostgresServer),
    Sqlite(TempDir),
}

impl Database {
    pub(crate) async fn start(setup: Setup) -> Outcome<Self> {
        let postgres = PostgresServer::builder().durable();
        Ok(match setup {
            Setup::Postgres => Self::Postgres(postgres.start().await),
            Setup::PostgresAsync => {
                let postgres = postgres.setting("synchronous_commit", "off");
                Self::Postgres(postgres.start().await)
            }
            Setup::Sqlite | Setup::SqliteSame => Self::Sqlite(TempDir::new()?),
        })
    }

    /// The URL for one of the libraries. In a file of SQLite each has its own, for one that writes
    /// locks all of it.
    pub(crate) fn url(&self, library: &str) -> String {
        match self {
            Self::Postgres(server) => server.admin().url(),
            Self::Sqlite(folder) => {
                let file = folder.path().join(library);
                format!("sqlite:{}.db?mode=rwc", file.display())
            }
        }
    }

    /// Notes what it is.
    pub(crate) async fn note_version(&self, machine: &mut Machine) -> Outcome {
        let version = match self {
            Self::Postgres(server) => {
                let version: String = server.admin().ask("SHOW server_version").await;
                // Debian's has the package's version behind it.
                format!(
                    "PostgreSQL {}",
                    version.split(' ').next().unwrap_or_default()
                )
            }
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
                let version = query_scalar("SELECT sqlite_version()");
                let version: String = version.fetch_one(&mut connection).await?;
                format!("SQLite {version}")
            }
        };
        if !machine.databases.contains(&version) {
            let before = std::mem::take(&mut machine.databases);
            let all = [before, version];
            let all: Vec<_> = all.into_iter().filter(|it| !it.is_empty()).collect();
            machine.databases = all.join(", ");
        }
        Ok(())
    }

    /// Whose costs are read beside those of this process.
    pub(crate) fn servers(&self) -> Option<Servers> {
        match self {
            Self::Postgres(server) => Some(Servers::with_children_of(server.pid())),
            Self::Sqlite(_) => None,
        }
    }
}

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    for setup in Setup::ALL {
        if !options.wants(setup.label()) {
            continue;
        }
        let database = Database::start(setup).await?;
        database.note_version(&mut results.machine).await?;
        let urls = LIBRARIES.map(|library| database.url(library));
        let cases = cases(setup, &urls, options).await?;
        let mut servers = database.servers();
        for &in_flight in &options.sql_in_flight {
            let plan = Plan {
                group: GROUP,
                setting: setting(setup, in_flight),
                window: Window {
                    in_flight,
                    length: Duration::from_millis(options.window),
                    timed_every: 1,
                },
                rounds: options.rounds,
            };
            interleave(&plan, &cases, servers.as_mut(), results).await?;
            compare(&plan.setting, results);
        }
        if setup == Setup::Postgres {
            count_round_trips(&database, options, results).await?;
        }
    }
    Ok(())
}

/// How often an operation waits for the server, what happens behind its back included.
async fn count_round_trips(
    database: &Database,
    options: &Options,
    results: &mut Results,
) -> Outcome {
    let Database::Postgres(server) = database else {
        return Ok(());
    };
    let proxy = Proxy::start(server.addr()).await;
    let urls = LIBRARIES.map(|_| server.admin().url_at(proxy.addr()));
    let few = Options {
        sql_sessions: 20,
        ..options.clone()
    };
    let window = Window {
        in_flight: 1,
        length: Duration::from_millis(options.window),
        timed_every: 1,
    };
    for case in cases(Setup::Postgres, &urls, &few).await? {
        // What is prepared is not counted.
        for _ in 0..2 {
            proxy.reset();
            let seen = case.drive(window).await?;
            let figure = Figure {
                group: GROUP.into(),
                setting: Setup::Postgres.label().into(),
                name: case.name.clone(),
                value: proxy.bursts() as f64 / seen.ops.max(1) as f64,
                unit: "round trips".into(),
                target: None,
            };
            results.figures.retain(|it| it.name != case.name);
            results.figures.push(figure);
        }
    }
    Ok(())
}

/// All cases, each library on its database.
async fn cases(setup: Setup, urls: &[String; 2], options: &Options) -> Outcome<Vec<Case>> {
    let [our_url, their_url] = urls;
    let (mut cases, theirs) = match setup {
        Setup::Postgres | Setup::PostgresAsync => {
            let patient = PostgresBackend::builder(our_url)?.deadline(PATIENT);
            let ids = create(&Arc::new(patient.connect().await?), options.sql_sessions).await?;
            let backend = PostgresBackend::builder(our_url)?.connect().await?;
            let store = postgres_store(their_url).await?;
            (ours(backend, ids)?, theirs(store, options).await?)
        }
        Setup::Sqlite | Setup::SqliteSame => {
            let patient = SqliteBackend::builder(our_url)?.deadline(PATIENT);
            let ids = create(&Arc::new(patient.connect().await?), options.sql_sessions).await?;
            let backend = SqliteBackend::builder(our_url)?.connect().await?;
            let store = match setup {
                Setup::SqliteSame => sqlite_store_with_a_log(their_url).await?,
                _ => sqlite_store(their_url).await?,
            };
            (ours(backend, ids)?, theirs(store, options).await?)
        }
    };
    cases.extend(theirs);
    Ok(cases)
}

/// tower-sessions' store, as its documentation has it.
pub(crate) async fn postgres_store(url: &str) -> Outcome<PostgresStore> {
    let store = PostgresStore::new(PgPool::connect(url).await?);
    store.migrate().await?;
    Ok(store)
}

async fn sqlite_store_with_a_log(url: &str) -> Outcome<SqliteStore> {
    let options: SqliteConnectOptions = url.parse()?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let store = SqliteStore::new(SqlitePool::connect_with(options).await?);
    store.migrate().await?;
    Ok(store)
}

pub(crate) async fn sqlite_store(url: &str) -> Outcome<SqliteStore> {
    let store = SqliteStore::new(SqlitePool::connect(url).await?);
    store.migrate().await?;
    Ok(store)
}

fn ours<E: Engine>(backend: SqlxBackend<E>, ids: Vec<SessionId>) -> Outcome<Vec<Case>> {
    let (backend, ids) = (Arc::new(backend), Arc::new(ids));
    let mut cases = Vec::new();
    for (name, verb) in [
        ("get", Verb::Get),
        ("get within the interval", Verb::GetWithin),
        ("peek", Verb::Peek),
        ("update", Verb::Update),
        ("increment", Verb::Increment),
    ] {
        let case = Case::new(format!("ours: {name}"), Ours::new(&backend, &ids, verb)?);
        cases.push(case);
    }
    for (name, deletes) in [("create", false), ("create and delete", true)] {
        let op = Creates {
            backend: Arc::clone(&backend),
            new: new_session()?,
            deletes,
        };
        cases.push(Case::new(format!("ours: {name}"), op));
    }
    Ok(cases)
}

async fn theirs<S: SessionStore + Clone>(store: S, options: &Options) -> Outcome<Vec<Case>> {
    let peer = Peer::new(store, options.sql_sessions).await?;
    let cases = [
        ("load", PeerVerb::Load),
        ("load + save", PeerVerb::LoadSave),
        ("load + change + save", PeerVerb::LoadChangeSave),
        ("create", PeerVerb::Create),
        ("create and delete", PeerVerb::CreateDelete),
    ]
    .into_iter()
    .map(|(name, verb)| Case::new(format!("tower-sessions: {name}"), peer.doing(verb)));
    Ok(cases.collect())
}

struct Creates<B> {
    backend: Arc<B>,
    new: NewSession,
    deletes: bool,
}

impl<B: SessionBackend> Op for Creates<B> {
    async fn run(&self, _n: usize) -> Outcome {
        let id = self.backend.create_session(self.new.clone()).await?.id;
        if self.deletes && !self.backend.delete_session(&id).await? {
            return Err("no session".into());
        }
        Ok(())
    }
}

fn compare(setting: &str, results: &mut Results) {
    for (ours, theirs, has_target) in RATIOS {
        let title = format!("{ours} ÷ {theirs}");
        let (ours, theirs) = (format!("ours: {ours}"), format!("tower-sessions: {theirs}"));
        let target = has_target.then_some(TARGET);
        results.compare((GROUP, setting), (&title, &ours, &theirs), target);
    }
}

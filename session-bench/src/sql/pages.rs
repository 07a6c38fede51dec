//! Web applications on axum that keep sessions in a database: a page that counts in its session,
//! and one that only reads it. Under load, and by requests of one session at once.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::ValueEnum;
use session_core::{SessionPolicy, Touch};
use session_sqlx::{PostgresBackend, SqliteBackend};
use session_tower::{Session, SessionError, SessionLayer};
use tower_sessions::{
    Expiry, Session as TowerSession, SessionManagerLayer, SessionStore, cookie::time,
};

use super::{Database, Setup, postgres_store, sqlite_store};
use crate::args::Options;
use crate::drive::{Outcome, Servers};
use crate::http::{Load, Process, lost_counts, measure_page};
use crate::ours::PAGE_VIEWS;
use crate::results::{Figure, Measurement, Results, Round, Target};

pub(crate) const GROUP: &str = "sql-pages";
const TARGET: Target = Target::AtLeast(1.3);
/// Requests of one session at once, and how many each of so many clients sends.
const CLIENTS: usize = 16;
const REQUESTS: usize = 25;

/// An application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum App {
    Ours,
    /// Slides no more often than half the TTL.
    OursWithin,
    TowerSessions,
    /// Slides with every request, as ours does.
    TowerSessionsSliding,
}

impl App {
    const fn label(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursWithin => "ours, IfOlderThan",
            Self::TowerSessions => "tower-sessions",
            Self::TowerSessionsSliding => "tower-sessions, always_save",
        }
    }

    /// Whose file of SQLite it has.
    const fn library(self) -> &'static str {
        match self {
            Self::Ours | Self::OursWithin => "ours",
            Self::TowerSessions | Self::TowerSessionsSliding => "theirs",
        }
    }
}

const COUNT: (&str, &str) = ("counts", "/");
const READ: (&str, &str) = ("reads", "/read");
/// Which pages of which applications are compared, ours first.
const RATIOS: &[(&str, App, App, bool)] = &[
    (COUNT.0, App::Ours, App::TowerSessions, true),
    (READ.0, App::Ours, App::TowerSessionsSliding, true),
    (READ.0, App::OursWithin, App::TowerSessionsSliding, false),
    (READ.0, App::OursWithin, App::TowerSessions, true),
];

/// The application's router, for a database at this URL.
pub(crate) async fn router(app: App, url: &str) -> Outcome<Router> {
    let is_sqlite = url.starts_with("sqlite:");
    let touch = match app {
        App::OursWithin => Touch::IfOlderThan(Duration::from_secs(3600)),
        _ => Touch::Always,
    };
    let policy = SessionPolicy::new().with_touch(touch);
    Ok(match (app, is_sqlite) {
        (App::Ours | App::OursWithin, true) => {
            let backend = SqliteBackend::builder(url)?.policy(policy);
            ours(SessionLayer::new(Arc::new(backend.connect().await?)))
        }
        (App::Ours | App::OursWithin, false) => {
            let backend = PostgresBackend::builder(url)?.policy(policy);
            ours(SessionLayer::new(Arc::new(backend.connect().await?)))
        }
        (_, true) => theirs(app, sqlite_store(url).await?),
        (_, false) => theirs(app, postgres_store(url).await?),
    })
}

fn ours(layer: SessionLayer) -> Router {
    Router::new()
        .route(COUNT.1, get(our_count))
        .route(READ.1, get(our_read))
        .layer(layer)
}

async fn our_count(session: Session) -> Result<String, SessionError> {
    Ok(session.increment(PAGE_VIEWS, 1).await?.to_string())
}

async fn our_read(session: Session) -> Result<String, SessionError> {
    let views = session.get::<i64>(PAGE_VIEWS).await?;
    Ok(views.unwrap_or(0).to_string())
}

fn theirs(app: App, store: impl SessionStore + Clone) -> Router {
    let layer = SessionManagerLayer::new(store);
    let layer = match app {
        App::TowerSessionsSliding => layer
            .with_always_save(true)
            .with_expiry(Expiry::OnInactivity(time::Duration::seconds(1800))),
        _ => layer,
    };
    Router::new()
        .route(COUNT.1, get(their_count))
        .route(READ.1, get(their_read))
        .layer(layer)
}

async fn their_count(session: TowerSession) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let views = session.get::<i64>(PAGE_VIEWS).await.map_err(failed)?;
    let views = views.unwrap_or(0) + 1;
    session.insert(PAGE_VIEWS, views).await.map_err(failed)?;
    Ok(views.to_string())
}

async fn their_read(session: TowerSession) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let views = session.get::<i64>(PAGE_VIEWS).await.map_err(failed)?;
    Ok(views.unwrap_or(0).to_string())
}

/// A page of an application that runs.
struct Page {
    case: String,
    load: Load,
    rounds: Vec<Round>,
}

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    crate::http::check()?;
    for setup in [Setup::Postgres, Setup::Sqlite] {
        if !options.wants(setup.label()) {
            continue;
        }
        let database = Database::start(setup).await?;
        database.note_version(&mut results.machine).await?;
        let mut servers = database.servers();
        let (mut processes, mut pages) = (Vec::new(), Vec::new());
        for app in App::value_variants() {
            let name = app.to_possible_value().ok_or("no such application")?;
            let args = ["sql-app", name.get_name(), &database.url(app.library())];
            let process = Process::start(&args, None)?;
            for (page, path) in [COUNT, READ] {
                pages.push(Page {
                    case: case(page, *app),
                    load: Load::new(&process, path)?,
                    rounds: Vec::new(),
                });
            }
            processes.push((*app, process));
        }
        // What nothing is compared with is not measured.
        pages.retain(|page| {
            let mut cases = RATIOS
                .iter()
                .flat_map(|(name, a, b, _)| [case(name, *a), case(name, *b)]);
            cases.any(|it| it == page.case)
        });
        for &in_flight in &options.sql_in_flight {
            let setting = super::setting(setup, in_flight);
            measure(options, in_flight, &mut pages, servers.as_mut()).await?;
            for page in &mut pages {
                results.measurements.push(Measurement {
                    group: GROUP.into(),
                    setting: setting.clone(),
                    case: page.case.clone(),
                    rounds: std::mem::take(&mut page.rounds),
                });
            }
            compare(&setting, results);
        }
        for (app, process) in &processes {
            if matches!(app, App::Ours | App::TowerSessions) {
                let lost = lost_counts(process, CLIENTS, REQUESTS)?;
                let sent = CLIENTS * REQUESTS;
                for (what, value) in [("counts lost", lost.lost), ("requests failed", lost.failed)]
                {
                    results.figures.push(Figure {
                        group: GROUP.into(),
                        setting: format!("{}, {CLIENTS} in flight", setup.label()),
                        name: format!("{}: {what}, of {sent} in one session", app.label()),
                        value: value as f64,
                        unit: String::new(),
                        target: None,
                    });
                }
            }
        }
    }
    Ok(())
}

fn case(page: &str, app: App) -> String {
    format!("{page}: {}", app.label())
}

async fn measure(
    options: &Options,
    in_flight: usize,
    pages: &mut [Page],
    mut servers: Option<&mut Servers>,
) -> Outcome {
    let length = Duration::from_secs(options.http_window);
    for _ in 0..options.rounds {
        for page in &mut *pages {
            let servers = servers.as_deref_mut();
            let round = measure_page(&page.load, in_flight, length, servers).await?;
            page.rounds.push(round);
        }
    }
    Ok(())
}

fn compare(setting: &str, results: &mut Results) {
    for (page, ours, theirs, has_target) in RATIOS {
        let title = format!("{page}: {} ÷ {}", ours.label(), theirs.label());
        let target = has_target.then_some(TARGET);
        results.compare(
            (GROUP, setting),
            (&title, &case(page, *ours), &case(page, *theirs)),
            target,
        );
    }
}

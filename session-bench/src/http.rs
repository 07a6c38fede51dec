//! Web applications that count page views in a session, each in a process of its own, under load.

mod apps;
mod template;
mod wrk;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use session_redis_test::RedisServer;

pub(crate) use self::apps::{serve, serve_sql};
use self::template::Template;
pub(crate) use self::wrk::{Lost, check};
use self::wrk::{Seen, Wrk};
use crate::args::Options;
use crate::drive::{Outcome, Servers, micros_per};
use crate::process::cpu_time;
use crate::results::{Measurement, Results, Round, Server, Target};

pub(crate) const GROUP: &str = "http";
pub(crate) const SETTING: &str = "64 connections";
const CONNECTIONS: usize = 64;
/// How many sessions the requests belong to.
const SESSIONS: usize = 200;

/// An application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum App {
    AxumBare,
    RawRedisRs,
    RawFred,
    OursRedisRs,
    OursFred,
    OursMemory,
    TowerSessionsRedis,
    /// As its documentation has it.
    TowerSessionsSix,
    TowerSessionsMemory,
    ActixBare,
    ActixSession,
    AxumSession,
}

impl App {
    /// Its name in tables.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::AxumBare => "axum, no session",
            Self::RawRedisRs => "raw handler: redis-rs",
            Self::RawFred => "raw handler: fred",
            Self::OursRedisRs => "ours: redis-rs",
            Self::OursFred => "ours: fred",
            Self::OursMemory => "ours: memory",
            Self::TowerSessionsRedis => "tower-sessions: Redis",
            Self::TowerSessionsSix => "tower-sessions: Redis, 6 connections",
            Self::TowerSessionsMemory => "tower-sessions: memory",
            Self::ActixBare => "actix-web, no session",
            Self::ActixSession => "actix-session: Redis",
            Self::AxumSession => "axum_session: Redis",
        }
    }
}

/// An application's process, which ends with this one.
pub(crate) struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts this program with these arguments, which make it an application.
    pub(crate) fn start(args: &[&str], template: Option<&Template>) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .env(Template::VARIABLE, serde_json::to_string(&template)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse();
        let port = port.map_err(|_| format!("{args:?} did not start"))?;
        Ok(Self { child, port })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error here leaves it to the end of its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    wrk::check()?;
    let server = RedisServer::start().await;
    let template = Template::of_an_increment(&server).await?;
    let mut servers = Servers::of(&[&server]).await;
    let mut started = Vec::new();
    for app in App::value_variants() {
        if options.wants(app.label()) {
            let name = app.to_possible_value().ok_or("no such application")?;
            let args = ["app", name.get_name(), &server.url()];
            let process = Process::start(&args, Some(&template))?;
            // An application that forgets its sessions would be fast.
            let expected = match app {
                App::AxumBare | App::ActixBare => 1,
                // It creates the session with the first page, and counts from the second on.
                App::RawRedisRs | App::RawFred => 2,
                _ => 3,
            };
            let counted = wrk::third_count(process.port)?;
            if counted != expected {
                return Err(format!("{}: the third page is {counted}", app.label()).into());
            }
            let wrk = Wrk::new(process.port, "/", SESSIONS)?;
            started.push((*app, process, wrk, Vec::new()));
        }
    }
    let length = Duration::from_secs(options.http_window);
    for _ in 0..options.rounds {
        for (app, process, wrk, rounds) in &mut started {
            let pids = [process.child.id()];
            let (before, client) = (servers.used().await?, cpu_time(&pids));
            let seen = wrk.run(CONNECTIONS, length)?;
            let client = cpu_time(&pids).saturating_sub(client);
            if seen.requests == 0.0 {
                return Err(format!("{} replied to nothing", app.label()).into());
            }
            let used = servers.used().await?.since(before, seen.requests);
            rounds.push(round(&seen, client, Some(used)));
        }
    }
    for (app, _, _, rounds) in started {
        results.measurements.push(Measurement {
            group: GROUP.into(),
            setting: SETTING.into(),
            case: app.label().into(),
            rounds,
        });
    }
    compare(results);
    Ok(())
}

fn round(seen: &Seen, client: Duration, server: Option<Server>) -> Round {
    Round {
        ops_per_s: seen.requests / seen.seconds,
        p50_us: seen.p50_us,
        p99_us: seen.p99_us,
        p999_us: 0.0,
        max_us: seen.max_us,
        client_cpu_us: micros_per(client, seen.requests),
        server,
        errors: seen.errors,
    }
}

/// A load on a page of an application.
pub(crate) struct Load {
    wrk: Wrk,
    pid: u32,
}

impl Load {
    pub(crate) fn new(process: &Process, path: &str) -> Outcome<Self> {
        Ok(Self {
            wrk: Wrk::new(process.port, path, SESSIONS)?,
            pid: process.child.id(),
        })
    }
}

/// One round of a page.
pub(crate) async fn measure_page(
    load: &Load,
    connections: usize,
    length: Duration,
    mut servers: Option<&mut Servers>,
) -> Outcome<Round> {
    let before = match &mut servers {
        Some(servers) => Some(servers.used().await?),
        None => None,
    };
    let client = cpu_time(&[load.pid]);
    let seen = load.wrk.run(connections, length)?;
    let client = cpu_time(&[load.pid]).saturating_sub(client);
    if seen.requests == 0.0 {
        return Err("an application replied to nothing".into());
    }
    let server = match (servers, before) {
        (Some(servers), Some(before)) => Some(servers.used().await?.since(before, seen.requests)),
        _ => None,
    };
    Ok(round(&seen, client, server))
}

/// What an application loses of requests of one session at once.
pub(crate) fn lost_counts(process: &Process, clients: usize, requests: usize) -> Outcome<Lost> {
    wrk::lost_counts(process.port, clients, requests)
}

fn compare(results: &mut Results) {
    use App::{
        ActixBare, ActixSession, AxumBare, AxumSession, OursFred, OursMemory, OursRedisRs, RawFred,
        RawRedisRs, TowerSessionsMemory, TowerSessionsRedis, TowerSessionsSix,
    };
    let at_least = |value| Some(Target::AtLeast(value));
    for (ours, other, target) in [
        (OursRedisRs, RawRedisRs, at_least(0.92)),
        (OursFred, RawFred, at_least(0.92)),
        (OursRedisRs, TowerSessionsRedis, at_least(1.4)),
        (OursFred, TowerSessionsRedis, at_least(1.4)),
        (OursRedisRs, TowerSessionsSix, at_least(1.4)),
        (OursFred, TowerSessionsSix, at_least(1.4)),
        (OursRedisRs, ActixSession, None),
        (OursFred, ActixSession, None),
        (RawRedisRs, ActixSession, None),
        (OursRedisRs, AxumSession, None),
        (OursMemory, AxumBare, at_least(0.90)),
        (OursMemory, TowerSessionsMemory, None),
        (OursRedisRs, AxumBare, None),
        (ActixBare, AxumBare, None),
    ] {
        let title = format!("{} ÷ {}", ours.label(), other.label());
        results.compare(
            (GROUP, SETTING),
            (&title, ours.label(), other.label()),
            target,
        );
    }
    // The least p99 of those that keep sessions in Redis, as the greatest of its inverse.
    let peers = [
        TowerSessionsRedis,
        TowerSessionsSix,
        ActixSession,
        AxumSession,
    ]
    .map(App::label);
    for ours in [OursRedisRs, OursFred] {
        results.compare_by(
            |round| 1.0 / round.p99_us,
            (GROUP, SETTING),
            (
                &format!("best peer's p99 ÷ p99 of {}", ours.label()),
                ours.label(),
                &peers,
            ),
            at_least(1.0),
        );
    }
}

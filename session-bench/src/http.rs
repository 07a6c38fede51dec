//! Web applications that count page views in a session, each in a process of its own, under load.

mod apps;
mod template;
mod wrk;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use session_redis_test::RedisServer;

pub(crate) use self::apps::serve;
use self::template::Template;
use self::wrk::Wrk;
use crate::args::Options;
use crate::drive::{Outcome, Servers, micros_per};
use crate::process::cpu_time;
use crate::results::{Measurement, Results, Round, Target};

pub(crate) const GROUP: &str = "http";
pub(crate) const SETTING: &str = "64 connections";
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
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    fn start(app: App, redis: &str, template: &Template) -> Outcome<Self> {
        let name = app.to_possible_value().ok_or("no such application")?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["app", name.get_name(), redis])
            .env(Template::VARIABLE, serde_json::to_string(template)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse();
        let port = port.map_err(|_| format!("{} did not start", app.label()))?;
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
            let process = Process::start(*app, &server.url(), &template)?;
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
            let wrk = Wrk::new(process.port, SESSIONS)?;
            started.push((*app, process, wrk, Vec::new()));
        }
    }
    let length = Duration::from_secs(options.http_window);
    for _ in 0..options.rounds {
        for (app, process, wrk, rounds) in &mut started {
            let pids = [process.child.id()];
            let (before, client) = (servers.used().await?, cpu_time(&pids));
            let seen = wrk.run(length)?;
            let client = cpu_time(&pids).saturating_sub(client);
            if seen.requests == 0.0 {
                return Err(format!("{} replied to nothing", app.label()).into());
            }
            rounds.push(Round {
                ops_per_s: seen.requests / seen.seconds,
                p50_us: seen.p50_us,
                p99_us: seen.p99_us,
                p999_us: 0.0,
                max_us: seen.max_us,
                client_cpu_us: micros_per(client, seen.requests),
                server: Some(servers.used().await?.since(before, seen.requests)),
                errors: seen.errors,
            });
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

//! Processes and servers that are killed while they write: what was acknowledged is there, and
//! nothing is half done.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use session_conformance::Runner;
use session_core::steps::{RenameOutcome, RenameRequest};
use session_core::{Delta, SessionBackend as _, SessionId};
use session_sqlx::{PostgresBackend, SqliteBackend};
use session_sqlx_test::PostgresServer;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::kit::{DEADLINE, PATIENT, count, create, name, new, principal, unlimited, until_well};
use crate::ledger::{self, Traffic};

/// Where files are, and how many processes are killed on each: in memory they come further, on a
/// disk they are killed while they wait for it.
const FILES: [(&str, usize); 2] = [("/dev/shm", 400), ("", 100)];
/// How many processes write at once, at most.
const AT_ONCE: usize = 3;
/// How often a server is killed.
const SERVER_KILLS: usize = 20;
/// Has what a process is to write to, where this program is started as one.
const CHILD: &str = "SESSION_TEST_CRASH";

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("crash::sqlite", sqlite)
        .test("crash::postgres", postgres)
}

/// Whether this process is one that writes until it is killed; if so, it never comes back.
pub(crate) fn write_until_killed() -> bool {
    let Ok(told) = std::env::var(CHILD) else {
        return false;
    };
    let told: Vec<_> = told.lines().collect();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let ids = [told[1], told[2]].map(|id| SessionId::parse(id).unwrap());
    runtime.block_on(write(told[0], ids, told[3]));
    true
}

async fn open(url: &str) -> SqliteBackend {
    let builder = SqliteBackend::builder(url).unwrap().policy(unlimited());
    builder.deadline(PATIENT).connect().await.unwrap()
}

/// Says what it is about to do, where that matters, and what is done.
async fn write(url: &str, [counted, rotated]: [SessionId; 2], owner: &str) {
    let backend = open(url).await;
    println!("ready -");
    let counting = async {
        while let Some(views) = count(&backend, &counted).await.unwrap() {
            println!("counted {views}");
        }
    };
    let coming_and_going = async {
        loop {
            let new = new().bind(principal(owner));
            let id = backend.create_session(new).await.unwrap().id;
            println!("created {}", id.expose());
            if rand::random() {
                println!("ending {}", id.expose());
                assert!(backend.delete_session(&id).await.unwrap());
                println!("ended {}", id.expose());
            }
        }
    };
    let rotating = async {
        let mut from = rotated;
        loop {
            let to = SessionId::random().unwrap();
            println!("rotating {}", to.expose());
            let delta = Delta::new().increment(name("views"), 1);
            let request = RenameRequest::new(backend.policy(), from, to.clone(), delta).unwrap();
            let outcome = backend.rename(&request).await.unwrap();
            assert!(matches!(outcome, RenameOutcome::Renamed(_)), "{outcome:?}");
            println!("rotated {}", to.expose());
            from = to;
        }
    };
    tokio::join!(counting, coming_and_going, rotating);
}

/// A process, and the sessions that it writes to.
struct Writer {
    ids: [SessionId; 2],
    owner: String,
}

impl Writer {
    fn spawn(&self, url: &str) -> Child {
        let [counted, rotated] = &self.ids;
        let (counted, rotated) = (counted.expose(), rotated.expose());
        Command::new(std::env::current_exe().unwrap())
            .env(
                CHILD,
                format!("{url}\n{counted}\n{rotated}\n{}", self.owner),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What it said holds; how much of it that is.
    async fn check(&self, backend: &SqliteBackend, said: &[String]) -> usize {
        let said = said.iter().map(|line| line.split_once(' ').unwrap());
        let of = |word: &str| {
            let of = said.clone().filter(|(what, _)| *what == word);
            of.map(|(_, id)| id.to_owned()).collect::<Vec<_>>()
        };
        let views = async |id: &SessionId| {
            let record = backend.peek_session(id).await.unwrap();
            record.map(|it| {
                it.fields()
                    .get_str("views")
                    .unwrap()
                    .parse::<usize>()
                    .unwrap()
            })
        };
        let [counted, created, ending, ended, rotating, rotated] = [
            "counted", "created", "ending", "ended", "rotating", "rotated",
        ]
        .map(of);
        let found = views(&self.ids[0]).await.unwrap();
        assert!(
            (counted.len()..=counted.len() + 1).contains(&found),
            "{found} of {counted:?}"
        );

        for id in &created {
            let is_live = views(&SessionId::parse(id).unwrap()).await.is_some();
            let is_known = !ending.contains(id) || ended.contains(id);
            assert!(
                !is_known || is_live != ended.contains(id),
                "{id}: {is_live}"
            );
        }
        let live = backend
            .list_sessions(&principal(&self.owner))
            .await
            .unwrap()
            .len();
        let least = created.len() - ending.len();
        assert!((least..=least + 1).contains(&live), "{live}, not {least}");

        // The last that was begun is done, or the one before it is.
        let mut ids = vec![self.ids[1].clone()];
        ids.extend(rotating.iter().map(|id| SessionId::parse(id).unwrap()));
        let mut live = Vec::new();
        for (rotations, id) in ids.iter().enumerate() {
            if let Some(views) = views(id).await {
                assert_eq!(views, rotations, "counted with each rotation");
                live.push(rotations);
            }
        }
        assert_eq!(live.len(), 1, "{live:?} of {}", rotating.len());
        assert!(live[0] >= rotated.len(), "{live:?} of {}", rotated.len());
        counted.len() + created.len() + ended.len() + rotated.len()
    }
}

async fn sqlite() {
    let told = std::env::var("SESSION_SEED").ok();
    let seed: u64 = told.map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("SESSION_SEED={seed}");
    let mut files = tokio::task::JoinSet::new();
    for (memory, kills) in FILES {
        let folder = match Path::new(memory).is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let dice = StdRng::seed_from_u64(seed ^ u64::try_from(kills).unwrap());
        files.spawn(kill_writers(folder.unwrap(), kills, dice));
    }
    files.join_all().await;
}

/// Kills so many processes that write to one file.
async fn kill_writers(folder: TempDir, most: usize, mut dice: StdRng) {
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let (mut kills, mut acknowledged) = (0, 0);
    while kills < most {
        let number = if dice.random_ratio(1, 6) { AT_ONCE } else { 1 };
        let number = number.min(most - kills);
        let backend = open(&url).await;
        let mut writers = Vec::new();
        for owner in 0..number {
            let ids = [create(&backend).await.id, create(&backend).await.id];
            let owner = format!("{kills}.{owner}");
            writers.push(Writer { ids, owner });
        }
        drop(backend);
        let processes: Vec<_> = writers.iter().map(|writer| writer.spawn(&url)).collect();
        let delays: Vec<_> = writers
            .iter()
            .map(|_| dice.random_range(0..30_000))
            .collect();
        let kill = move || {
            let all = processes.into_iter().zip(delays);
            let threads = all.map(|(child, delay)| {
                std::thread::spawn(move || kill_after(child, Duration::from_micros(delay)))
            });
            let threads: Vec<_> = threads.collect();
            threads
                .into_iter()
                .map(|it| it.join().unwrap())
                .collect::<Vec<_>>()
        };
        let said = tokio::task::spawn_blocking(kill).await.unwrap();
        let backend = open(&url).await;
        for (writer, said) in writers.iter().zip(&said) {
            acknowledged += writer.check(&backend, said).await;
            backend
                .revoke_sessions(&principal(&writer.owner), None)
                .await
                .unwrap();
        }
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let check = sqlx::query_scalar::<_, String>("PRAGMA integrity_check");
        assert_eq!(check.fetch_one(&mut connection).await.unwrap(), "ok");
        kills += number;
    }
    println!("{kills} processes killed, {acknowledged} effects acknowledged");
}

/// Lets a process write for so long; what it has said by its end.
fn kill_after(mut child: Child, delay: Duration) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready -");
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect());
    std::thread::sleep(delay);
    assert_eq!(
        child.try_wait().unwrap(),
        None,
        "it writes until it is killed"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// A server that is killed and recovers has everything that it acknowledged.
async fn postgres() {
    let mut server = PostgresServer::builder().durable().start().await;
    let builder = PostgresBackend::builder(&server.admin().url()).unwrap();
    let backend = builder.policy(unlimited()).deadline(DEADLINE).build();
    until_well("the backend connects", || backend.ping()).await;
    let ids = [create(&backend).await.id, create(&backend).await.id];
    let ids = [&ids[0], &ids[1]];
    let mut done = Vec::new();
    for kill in 0..SERVER_KILLS {
        let traffic = Traffic::start(&backend, ids);
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..150))).await;
        server.kill();
        server.restart().await;
        until_well("the server is back", || backend.ping()).await;
        done.extend(traffic.stop().await.0);
        let wrong = ledger::wrong(&done, server.admin(), ids).await;
        assert!(wrong.is_empty(), "kill {kill}: {wrong:#?}");
    }
    let acknowledged = done.iter().filter(|it| it.result.is_ok()).count();
    println!("{SERVER_KILLS} times killed, {acknowledged} effects acknowledged");
}

//! A browser with several requests under way at once, over real HTTP: what is promised of its
//! session holds however the network and the server order them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures_util::future::{join, join_all};
use http::{HeaderMap, HeaderName, HeaderValue};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use session_conformance::Harness as _;
use session_core::{SessionAdmin, SessionBackend, SessionId};
use session_http_test::browser::model::{
    Deed, Event, History, Jar, Line, NAME, Pause, Recorder, Request, Run, Scenario, Start, named,
    seed,
};
use session_redis::IdStorage;
use session_tower::{Session, SessionLayer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::RedisServer;
use crate::harness::{Connect, RedisHarness};

/// How many browsers there are at once, each with a server of its own.
const LANES: u64 = 4;

/// Random scenarios with random delays.
pub async fn whatever_overlaps_keeps_its_promises(connect: Connect) {
    play(connect, 2_400, Scenario::random, |_| ()).await;
}

/// A page polls while its user logs in: nobody ends logged out.
pub async fn log_ins_beside_polls_end_logged_in(connect: Connect) {
    let scenario = |dice: &mut StdRng| {
        let deeds = [Deed::Read, Deed::Count, Deed::Insert, Deed::LogIn("ann")];
        let requests = deeds.map(|deed| Request::new(deed, dice.random()));
        Scenario {
            may_lose_a_response: false,
            is_cookie_persistent: dice.random(),
            ..Scenario::new(Start::Visitor, requests.to_vec())
        }
    };
    play(connect, 1_000, scenario, |run| {
        let kept = run.kept.as_ref().and_then(|id| run.live.get(id));
        let user = kept.and_then(|record| record.principal());
        assert!(user.is_some(), "logged out: {run}");
    })
    .await;
}

/// Plays so many scenarios, and checks what they came to.
async fn play(
    connect: Connect,
    rounds: u64,
    scenario: impl Fn(&mut StdRng) -> Scenario,
    check: impl Fn(&Run),
) {
    let seed = seed();
    let lanes = (0..LANES).map(async |lane| {
        let mut dice = StdRng::seed_from_u64(lane ^ seed);
        let site = Site::start(connect).await;
        for _ in 0..rounds / LANES {
            let run = site.play(&scenario(&mut dice), &mut dice).await;
            run.check(format_args!("SESSION_SEED={seed}"));
            check(&run);
        }
    });
    join_all(lanes).await;
}

/// A server of the application, on a store of its own.
struct Site {
    address: SocketAddr,
    /// What its handlers do, by number.
    requests: Arc<Mutex<Vec<Request>>>,
    history: Arc<History>,
    harness: RedisHarness,
    backend: Arc<dyn SessionBackend>,
    admin: Arc<dyn SessionAdmin>,
    redis: RedisServer,
}

impl Site {
    async fn start(connect: Connect) -> Self {
        let redis = RedisServer::start().await;
        let servers = std::slice::from_ref(&redis);
        let harness = RedisHarness::on(redis.url(), servers, &[IdStorage::Plain], connect).await;
        let backend = harness.backend().await;
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let history = Arc::new(History::default());
        let mut app = Router::new();
        for is_cookie_persistent in [true, false] {
            for n in 0..4 {
                let requests = Arc::clone(&requests);
                let handler = move |session: Session| async move {
                    let request = lock(&requests).get(n).copied();
                    request.expect("a request").perform(n, &session).await
                };
                let recorder = Recorder {
                    inner: Arc::clone(&backend),
                    request: n,
                    history: Arc::clone(&history),
                    pause,
                };
                let scenario = Scenario {
                    is_cookie_persistent,
                    ..Scenario::new(Start::None, Vec::new())
                };
                let layer = SessionLayer::new(Arc::new(recorder)).with_cookie(scenario.cookie());
                let path = format!("/{n}/{is_cookie_persistent}");
                app = app.route(&path, get(handler).layer(layer));
            }
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async { axum::serve(listener, app).await });
        Self {
            address,
            requests,
            history,
            admin: harness.admin().await,
            harness,
            backend,
            redis,
        }
    }

    /// Plays a scenario in a store that is empty at first.
    async fn play(&self, scenario: &Scenario, dice: &mut StdRng) -> Run {
        self.redis.ask::<()>("FLUSHALL").await;
        lock(&self.requests).clone_from(&scenario.requests);
        let first = match scenario.start.session() {
            Some(new) => Some(
                self.backend
                    .create_session(new)
                    .await
                    .expect("a session")
                    .id,
            ),
            None => None,
        };
        let began = Instant::now();
        let passed = Mutex::new(Duration::ZERO);
        let now = || began.elapsed() + *lock(&passed);
        let jar = Mutex::new(Jar::default());
        lock(&jar).receive(first.clone().map(|id| Line::Set(id, None)).as_ref(), now());

        let count = scenario.requests.len();
        let lost = scenario
            .may_lose_a_response
            .then(|| dice.random_range(0..2 * count));
        let delays = scenario.requests.iter().map(|_| [delay(dice), delay(dice)]);
        let delays: Vec<_> = delays.collect();
        let requests = delays
            .into_iter()
            .enumerate()
            .map(async |(n, [before, after])| {
                wait(before).await;
                let cookie = lock(&jar).cookie(now());
                self.history.add(Event::Sent(n, cookie.clone()));
                let path = format!("/{n}/{}", scenario.is_cookie_persistent);
                let (status, headers) = ask(self.address, &path, cookie.as_ref()).await;
                let line = Line::of(&headers);
                self.history.add(Event::Answered(n, status, line.clone()));
                wait(after).await;
                if lost == Some(n) {
                    self.history.add(Event::Lost(n));
                } else {
                    self.history.add(Event::Delivered(n));
                    lock(&jar).receive(line.as_ref(), now());
                }
            });
        let pause = delay(dice) + delay(dice);
        let time = async {
            if let Some(by) = scenario.passing {
                wait(pause).await;
                self.harness.advance(by).await;
                *lock(&passed) += by;
                self.history.add(Event::Passed(by));
            }
        };
        join(join_all(requests), time).await;
        let events = self.history.take();
        let mut live = HashMap::new();
        for id in named(first.as_ref(), &events) {
            if let Some(record) = self.backend.peek_session(&id).await.expect("a peek") {
                live.insert(id, record);
            }
        }
        let kept = lock(&jar).cookie(now());
        Run {
            scenario: scenario.clone(),
            first,
            events,
            kept,
            live,
            sessions: self.admin.count_sessions().await.expect("a count"),
        }
    }
}

/// One request, on a connection of its own: the status, and the headers.
async fn ask(address: SocketAddr, path: &str, cookie: Option<&SessionId>) -> (u16, HeaderMap) {
    let cookie = cookie.map(|id| format!("cookie: {NAME}={}\r\n", id.expose()));
    let cookie = cookie.unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nhost: site\r\nconnection: close\r\n{cookie}\r\n");
    let mut answer = String::new();
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    connection
        .read_to_string(&mut answer)
        .await
        .expect("an answer");
    let mut lines = answer.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines
        .map_while(|line| line.split_once(": "))
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        });
    (status.expect("a status"), headers.collect())
}

/// None, some turns of the others, or some milliseconds.
fn delay(dice: &mut impl rand::Rng) -> Duration {
    Duration::from_micros(dice.random_range(0..4_u64).saturating_sub(1) * 700)
}

async fn wait(delay: Duration) {
    if delay.is_zero() {
        tokio::task::yield_now().await;
    } else {
        sleep(delay).await;
    }
}

/// What the server's steps wait for.
fn pause(_: bool) -> Pause {
    Box::pin(wait(delay(&mut rand::rng())))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What goes wrong, one thing after another, drawn by the seed. All of it ends by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use session_redis::KeySpace;
use tokio::time::sleep;

use super::failover::{agreed, fail_over, said, until_agreed};
use super::ledger::{Ledger, locked};
use super::stage::{Servers, Stage, Topology};
use crate::Mode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A server is killed (`SIGKILL`) and restarted.
    Kill,
    /// It is stopped, and continued.
    Stop,
    /// The way there cuts all connections.
    Cut,
    /// It swallows what passes, and passes it on later.
    Swallow,
    SwallowReplies,
    /// The connections there are swallow everything.
    HalfOpen,
    /// Replies are later than the deadline.
    Slow,
    /// The scripts are forgotten.
    Flush,
    /// The password is another one: the server knows it first, or the application.
    Password,
    /// A slot moves to another node.
    Reshard,
    /// The primary ends, and a replica takes over.
    PrimaryEnds,
    /// The same; it is stopped, and continued afterwards.
    PrimaryHangs,
    /// The same, by an operator.
    PlannedFailover,
    /// A sentinel ends, and is restarted.
    SentinelEnds,
}

use Event::{
    Cut, Flush, HalfOpen, Kill, Password, PlannedFailover, PrimaryEnds, PrimaryHangs, Reshard,
    SentinelEnds, Slow, Stop, Swallow, SwallowReplies,
};

/// Those of the servers, and those between.
fn decks(topology: Topology) -> [&'static [Event]; 2] {
    let ways = &[Cut, Swallow, SwallowReplies, HalfOpen, Slow];
    match topology {
        Topology::Standalone => [&[Kill, Stop, Password, Flush, Kill], ways],
        Topology::Cluster => [&[Kill, Reshard, Stop, Reshard, Password, Flush], ways],
        Topology::Sentinel => [
            &[PrimaryEnds, PrimaryHangs, PlannedFailover],
            &[Cut, Flush, Password, Stop, SentinelEnds],
        ],
    }
}

pub(super) struct Events<'a> {
    stage: &'a mut Stage,
    ledger: &'a Ledger,
    keys: &'a KeySpace,
    dice: StdRng,
    fails_over: bool,
}

impl<'a> Events<'a> {
    pub(super) fn new(
        stage: &'a mut Stage,
        ledger: &'a Ledger,
        keys: &'a KeySpace,
        seed: u64,
    ) -> Self {
        let dice = StdRng::seed_from_u64(seed);
        Self {
            stage,
            ledger,
            keys,
            dice,
            fails_over: false,
        }
    }

    /// One after another, until it is time; how often each kind of it happened.
    pub(super) async fn happen(
        mut self,
        topology: Topology,
        every: Duration,
        until: Instant,
    ) -> BTreeMap<Event, usize> {
        let mut happened = BTreeMap::new();
        // Where it takes long until all is as before, more happens meanwhile.
        let order: &[usize] = match topology {
            Topology::Sentinel => &[0, 1, 1, 1, 1, 1],
            _ => &[0, 1],
        };
        let mut decks = decks(topology).map(|all| (all, Vec::new()));
        let mut pace = tokio::time::interval(every);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        pace.tick().await;
        for at in order.iter().cycle() {
            pace.tick().await;
            if Instant::now() + every >= until {
                break;
            }
            self.agree(false).await;
            let Some((all, left)) = decks.get_mut(*at) else {
                continue;
            };
            if left.is_empty() {
                left.extend_from_slice(all);
                left.shuffle(&mut self.dice);
            }
            let Some(event) = left.pop() else { continue };
            self.happens(event).await;
            *happened.entry(event).or_default() += 1;
        }
        sleep(until.saturating_duration_since(Instant::now())).await;
        self.agree(true).await;
        // What was half-open passes on what it has swallowed.
        self.stage.ways.iter().for_each(|way| way.set(Mode::Pass));
        happened
    }

    async fn happens(&mut self, event: Event) {
        let servers = self.stage.servers().len();
        let number = self.dice.random_range(0..servers);
        let lasts = Duration::from_millis(self.dice.random_range(200..1000));
        match event {
            Kill => {
                self.stage.server_mut(number).kill();
                sleep(lasts / 2).await;
                self.stage.server_mut(number).restart().await;
                self.stage.set_password().await;
            }
            Stop => {
                self.stage.server_mut(number).pause();
                // Less than what the others take for its end.
                sleep(lasts / 2).await;
                self.stage.server_mut(number).resume();
            }
            Cut => match self.stage.ways.get(number) {
                Some(way) => way.cut_all().await,
                None => self.everywhere("CLIENT KILL USER app").await,
            },
            Swallow => self.way(number, Mode::Swallow, lasts).await,
            SwallowReplies => self.way(number, Mode::SwallowReplies, lasts).await,
            Slow => {
                let mode = Mode::DelayReplies(Duration::from_millis(600));
                self.way(number, mode, lasts).await;
            }
            HalfOpen => {
                if let Some(way) = self.stage.ways.get(number) {
                    way.set_old(Mode::Swallow);
                }
            }
            Flush => self.everywhere("SCRIPT FLUSH").await,
            Password => self.change_password(lasts).await,
            Reshard => {
                let session = self.ledger.pick(&mut self.dice);
                let id = session.and_then(|it| locked(&it).ids.first().cloned());
                if let Some(id) = id {
                    let by = self.dice.random_range(1..servers);
                    self.stage.reshard(&self.keys.session(&id), by).await;
                }
            }
            PrimaryEnds | PrimaryHangs | PlannedFailover => {
                self.agree(true).await;
                if let Servers::Sentinels(all, primary) = &mut self.stage.servers {
                    fail_over(all, *primary, event, &self.ledger.losses).await;
                    self.fails_over = true;
                }
                self.stage.set_password().await;
            }
            SentinelEnds => {
                if let Servers::Sentinels(all, _) = &mut self.stage.servers {
                    let sentinel = all.sentinels.get_mut(number).expect("a sentinel");
                    sentinel.kill();
                    sleep(lasts).await;
                    sentinel.restart().await;
                }
            }
        }
        if let Servers::Cluster(cluster, _) = &self.stage.servers {
            cluster.wait_until_usable().await;
        }
    }

    /// After a fail-over: whether all follow one primary now, or waits until they do.
    async fn agree(&mut self, waits: bool) {
        if let Servers::Sentinels(all, primary) = &mut self.stage.servers
            && self.fails_over
        {
            *primary = match waits {
                true => until_agreed(all).await,
                false => match agreed(all).await {
                    Ok(agreed) => agreed,
                    Err(_) => return,
                },
            };
            self.fails_over = false;
            self.ledger.losses.close();
        }
    }

    /// Lets a way do this for a while.
    async fn way(&self, number: usize, mode: Mode, lasts: Duration) {
        if let Some(way) = self.stage.ways.get(number) {
            way.set(mode);
            sleep(lasts).await;
            way.set(Mode::Pass);
        }
    }

    async fn everywhere(&self, command: &str) {
        for server in self.stage.servers() {
            said::<redis::Value>(server, command).await;
        }
    }

    async fn change_password(&mut self, lasts: Duration) {
        self.stage.password += 1;
        let password = self.stage.password.to_string();
        let knows_first = self.dice.random();
        if knows_first {
            self.stage.credentials.set(&password);
        }
        self.stage.set_password().await;
        self.everywhere("CLIENT KILL USER app").await;
        if !knows_first {
            sleep(lasts / 2).await;
            self.stage.credentials.set(&password);
        }
    }
}

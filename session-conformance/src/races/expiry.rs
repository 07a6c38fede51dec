//! Sessions that end by themselves, while others list them.

mod clock;
mod house;
mod life;
mod plan;
mod user;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{NewSession, PublicId};

use self::clock::StoreClock;
use self::house::House;
use self::life::Span;
use self::plan::{LONG, plans};
use self::user::User;
use super::Summary;
use super::crew::{Crew, Member, both};
use crate::harness::Harness;
use crate::kit::{Dice, lasting, secs, seed, ttl};

/// The rounds that run at once.
const WAVE: usize = 500;
/// The sessions of one principal.
const SESSIONS: usize = 24;
/// The tasks that list, and those that use the sessions.
const LISTERS: usize = 6;
const USERS: usize = 6;
/// By how many milliseconds a clock that stands still is moved at once, at most.
const STEP: u64 = 8;
/// How many lists there are between two moves of it.
const LISTS: u64 = 6;
/// The time after which no member of an index is young any more.
const YOUTH: Duration = secs(11);

/// Each round is a session of its own that ends by itself: by idleness, at its deadline, or by
/// whichever comes first. Until shortly before, it is bound, read, written, rotated, and its TTL is
/// changed; others are deleted or revoked meanwhile. Six tasks list the principals all the time. No
/// list has a session that had ended before it was asked for, or an old name of one; every list has
/// each session that was bound before and lived until after it. At last the lists are empty, and
/// then the indexes.
pub async fn expirations_against_listing(h: &dyn Harness, rounds: usize) -> Summary {
    const RACE: &str = "expirations against listing";
    let crew = Crew::new(h).await;
    let seed = seed();
    println!("{RACE}: SESSION_SEED={seed}");
    let mut dice = Dice::new(seed);
    for first in (0..rounds).step_by(WAVE) {
        let count = WAVE.min(rounds - first);
        let houses = wave(h, &crew, count, &mut dice).await;
        assert_indexes_end(h, &crew.member(0), &houses).await;
    }
    crew.summary(RACE, rounds)
}

/// What the tasks of a wave know of each other.
struct Wave {
    houses: Vec<Arc<House>>,
    clock: Arc<StoreClock>,
    users: AtomicUsize,
    listers: AtomicUsize,
    lists: AtomicU64,
    /// How often a session was certainly alive, or certainly ended, and the list was checked
    /// against it.
    alive: AtomicU64,
    ended: AtomicU64,
    is_over: AtomicBool,
}

async fn wave(h: &dyn Harness, crew: &Crew, count: usize, dice: &mut Dice) -> Vec<Arc<House>> {
    let plans = plans(count, dice);
    let houses = plans.chunks(SESSIONS).map(|_| Arc::new(House::new()));
    let wave = Arc::new(Wave {
        houses: houses.collect(),
        clock: Arc::new(StoreClock::new()),
        users: AtomicUsize::new(USERS),
        listers: AtomicUsize::new(LISTERS),
        lists: AtomicU64::new(0),
        alive: AtomicU64::new(0),
        ended: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    });
    let mut tasks: Vec<_> = (0..USERS + LISTERS)
        .map(|_| (dice.fork(), vec![]))
        .collect();
    for (n, plan) in plans.into_iter().enumerate() {
        let house = Arc::clone(&wave.houses[n / SESSIONS]);
        tasks[n % USERS].1.push((house, plan));
    }
    let tasks = crew.all(USERS + LISTERS, |n, member| {
        let (wave, (dice, plans)) = (Arc::clone(&wave), tasks[n].clone());
        async move {
            if n < USERS {
                User::new(member, Arc::clone(&wave.clock), dice)
                    .run(plans)
                    .await;
                wave.users.fetch_sub(1, Ordering::SeqCst);
            } else {
                wave.listen(&member, dice).await;
                wave.listers.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
    both(tasks, wave.keep_time(h, dice)).await;
    let counters = [&wave.lists, &wave.alive, &wave.ended];
    let [lists, alive, ended] = counters.map(|counter| counter.load(Ordering::SeqCst));
    println!("{lists} lists, checked against {alive} live and {ended} ended sessions");
    assert!(alive > 0 && ended > 0, "nothing could be checked");
    wave.houses.clone()
}

impl Wave {
    /// Lists one principal after the other, and checks each list.
    async fn listen(&self, member: &Member, mut dice: Dice) {
        let count = u64::try_from(self.houses.len()).expect("a small number");
        let mut now = self.clock.read().await;
        while !self.is_over.load(Ordering::SeqCst) {
            let chosen = usize::try_from(dice.below(count)).expect("a small number");
            let house = &self.houses[chosen];
            let before = house.known();
            let list = member.did(member.backend.list_sessions(&house.principal).await);
            let earliest = std::mem::replace(&mut now, self.clock.read().await);
            let asked = Span {
                earliest,
                latest: now,
            };
            let length = list.len();
            let list: HashSet<_> = list.into_iter().map(|listed| listed.public_id).collect();
            assert_eq!(list.len(), length, "a session is listed twice");
            let (alive, ended) = house.check(&before, asked, Arc::new(list));
            self.alive.fetch_add(alive, Ordering::SeqCst);
            self.ended.fetch_add(ended, Ordering::SeqCst);
            self.lists.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Tells the tasks the time until they have ended. A clock that stands still is moved on after
    /// some lists each.
    async fn keep_time(&self, h: &dyn Harness, dice: &mut Dice) {
        let mut next = LISTS;
        while self.listers.load(Ordering::SeqCst) > 0 {
            let now = self.clock.take(h).await;
            if self.users.load(Ordering::SeqCst) == 0 {
                let is_over = self.houses.iter().all(|house| house.has_ended_by(now));
                let is_checked = self.ended.load(Ordering::SeqCst) > 0;
                self.is_over
                    .fetch_or(is_over && is_checked, Ordering::SeqCst);
            }
            let lists = self.lists.load(Ordering::SeqCst);
            if h.clock_stands_still() && lists >= next {
                next = lists + LISTS;
                h.advance(Duration::from_millis(1 + dice.below(STEP))).await;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Asserts that nobody is listed who died; that, when no member of an index is young any more,
/// listing leaves nothing of the ended there; and that an index ends with its greatest deadline.
async fn assert_indexes_end(h: &dyn Harness, member: &Member, houses: &[Arc<House>]) {
    let list = async |house: &House| -> Vec<PublicId> {
        let list = member.did(member.backend.list_sessions(&house.principal).await);
        list.into_iter().map(|listed| listed.public_id).collect()
    };
    let mut last = Vec::new();
    for house in houses {
        assert_eq!(list(house).await, [], "all have ended");
        house.assert_listed_are_known();
        let new = NewSession::default().bind(house.principal.clone());
        let new = new.ttl(ttl(LONG)).max_lifetime(lasting(LONG));
        let created = member.did(member.backend.create_session(new).await);
        last.push(created.record.public_id().expect("a bound session"));
    }
    h.advance(YOUTH).await;
    for (house, last) in houses.iter().zip(last) {
        assert_eq!(list(house).await, [last], "one was added");
        let members = h.index_len(&house.principal).await;
        assert_eq!(members, Some(1), "listing prunes the ended");
    }
    h.advance(secs(LONG)).await;
    for house in houses {
        assert_eq!(list(house).await, [], "the last has ended");
        let members = h.index_len(&house.principal).await;
        assert_eq!(members.unwrap_or(0), 0, "the index has ended");
    }
}

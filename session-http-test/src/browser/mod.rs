//! A browser with one cookie and several requests under way at once, at every order of their steps
//! and of the arrival of the responses: what is promised of the session holds in all.

pub mod model;
mod scheduler;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use self::model::{Deed, Request, Run, Scenario, Start, seed};
use self::scheduler::{Act, around_each_step, before_each_step, run};
use crate::adapter::Adapter;

/// Runs scenarios in every order, and prints how many there are. What follows a step touches
/// nothing that is shared until the response: there is nothing to choose there.
fn in_every_order<A: Adapter>(what: &str, scenarios: impl IntoIterator<Item = Scenario>) {
    let began = Instant::now();
    let mut orders = 0;
    for scenario in scenarios {
        let mut path: Vec<[usize; 2]> = Vec::new();
        loop {
            let mut depth = 0;
            let run = run::<A>(&scenario, before_each_step, |acts| {
                if depth == path.len() {
                    path.push([0, acts.len()]);
                }
                depth += 1;
                path[depth - 1][0]
            });
            orders += 1;
            run.check(format_args!("{what}, order {orders}"));
            while path.pop_if(|[act, acts]| *act + 1 == *acts).is_some() {}
            match path.last_mut() {
                Some([act, _]) => *act += 1,
                None => break,
            }
        }
    }
    println!("{what}: {orders} orders in {:?}", began.elapsed());
}

/// All pairs of requests.
fn pairs(start: Start) -> impl Iterator<Item = Scenario> {
    let all = Request::all();
    let pairs = (0..all.len()).flat_map(move |n| (0..=n).map(move |m| [n, m]));
    let all = Request::all();
    pairs.map(move |pair| Scenario::new(start, pair.map(|n| all[n]).to_vec()))
}

pub fn every_order_of_two_requests<A: Adapter>() {
    in_every_order::<A>("two requests", Start::ALL.into_iter().flat_map(pairs));
}

pub fn every_order_of_two_requests_and_the_end_of_an_idle_session<A: Adapter>() {
    let expiring = pairs(Start::Visitor).map(|scenario| Scenario {
        is_cookie_persistent: true,
        passing: Some(Scenario::IDLE),
        may_lose_a_response: false,
        ..scenario
    });
    in_every_order::<A>("two requests and time", expiring);
}

pub fn every_order_of_three_requests<A: Adapter>() {
    let deeds = [Deed::Insert, Deed::LogIn("ann"), Deed::Rotate, Deed::LogOut];
    let triples = (0..4).flat_map(|a| (0..=a).flat_map(move |b| (0..=b).map(move |c| [a, b, c])));
    let scenarios = triples.map(|triple| Scenario {
        may_lose_a_response: false,
        ..Scenario::new(
            Start::Visitor,
            triple
                .map(|n: usize| Request::new(deeds[n], false))
                .to_vec(),
        )
    });
    in_every_order::<A>("three requests", scenarios);
}

pub fn random_orders_of_random_requests<A: Adapter>() {
    const ROUNDS: usize = 50_000;
    let began = Instant::now();
    let seed = seed();
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..ROUNDS {
        let scenario = Scenario::random(&mut dice);
        let run = run::<A>(&scenario, around_each_step, |acts| {
            dice.random_range(0..acts.len())
        });
        run.check(format_args!("SESSION_SEED={seed}"));
    }
    println!("random requests: {ROUNDS} orders in {:?}", began.elapsed());
}

/// What becomes of a request that is under way for longer than the tombstone of its session lives.
pub fn a_request_longer_than_the_tombstones_life<A: Adapter>() {
    /// What the browser is left with.
    #[derive(Debug, PartialEq)]
    enum Kept {
        TheLogIns,
        ItsOwn,
        Nothing,
    }
    let late = |request: Request| -> (Kept, Run) {
        let scenario = Scenario {
            passing: Some(Duration::from_secs(11)),
            ..Scenario::new(
                Start::Visitor,
                vec![Request::new(Deed::LogIn("ann"), false), request],
            )
        };
        let mut acts = vec![Act::Send(1)];
        acts.extend(request.reads_first.then_some(Act::Continue(1)));
        acts.extend([Act::Send(0), Act::Continue(0), Act::Deliver(0)]);
        acts.extend(scenario.passing.map(Act::PassTime));
        let mut script = acts.into_iter();
        let run = run::<A>(&scenario, before_each_step, |acts| {
            let next = script.next();
            next.map_or(0, |next| acts.iter().position(|act| *act == next).unwrap())
        });
        let kept = run
            .kept
            .as_ref()
            .map(|id| run.live[id].principal().is_some());
        let kept = match kept {
            Some(true) => Kept::TheLogIns,
            Some(false) => Kept::ItsOwn,
            None => Kept::Nothing,
        };
        (kept, run)
    };
    for (deed, unseen, seen) in [
        (Deed::Read, Kept::TheLogIns, Kept::TheLogIns),
        (Deed::Rotate, Kept::TheLogIns, Kept::TheLogIns),
        // What was set goes into a new session, unless it was meant for one that was alive.
        (Deed::Insert, Kept::ItsOwn, Kept::TheLogIns),
        (Deed::Count, Kept::ItsOwn, Kept::TheLogIns),
        (Deed::LogOut, Kept::Nothing, Kept::Nothing),
    ] {
        for (reads_first, expected) in [(false, unseen), (true, seen)] {
            let (kept, run) = late(Request::new(deed, reads_first));
            assert_eq!(kept, expected, "{run}");
            // Nobody ends the session of the log-in.
            let bound = run
                .live
                .values()
                .filter(|record| record.principal().is_some());
            assert_eq!(bound.count(), 1, "{run}");
        }
    }
}

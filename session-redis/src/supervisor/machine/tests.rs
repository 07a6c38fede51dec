use std::collections::HashSet;

use super::*;

const DEADLINE: Duration = Duration::from_millis(500);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A machine, its time, and what it asked for so far.
#[derive(Clone)]
struct Run {
    machine: Machine,
    now: Time,
    attempts: Vec<Time>,
    probes: u32,
    uses: u32,
}

impl Run {
    fn new() -> Self {
        Self {
            machine: Machine::new(DEADLINE, ms(0)),
            now: ms(0),
            attempts: Vec::new(),
            probes: 0,
            uses: 0,
        }
    }

    /// Up from the start.
    fn up() -> Self {
        let mut run = Self::new();
        run.event(Event::Tick);
        run.event(Event::Connected { is_writable: true });
        assert_eq!(run.state(), State::Up);
        run
    }

    fn state(&self) -> State {
        self.machine.state()
    }

    fn event(&mut self, event: Event) -> Vec<Decision> {
        self.event_with(event, 0.5)
    }

    fn event_with(&mut self, event: Event, random: f64) -> Vec<Decision> {
        let decisions = self.machine.handle(event, self.now, random);
        for decision in &decisions {
            match decision {
                Decision::Attempt => self.attempts.push(self.now),
                Decision::Probe => self.probes += 1,
                Decision::Use => self.uses += 1,
                Decision::EndAttempt => {}
            }
        }
        decisions
    }

    /// Lets time pass, with each wake at its time.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut wakes = 0;
        while self.machine.wake_at() <= end {
            wakes += 1;
            assert!(wakes < 10_000, "it wakes for nothing: {:?}", self.machine);
            self.now = self.now.max(self.machine.wake_at());
            self.event(Event::Tick);
        }
        self.now = end;
    }

    fn receive(&mut self) {
        self.machine.note(self.now, self.machine.written);
    }

    fn write(&mut self) {
        self.machine.note(self.now, self.now);
    }
}

#[test]
fn a_hung_server_is_down_after_two_deadlines_and_up_when_it_replies_quickly() {
    let mut run = Run::up();
    run.pass(DEADLINE);
    let decisions = run.event(Event::Silence);
    assert_eq!(decisions, [Decision::Probe, Decision::Attempt]);
    run.pass(DEADLINE - ms(1));
    assert_eq!(run.state(), State::Suspect);
    run.pass(ms(1));
    assert_eq!(run.state(), State::Down);
    run.pass(ms(60_000));
    // It goes on: the late reply proves little, the next one enough.
    assert_eq!(run.event(Event::ProbeReplied), [Decision::Probe]);
    assert_eq!(run.state(), State::Down);
    run.pass(ms(1));
    run.event(Event::ProbeReplied);
    assert_eq!((run.state(), run.uses), (State::Up, 1));
}

#[test]
fn a_fresh_connection_replaces_a_silent_one() {
    let mut run = Run::up();
    run.event(Event::Silence);
    run.pass(ms(3));
    let is_writable = true;
    assert_eq!(run.event(Event::Connected { is_writable }), [Decision::Use]);
    assert_eq!(run.state(), State::Up);
    // The reply to the old one's probe can come no more.
    assert_eq!(run.event(Event::ProbeReplied), []);
}

#[test]
fn a_probe_in_time_keeps_the_connection() {
    let mut run = Run::up();
    run.event(Event::Silence);
    run.pass(ms(499));
    assert_eq!(run.event(Event::ProbeReplied), [Decision::EndAttempt]);
    assert_eq!((run.state(), run.uses), (State::Up, 1));
}

/// A server that replies to everything 600 ms late, with a deadline of 500 ms.
#[test]
fn a_server_that_is_too_slow_is_not_up_and_down_in_turns() {
    let mut run = Run::up();
    run.pass(DEADLINE);
    run.event(Event::Silence);
    let mut changes = 0;
    for _ in 0..100 {
        run.pass(ms(600));
        let before = run.state();
        run.event(Event::ProbeReplied);
        changes += usize::from(run.state() != before);
    }
    assert_eq!((run.state(), changes), (State::Down, 0));
    // While it is busy with operations, their replies are evidence enough.
    let mut run = Run::up();
    for _ in 0..1000 {
        run.pass(ms(10));
        run.receive();
        run.event(Event::Tick);
    }
    assert_eq!((run.state(), run.probes), (State::Up, 0));
}

#[test]
fn an_idle_connection_is_probed_each_second_and_found_dead() {
    let mut run = Run::up();
    run.pass(ms(999));
    assert_eq!(run.probes, 0);
    run.pass(ms(1));
    assert_eq!(run.probes, 1);
    run.event(Event::ProbeReplied);
    run.pass(ms(1000));
    assert_eq!(run.probes, 2);
    run.pass(DEADLINE);
    assert_eq!((run.state(), run.probes), (State::Suspect, 3));
}

#[test]
fn a_server_that_refuses_writes_is_looked_for_elsewhere_once_a_second() {
    let mut run = Run::up();
    let is_writable = false;
    let ends = [Event::Connected { is_writable }, Event::AttemptFailed];
    for end in ends.into_iter().cycle().take(50) {
        run.pass(ms(100));
        run.receive();
        run.event(Event::WriteRefused);
        assert_eq!(run.event(end), []);
    }
    assert_eq!((run.state(), run.attempts.len()), (State::Up, 6));
    // Once one succeeds, all is well.
    run.write();
    for _ in 0..50 {
        run.pass(ms(100));
        run.write();
    }
    assert_eq!(run.attempts.len(), 6);
    run.event(Event::WriteRefused);
    run.receive();
    run.pass(ms(1_000));
    assert_eq!(run.attempts.len(), 7);
    let is_writable = true;
    assert_eq!(run.event(Event::Connected { is_writable }), [Decision::Use]);
}

#[test]
fn a_closed_connection_is_replaced_at_once_and_failures_back_off() {
    let mut run = Run::up();
    run.pass(ms(1400));
    assert_eq!(run.event(Event::Closed), [Decision::Attempt]);
    assert_eq!(run.state(), State::Connecting);
    run.event(Event::AttemptFailed);
    assert_eq!(run.state(), State::Down);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        pauses.push((run.machine.wake_at() - run.now).as_millis());
        run.now = run.machine.wake_at();
        run.event(Event::Tick);
        run.event(Event::AttemptFailed);
    }
    // The bucket holds back the third.
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 500, 500, 500]);
}

#[test]
fn an_attempt_has_the_time_of_two_operations_or_a_second() {
    for (deadline, limit) in [(DEADLINE, ms(1_000)), (ms(10_000), ms(20_000))] {
        let mut run = Run::new();
        run.machine = Machine::new(deadline, ms(0));
        assert_eq!(run.event(Event::Tick), [Decision::Attempt]);
        run.now = run.machine.wake_at();
        assert_eq!(run.now, limit);
        assert_eq!(run.event(Event::Tick), [Decision::EndAttempt]);
        assert_eq!(run.state(), State::Down);
    }
}

#[test]
fn a_connection_that_stays_up_for_a_second_is_trusted_again() {
    for (up, pause) in [(ms(999), ms(20)), (ms(1000), ms(10))] {
        let mut run = Run::new();
        run.event(Event::Tick);
        run.event(Event::AttemptFailed);
        run.pass(ms(10));
        run.event(Event::Connected { is_writable: true });
        run.pass(up);
        run.event(Event::Closed);
        run.event(Event::AttemptFailed);
        assert_eq!(run.machine.wake_at() - run.now, pause);
    }
}

#[test]
fn a_connection_that_is_killed_again_and_again_costs_twenty_attempts_a_second() {
    let mut run = Run::up();
    for _ in 0..1000 {
        run.event(Event::Closed);
        run.event(Event::Connected { is_writable: true });
        run.pass(ms(10));
    }
    assert!(run.attempts.len() <= 203, "{}", run.attempts.len());
    assert!(run.attempts.len() >= 190, "{}", run.attempts.len());
}

/// Every order of events, with time passing between them or not, as far as states differ.
#[test]
fn all_orders_of_events_keep_the_rules() {
    const DEPTH: usize = 12;
    let events = [
        Event::Closed,
        Event::Silence,
        Event::ProbeReplied,
        Event::Connected { is_writable: true },
        Event::Connected { is_writable: false },
        Event::AttemptFailed,
        Event::WriteRefused,
        Event::Tick,
    ];
    let mut seen = HashSet::new();
    let mut frontier = vec![Run::new()];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for run in frontier {
            let wake = run.machine.wake_at().saturating_sub(run.now);
            for pass in [ms(0), wake] {
                for event in events {
                    for (received, written, random) in [(false, false, 0.0), (true, true, 1.0)] {
                        let mut after = run.clone();
                        after.now += pass;
                        if received && run.machine.has_connection {
                            after.receive();
                        }
                        if written && run.machine.has_connection {
                            after.write();
                        }
                        let decisions = after.event_with(event, random);
                        check(&run, event, &decisions, &after);
                        if seen.insert(relative(&after.machine, after.now)) {
                            next.push(after);
                        }
                    }
                }
            }
        }
        frontier = next;
    }
    println!("{} states to depth {DEPTH}", seen.len());
    assert!(seen.len() > 1000);
}

/// What must hold of every step.
fn check(before: &Run, event: Event, decisions: &[Decision], after: &Run) {
    let (was, is) = (&before.machine, &after.machine);
    let context = format!(
        "{event:?} at {:?}\n{was:?}\n{decisions:?}\n{is:?}",
        after.now
    );
    // There is always something to wait for, and it is not long.
    assert!(is.wake_at() <= after.now + DEADLINE + SECOND, "{context}");
    let is_trying = is.attempt.is_some() || is.next_attempt.is_some();
    match is.state {
        State::Up => assert!(is.has_connection, "{context}"),
        State::Suspect => {
            assert!(
                is.has_connection && is.probe.is_some() && is_trying,
                "{context}"
            );
            assert!(is.suspect_until <= after.now + DEADLINE, "{context}");
        }
        State::Connecting => assert!(!is.has_connection && is_trying, "{context}"),
        // Both ways: a silent connection is still listened to.
        State::Down => assert!(
            is_trying && is.has_connection == is.probe.is_some(),
            "{context}"
        ),
    }
    // One attempt at a time, which ends.
    let starts = decisions
        .iter()
        .filter(|it| **it == Decision::Attempt)
        .count();
    assert!(starts <= 1, "{context}");
    if starts == 1 {
        let was_free = was.attempt.is_none()
            || matches!(event, Event::AttemptFailed | Event::Connected { .. })
            || decisions.contains(&Decision::EndAttempt);
        assert!(was_free, "{context}");
    }
    if let Some(began) = is.attempt {
        assert!(after.now < began + is.attempt_limit(), "{context}");
    }
    // Never more than the bucket holds: any window of attempts is as long as it must be.
    let latest = after.attempts.iter().rev().enumerate();
    for (n, at) in latest.skip(BURST as usize) {
        let newest = after.attempts.last().copied().unwrap_or_default();
        let least = ATTEMPT_INTERVAL * (u32::try_from(n).unwrap() - (BURST - 1));
        assert!(newest - *at >= least, "{context}");
    }
    // A connection is given up only when it has closed, is silent, or takes no writes.
    if decisions.contains(&Decision::Use) && was.has_connection {
        let is_given_up = was.state != State::Up || was.is_write_refused;
        assert!(is_given_up, "{context}");
    }
    // Only silence makes suspect, only a proof ends it.
    match (was.state, is.state) {
        (State::Up, State::Suspect) => {
            let unanswered = was.probe.is_some() && was.received <= was.probe.unwrap();
            assert!(event == Event::Silence || unanswered, "{context}");
        }
        (State::Suspect | State::Down, State::Up) => {
            let is_proof = matches!(event, Event::ProbeReplied | Event::Connected { .. });
            assert!(is_proof, "{context}");
        }
        (State::Up, State::Down) => panic!("{context}"),
        _ => {}
    }
}

/// The machine as it differs for the future: its times relative to now, long past ones alike, and
/// none of those that its state does not look at.
fn relative(machine: &Machine, now: Time) -> Machine {
    let shift = |at: Time| (at.max(now.saturating_sub(SECOND)) + 10 * SECOND).saturating_sub(now);
    let shift_if = |is_looked_at, at| if is_looked_at { shift(at) } else { ms(0) };
    let (is_up, is_suspect) = (machine.state == State::Up, machine.state == State::Suspect);
    let wants_writes = machine.wants_writes();
    Machine {
        up_since: shift_if(is_up && machine.failures > 0, machine.up_since),
        received: shift_if(is_up, machine.received),
        written: shift_if(wants_writes, machine.written),
        probe: machine.probe.map(shift),
        suspect_until: shift_if(is_suspect, machine.suspect_until),
        attempt: machine.attempt.map(shift),
        next_attempt: machine.next_attempt.map(shift),
        last_for_writes: machine.last_for_writes.map(|at| shift_if(wants_writes, at)),
        failures: machine.failures.min(7),
        bucket_full_at: shift(machine.bucket_full_at),
        ..machine.clone()
    }
}

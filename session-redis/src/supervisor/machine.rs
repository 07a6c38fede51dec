//! What the supervisor of a connection decides: a pure state machine.
//!
//! Events and the time come in, decisions go out; nothing here waits, sends or draws. Its rules:
//!
//! 1. *Replies are evidence, counts are not.* Only silence since an operation was sent makes a
//!    connection suspect. One that replies is never closed for being slow.
//! 2. *Make before break.* A suspect connection is probed while a fresh one is made. The first that
//!    proves itself is used; until then operations stay on the old one.
//! 3. No winner within one deadline: down. Operations fail at once; both ways go on being tried.
//!    The old connection is used again when a probe comes back within half a deadline, which keeps
//!    a slow server from being up and down in turns.
//! 4. A server that refuses writes for a second may have been demoted behind its name: a fresh
//!    connection is tried once a second, and used if it may be written to.
//! 5. A lost connection is replaced at once, and operations wait for it. After a failure the pauses
//!    are random and grow, whatever the reason was; a bucket caps all attempts.
//! 6. Where nothing was received for a second, the connection is probed, and an unanswered probe is
//!    silence.

use std::time::Duration;

/// The time since the supervisor began.
pub(crate) type Time = Duration;

/// How long a connection may receive nothing before it is probed, how long writes may be refused,
/// the least pause between two attempts for that reason, and how long a connection must stay up to
/// be trusted again.
const SECOND: Duration = Duration::from_secs(1);
/// The shortest time that an attempt to connect is given: it takes several round trips, where an
/// operation takes one. With the longest pause, a way that has healed is not missed for long.
const LEAST_ATTEMPT: Duration = Duration::from_secs(1);
/// The first pause between two attempts is a part of twice this, and each next of twice as much.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// One attempt each, in the long run; and so many at once.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(50);
const BURST: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// There is no connection; one is being made, and operations wait for it.
    Connecting,
    /// The connection is used.
    Up,
    /// The connection is used, though it is silent.
    Suspect,
    /// Operations fail at once.
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// The connection has closed.
    Closed,
    /// An operation timed out, and nothing was received on the connection since it was sent.
    Silence,
    /// The reply to the last probe.
    ProbeReplied,
    /// The attempt made a connection that passed first contact.
    Connected { is_writable: bool },
    /// The attempt failed, or took too long.
    AttemptFailed,
    /// The server refused a write as one that takes none.
    WriteRefused,
    /// It is time for something, or may be.
    Tick,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// Start an attempt to connect.
    Attempt,
    /// End the attempt under way.
    EndAttempt,
    /// Use the connection that was just made, in the place of the one there may be.
    Use,
    /// Send a probe; an earlier one's reply is of no interest any more.
    Probe,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    /// Within which operations end.
    deadline: Duration,
    state: State,
    has_connection: bool,
    /// When the connection came up.
    up_since: Time,
    /// When anything was last received on it.
    received: Time,
    /// When a write last succeeded on it, and whether one was refused since.
    written: Time,
    is_write_refused: bool,
    /// When the probe was sent that has no reply yet.
    probe: Option<Time>,
    /// When suspicion ends.
    suspect_until: Time,
    /// When the attempt under way began.
    attempt: Option<Time>,
    /// When the next attempt may begin, if one is wanted.
    next_attempt: Option<Time>,
    /// When the last attempt began for want of a server that takes writes.
    last_for_writes: Option<Time>,
    /// How many attempts failed since a connection stayed up.
    failures: u32,
    /// When the bucket of attempts is full again.
    bucket_full_at: Time,
    /// The longest pause between two attempts.
    longest_pause: Duration,
}

impl Machine {
    /// Without a connection: the first attempt is due at once.
    pub(crate) fn new(deadline: Duration, now: Time) -> Self {
        Self {
            deadline,
            state: State::Connecting,
            has_connection: false,
            up_since: now,
            received: now,
            written: now,
            is_write_refused: false,
            probe: None,
            suspect_until: now,
            attempt: None,
            next_attempt: Some(now),
            last_for_writes: None,
            failures: 0,
            bucket_full_at: now,
            longest_pause: SECOND,
        }
    }

    /// The same with another longest pause between two attempts: a second, unless said.
    pub(crate) fn with_longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// What was received on the connection in the meantime, and when a write last succeeded.
    pub(crate) fn note(&mut self, received: Time, written: Time) {
        self.received = self.received.max(received);
        if written > self.written {
            self.written = written;
            self.is_write_refused = false;
        }
    }

    /// Something has happened, or only time. `random` is a fresh number of `0.0..1.0`.
    pub(crate) fn handle(&mut self, event: Event, now: Time, random: f64) -> Vec<Decision> {
        let mut decisions = Vec::new();
        match self.state {
            State::Up if now.saturating_sub(self.up_since) >= SECOND => self.failures = 0,
            State::Suspect if now >= self.suspect_until => self.state = State::Down,
            _ => {}
        }
        if let Some(began) = self.attempt
            && now >= began + self.attempt_limit()
        {
            decisions.push(Decision::EndAttempt);
            self.attempt_failed(now, random);
        }
        match event {
            Event::Closed => self.closed(now),
            Event::Silence => self.silence(now, &mut decisions),
            Event::ProbeReplied => self.probe_replied(now, &mut decisions),
            Event::Connected { is_writable } => self.connected(is_writable, now, &mut decisions),
            Event::AttemptFailed => self.attempt_failed(now, random),
            Event::WriteRefused => self.is_write_refused = true,
            Event::Tick => {}
        }
        self.pass_time(now, &mut decisions);
        decisions
    }

    /// When a [`Event::Tick`] is wanted at the latest.
    pub(crate) fn wake_at(&self) -> Time {
        let attempt = match self.attempt {
            Some(began) => Some(began + self.attempt_limit()),
            None => self.next_attempt.map(|at| at.max(self.bucket_allows_at())),
        };
        let of_state = match self.state {
            State::Connecting | State::Down => None,
            State::Suspect => Some(self.suspect_until),
            State::Up => Some(self.silence_ends_at()),
        };
        let writes = self.wants_writes().then(|| self.attempt_for_writes_at());
        let wakes = [attempt, of_state, writes.filter(|_| self.attempt.is_none())];
        wakes
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.received + SECOND)
    }

    fn closed(&mut self, now: Time) {
        if !self.has_connection {
            return;
        }
        self.has_connection = false;
        self.probe = None;
        if self.state != State::Down {
            self.state = State::Connecting;
            self.want_attempt(now);
        }
    }

    fn silence(&mut self, now: Time, decisions: &mut Vec<Decision>) {
        if self.state != State::Up {
            return;
        }
        self.state = State::Suspect;
        self.suspect_until = now + self.deadline;
        self.send_probe(now, decisions);
        self.want_attempt(now);
    }

    fn probe_replied(&mut self, now: Time, decisions: &mut Vec<Decision>) {
        let Some(sent) = self.probe.take() else {
            return;
        };
        self.received = now;
        match self.state {
            State::Up | State::Connecting => {}
            State::Suspect => self.proven(now, decisions),
            State::Down if now.saturating_sub(sent) <= self.deadline / 2 => {
                self.proven(now, decisions);
            }
            State::Down => self.send_probe(now, decisions),
        }
    }

    /// The connection there is has proven itself.
    fn proven(&mut self, now: Time, decisions: &mut Vec<Decision>) {
        self.state = State::Up;
        self.up_since = now;
        self.next_attempt = None;
        if self.attempt.take().is_some() {
            decisions.push(Decision::EndAttempt);
        }
    }

    fn connected(&mut self, is_writable: bool, now: Time, decisions: &mut Vec<Decision>) {
        if self.attempt.take().is_none() {
            return;
        }
        if self.state == State::Up && !(is_writable && self.is_write_refused) {
            // Not better than the one there is.
            return;
        }
        decisions.push(Decision::Use);
        self.state = State::Up;
        self.has_connection = true;
        self.up_since = now;
        self.received = now;
        self.written = now;
        self.is_write_refused = !is_writable;
        self.probe = None;
        self.next_attempt = None;
    }

    fn attempt_failed(&mut self, now: Time, random: f64) {
        if self.attempt.take().is_none() || self.state == State::Up {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let longest = FIRST_PAUSE
            .saturating_mul(1 << self.failures.min(10))
            .min(self.longest_pause);
        self.next_attempt = Some(now + longest.mul_f64(random));
        if self.state == State::Connecting {
            self.state = State::Down;
        }
    }

    /// Whatever is due.
    fn pass_time(&mut self, now: Time, decisions: &mut Vec<Decision>) {
        if self.state == State::Up && now >= self.silence_ends_at() {
            if self.unanswered().is_some() {
                self.silence(now, decisions);
            } else {
                self.send_probe(now, decisions);
            }
        }
        if self.wants_writes() && self.attempt.is_none() && now >= self.attempt_for_writes_at() {
            self.last_for_writes = Some(now);
            self.want_attempt(now);
        }
        if let Some(at) = self.next_attempt
            && self.attempt.is_none()
            && now >= at.max(self.bucket_allows_at())
        {
            self.next_attempt = None;
            self.attempt = Some(now);
            self.bucket_full_at = self.bucket_full_at.max(now) + ATTEMPT_INTERVAL;
            decisions.push(Decision::Attempt);
        }
    }

    /// An attempt is wanted now, unless one is under way.
    fn want_attempt(&mut self, now: Time) {
        if self.attempt.is_none() {
            self.next_attempt = Some(now);
        }
    }

    fn send_probe(&mut self, now: Time, decisions: &mut Vec<Decision>) {
        self.probe = Some(now);
        decisions.push(Decision::Probe);
    }

    /// When the probe was sent that nothing was received after: anything proves that it is only
    /// slow.
    fn unanswered(&self) -> Option<Time> {
        self.probe.filter(|sent| self.received <= *sent)
    }

    /// Until when the connection may be silent: then it is probed, or suspect if it was.
    fn silence_ends_at(&self) -> Time {
        match self.unanswered() {
            Some(sent) => sent + self.deadline,
            None => self.received + SECOND,
        }
    }

    fn wants_writes(&self) -> bool {
        self.state == State::Up && self.is_write_refused
    }

    fn attempt_for_writes_at(&self) -> Time {
        let last = self.last_for_writes.unwrap_or_default();
        self.written.max(last) + SECOND
    }

    fn bucket_allows_at(&self) -> Time {
        self.bucket_full_at
            .saturating_sub(ATTEMPT_INTERVAL * (BURST - 1))
    }

    fn attempt_limit(&self) -> Duration {
        (self.deadline * 2).max(LEAST_ATTEMPT)
    }
}

#[cfg(test)]
mod tests;

//! What must hold when all requests are answered and no response is on its way any more.

use std::collections::HashMap;
use std::fmt;

use session_core::{SessionId, SessionRecord};

use super::history::{Event, Outcome, Shown, Step};
use super::jar::Line;
use super::scenario::{Deed, FIRST, Scenario, Start, mark, principal, private};

/// One order of the steps of a scenario, and what it came to.
pub struct Run {
    pub scenario: Scenario,
    /// The session that the browser began with.
    pub first: Option<SessionId>,
    pub events: Vec<Event>,
    /// The cookie that the browser is left with.
    pub kept: Option<SessionId>,
    /// The sessions that are alive, of those that a response has named and the first one.
    pub live: HashMap<SessionId, SessionRecord>,
    /// How many sessions the store has.
    pub sessions: u64,
}

/// The ids that responses have named, and the first one.
pub fn named(first: Option<&SessionId>, events: &[Event]) -> Vec<SessionId> {
    let set = events.iter().filter_map(|event| match event {
        Event::Answered(_, _, Some(Line::Set(id, _))) => Some(id),
        _ => None,
    });
    first.into_iter().chain(set).cloned().collect()
}

impl Run {
    /// The promises that are broken, and how.
    pub fn broken(&self) -> Vec<(&'static str, String)> {
        let facts = Facts::of(self);
        let promises = [
            ("a log-in stays", facts.a_log_in_stays()),
            ("a log-out ends", facts.a_log_out_ends()),
            ("no orphans", facts.every_session_was_named()),
            ("own fields only", facts.fields_are_where_they_belong()),
            ("answers", facts.answers_say_what_was_done()),
        ];
        let broken = promises.into_iter();
        broken
            .filter_map(|(name, holds)| Some((name, holds.err()?)))
            .collect()
    }

    /// # Panics
    /// When a promise is broken.
    pub fn check(&self, to_repeat: impl fmt::Display) {
        let broken = self.broken();
        assert!(
            broken.is_empty(),
            "{broken:?}\n{self}\nto repeat: {to_repeat}"
        );
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario {
            start,
            is_cookie_persistent,
            requests,
            passing,
            ..
        } = &self.scenario;
        writeln!(
            f,
            "begins with {start:?}; persistent: {is_cookie_persistent}; {passing:?} pass"
        )?;
        for (n, request) in requests.iter().enumerate() {
            let look = if request.reads_first {
                "reads, then "
            } else {
                ""
            };
            writeln!(f, "{n}: {look}{:?}", request.deed)?;
        }
        let shown = Shown {
            first: self.first.as_ref(),
            events: &self.events,
            kept: self.kept.as_ref(),
        };
        write!(f, "{shown}")
    }
}

/// What became of a request. Times are places in the history.
struct Fate<'a> {
    deed: Deed,
    cookie: Option<&'a SessionId>,
    sent: usize,
    steps: Vec<&'a Step>,
    status: u16,
    line: Option<&'a Line>,
    /// When its response arrived, or was lost.
    over: usize,
    is_lost: bool,
}

struct Facts<'a> {
    run: &'a Run,
    fates: Vec<Fate<'a>>,
    /// Where sessions moved to, and who moved them.
    renamed: HashMap<&'a SessionId, (&'a SessionId, usize)>,
    /// Whose each session was.
    owners: HashMap<&'a SessionId, Option<&'static str>>,
}

impl<'a> Facts<'a> {
    fn of(run: &'a Run) -> Self {
        let fate = |request: &super::Request| Fate {
            deed: request.deed,
            cookie: None,
            sent: 0,
            steps: Vec::new(),
            status: 0,
            line: None,
            over: 0,
            is_lost: false,
        };
        let mut facts = Self {
            run,
            fates: run.scenario.requests.iter().map(fate).collect(),
            renamed: HashMap::new(),
            owners: HashMap::new(),
        };
        let first = run
            .first
            .as_ref()
            .map(|id| (id, run.scenario.start.owner()));
        facts.owners.extend(first);
        for (now, event) in run.events.iter().enumerate() {
            facts.learn(now, event);
        }
        facts
    }

    fn learn(&mut self, now: usize, event: &'a Event) {
        match event {
            Event::Sent(n, cookie) => {
                self.fates[*n].cookie = cookie.as_ref();
                self.fates[*n].sent = now;
            }
            Event::Step(n, step) => {
                let user = match self.fates[*n].deed {
                    Deed::LogIn(who) => Some(who),
                    _ => None,
                };
                if let (Outcome::Done, Some(to)) = (step.outcome, &step.to) {
                    self.renamed.insert(&step.id, (to, *n));
                    let owner = self.owners.get(&step.id).copied().flatten();
                    self.owners.insert(to, user.or(owner));
                } else if step.name == "insert" {
                    self.owners.insert(&step.id, user);
                }
                self.fates[*n].steps.push(step);
            }
            Event::Answered(n, status, line) => {
                self.fates[*n].status = *status;
                self.fates[*n].line = line.as_ref();
            }
            Event::Delivered(n) => self.fates[*n].over = now,
            Event::Lost(n) => {
                self.fates[*n].over = now;
                self.fates[*n].is_lost = true;
            }
            Event::Passed(_) => {}
        }
    }

    /// What the session of this id is called at the end.
    fn last_id(&self, mut id: &'a SessionId) -> &'a SessionId {
        while let Some((to, _)) = self.renamed.get(id) {
            id = to;
        }
        id
    }

    /// Whether the session that this id named was logged out, or can have expired.
    fn has_ended(&self, id: &'a SessionId) -> bool {
        let mut steps = self.fates.iter().flat_map(|fate| &fate.steps);
        self.run.scenario.expires()
            || steps.any(|step| {
                (step.name, step.outcome) == ("remove", Outcome::Done)
                    && self.last_id(&step.id) == self.last_id(id)
            })
    }

    /// The requests whose responses arrived, in that order.
    fn arrived(&self) -> Vec<&Fate<'a>> {
        let mut arrived: Vec<_> = self.fates.iter().filter(|fate| !fate.is_lost).collect();
        arrived.sort_by_key(|fate| fate.over);
        arrived
    }

    /// The cookie of the log-in that arrived last stays until a log-out or a rotation takes its
    /// place, or a write that had no session to write to: it was sent without a cookie, or with one
    /// of a session that has ended. Whatever else arrives later leaves it alone.
    fn a_log_in_stays(&self) -> Result<(), String> {
        let arrived = self.arrived();
        let log_in = |fate: &&Fate<'_>| matches!(fate.deed, Deed::LogIn(_));
        let Some(at) = arrived.iter().rposition(log_in) else {
            return Ok(());
        };
        let mut decides = arrived[at];
        for later in &arrived[at + 1..] {
            let may_decide = match later.deed {
                Deed::LogOut | Deed::Rotate => true,
                Deed::Read | Deed::LogIn(_) => false,
                Deed::Count | Deed::Insert => later.cookie.is_none_or(|id| self.has_ended(id)),
            };
            if later.line.is_some() {
                decides = later;
                if !may_decide {
                    return Err(format!("{:?} takes its cookie away", later.deed));
                }
            }
        }
        let id = match (decides.line, &self.run.kept) {
            (Some(Line::Set(id, _)), _) => id,
            (Some(Line::Clear), None) => return Ok(()),
            (Some(Line::Clear), Some(_)) => return Err("a cleared cookie is kept".into()),
            (None, _) => return Err("it sets no cookie".into()),
        };
        let record = self.run.live.get(id);
        let is_kept = self.run.kept.as_ref() == Some(id);
        if !is_kept && (record.is_some() || !self.run.scenario.is_cookie_persistent) {
            return Err("the cookie is not kept".into());
        }
        let Deed::LogIn(who) = decides.deed else {
            return Ok(());
        };
        let is_lost = |(_, by): &(_, usize)| self.fates[*by].is_lost;
        match record {
            Some(record) if record.principal() == Some(principal(who)) => Ok(()),
            Some(_) => Err("it is another's".into()),
            None if self.has_ended(id) || self.renamed.get(id).is_some_and(is_lost) => Ok(()),
            None => Err("its session is gone".into()),
        }
    }

    /// After a log-out which arrived last of all log-outs, and was sent after every log-in was
    /// over, the browser has no session, or one of a later request's own.
    fn a_log_out_ends(&self) -> Result<(), String> {
        let arrived = self.arrived();
        let Some(out) = arrived.iter().rfind(|fate| fate.deed == Deed::LogOut) else {
            return Ok(());
        };
        let is_last = self.fates.iter().all(|fate| match fate.deed {
            Deed::LogIn(_) => fate.over < out.sent,
            // The browser had two sessions, by a double log-in; it rotated one and ended the other.
            Deed::Rotate => {
                let last = |fate: &Fate<'a>| fate.cookie.map(|id| self.last_id(id));
                fate.over < out.over || fate.sent > out.over || last(fate) == last(out)
            }
            _ => true,
        });
        let kept = self.run.kept.as_ref().and_then(|id| self.run.live.get(id));
        let Some(kept) = kept.filter(|_| is_last) else {
            return Ok(());
        };
        let is_old = |name: &str| name == FIRST || name.starts_with("of_");
        if kept.principal().is_some() || kept.fields().iter().any(|(it, _)| is_old(it.as_str())) {
            return Err("the browser has a session of before".into());
        }
        Ok(())
    }

    fn every_session_was_named(&self) -> Result<(), String> {
        let (live, all) = (self.run.live.len(), self.run.sessions);
        (u64::try_from(live) == Ok(all))
            .then_some(())
            .ok_or_else(|| format!("{live} of {all}"))
    }

    /// A session has the fields that were written to it since it is this user's, or was a
    /// visitor's: these and no others.
    fn fields_are_where_they_belong(&self) -> Result<(), String> {
        for (id, record) in &self.run.live {
            let owner = self.owners.get(id).copied().flatten();
            if record.principal() != owner.map(principal) {
                return Err(format!("a session of {owner:?} is another's"));
            }
            let mut ids = vec![id];
            while let Some(before) = ids.last().and_then(|id| self.id_before(id)) {
                let former = self.owners.get(before).copied().flatten();
                if former.is_some() && former != owner {
                    break;
                }
                ids.push(before);
            }
            let wrote = |step: &&Step| {
                let wrote = ["write", "insert", "rename"].contains(&step.name);
                let id = step.to.as_ref().unwrap_or(&step.id);
                wrote && step.outcome == Outcome::Done && ids.contains(&id)
            };
            let mut expected = Vec::new();
            let mut counted = 0;
            for (n, fate) in self.fates.iter().enumerate() {
                if !fate.steps.iter().copied().any(|step| wrote(&step)) {
                    continue;
                }
                match fate.deed {
                    Deed::Insert => expected.push((mark(n), "yes".to_owned())),
                    Deed::LogIn(who) => expected.push((private(who), "yes".to_owned())),
                    Deed::Count => counted += 1,
                    _ => {}
                }
            }
            if counted > 0 {
                expected.push(("n".to_owned(), counted.to_string()));
            }
            if self
                .run
                .first
                .as_ref()
                .is_some_and(|first| ids.contains(&first))
            {
                expected.push((FIRST.to_owned(), "yes".to_owned()));
                if self.run.scenario.start == Start::Ann {
                    expected.push((private("ann"), "yes".to_owned()));
                }
            }
            expected.sort();
            expected.dedup();
            let fields = record.fields().iter();
            let fields = fields.map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    value.as_str().unwrap_or_default().to_owned(),
                )
            });
            let mut fields: Vec<_> = fields.collect();
            fields.sort();
            if fields != expected {
                return Err(format!("{owner:?} has {fields:?} instead of {expected:?}"));
            }
        }
        Ok(())
    }

    fn id_before(&self, id: &SessionId) -> Option<&'a SessionId> {
        let before = self.renamed.iter().find(|(_, (to, _))| *to == id);
        before.map(|(from, _)| *from)
    }

    /// Each succeeds; sets a cookie if it began or rotated a session, and then that one's; clears
    /// it to log out. A log-in has an id of its own. Others begin a session only if they had none:
    /// no cookie, or one that named none when they first asked.
    fn answers_say_what_was_done(&self) -> Result<(), String> {
        for (n, fate) in self.fates.iter().enumerate() {
            let made = fate
                .steps
                .iter()
                .filter(|step| step.outcome == Outcome::Done);
            let made = made.rev().find_map(|step| match step.name {
                "insert" => Some(&step.id),
                _ => step.to.as_ref(),
            });
            let is_log_in = matches!(fate.deed, Deed::LogIn(_));
            let has_begun = fate.steps.iter().any(|step| step.name == "insert");
            let had_none = match fate.cookie {
                None => true,
                Some(_) => {
                    (fate.steps.first()).is_some_and(|step| step.outcome == Outcome::NotFound)
                }
            };
            let may_begin = is_log_in || (fate.deed.writes() && had_none);
            let set = match fate.line {
                Some(Line::Set(id, _)) => Some(id),
                _ => None,
            };
            let why = if fate.status != 200 {
                "fails"
            } else if set != made {
                "sets another cookie than that of what it made"
            } else if fate.line == Some(&Line::Clear) && fate.deed != Deed::LogOut {
                "clears the cookie"
            } else if fate.deed == Deed::LogOut && fate.line.is_some() != fate.cookie.is_some() {
                "logs out, and does not clear the cookie that it was sent with"
            } else if has_begun && !may_begin {
                "begins a session"
            } else if is_log_in && made.is_none_or(|id| Some(id) == fate.cookie) {
                "logs in without a fresh id"
            } else {
                continue;
            };
            return Err(format!("{n} {why}"));
        }
        Ok(())
    }
}

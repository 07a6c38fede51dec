//! What a sequence is made of.

use std::time::Duration;

use session_core::{Lifetime, Limits, OnExcess, SessionPolicy, SessionTtl, Touch};

use crate::kit::limit;

/// TTLs and lifetimes are multiples of this, and half of it the ages of throttled touches.
pub(super) const UNIT: Duration = Duration::from_secs(100_000);
/// Time advances by multiples of this.
///
/// On a real server some milliseconds pass meanwhile, by which the two sides differ. So no time may
/// come near a boundary. Boundaries lie at multiples of `UNIT` / 2 from some advance; 131 n is a
/// multiple of 500 for no n below 500, that is for no time within five times the greatest TTL. So
/// a time is at least 100 s away from every boundary.
pub(super) const STEP: Duration = Duration::from_secs(13_100);
/// A run that takes so long that this might not hold is no proof, and ends.
pub(super) const MOST_REAL_TIME: Duration = Duration::from_secs(90);
/// The greatest TTL and lifetime, in units.
pub(super) const MOST_UNITS: u32 = 12;
/// The places that sessions are kept in.
pub(super) const SLOTS: usize = 4;
/// The principals.
pub(super) const PRINCIPALS: usize = 2;

/// Steps under a policy.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) policy: Policy,
    pub(super) steps: Vec<Step>,
}

impl Sequence {
    pub(super) fn advances(&self) -> usize {
        let is_advance = |step: &&Step| matches!(step, Step::Advance(_));
        self.steps.iter().filter(is_advance).count()
    }
}

/// What a sequence's policy has beyond the defaults.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) max_lifetime: Option<u32>,
    pub(super) touch: Touch,
    pub(super) session_bytes: Option<u32>,
    pub(super) principal_limit: Option<(u32, OnExcess)>,
}

impl Policy {
    pub(super) fn build(self) -> SessionPolicy {
        // Small, so that sequences reach them.
        let mut limits = Limits::default().with_fields(5);
        if let Some(bytes) = self.session_bytes {
            limits = limits.with_session_bytes(bytes);
        }
        let mut policy = SessionPolicy::new()
            .with_default_ttl(units(3))
            .with_principal_lifetime(between_units(7))
            .with_tombstone_lifetime(lasting(2))
            .with_touch(self.touch)
            .with_limits(limits);
        if let Some(lifetime) = self.max_lifetime {
            policy = policy.with_max_lifetime(lasting(lifetime));
        }
        if let Some((max, on_excess)) = self.principal_limit {
            policy = policy.with_principal_limit(limit(max, on_excess));
        }
        policy
    }
}

/// A TTL of so many units.
pub(super) fn units(units: u32) -> SessionTtl {
    SessionTtl::try_from(UNIT * units).expect("a TTL")
}

/// A lifetime of so many units.
pub(super) fn lasting(units: u32) -> Lifetime {
    Lifetime::try_from(UNIT * units).expect("a lifetime")
}

/// A lifetime of a binding: so many units and a half. A binding and a touch of one moment must not
/// fix the same time, and a TTL has whole units.
pub(super) fn between_units(units: u32) -> Lifetime {
    Lifetime::try_from(UNIT * units + UNIT / 2).expect("a lifetime")
}

/// One of the ids that a slot has known: the present one, or the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) slot: usize,
    pub(super) is_former: bool,
}

/// One step. Slots and principals are numbers below [`SLOTS`] and [`PRINCIPALS`].
#[derive(Debug, Clone)]
pub(super) enum Step {
    Create(usize, New),
    Plant(usize, Plant),
    Get(Target),
    GetWith(Target, Touch),
    Peek(Target),
    Ttl(Target),
    ConfiguredTtl(Target),
    Update(Target, Change),
    GetOf(usize, Target),
    UpdateOf(usize, Target, Change),
    Increment(Target, &'static str, i64),
    RemoveFields(Target, Vec<&'static str>),
    SetTtl(Target, u32),
    Delete(Target),
    Rotate(Target, Change),
    List(usize),
    RevokeOne(usize, Target),
    RevokeAll(usize),
    RevokeAllExcept(usize, Target),
    /// An operator lists all sessions.
    Scan,
    /// An operator ends a session.
    RevokeAnywhere(Target),
    Advance(u32),
}

impl Step {
    /// Whether the step may fix a deadline, or be a log-in. Time passes after it, so that no two
    /// deadlines and no two log-ins are the same: which of them comes first must not depend on real
    /// time.
    pub(super) fn may_fix_a_deadline(&self) -> bool {
        match self {
            Self::Create(..) | Self::Plant(..) => true,
            Self::Update(_, change) | Self::UpdateOf(_, _, change) | Self::Rotate(_, change) => {
                change.binding.is_some()
            }
            _ => false,
        }
    }
}

/// What a session starts with.
#[derive(Debug, Clone)]
pub(super) struct New {
    pub(super) fields: Vec<(&'static str, &'static str)>,
    pub(super) ttl: Option<u32>,
    pub(super) lifetime: Option<u32>,
    pub(super) bind: Option<LogIn>,
}

/// What a write changes.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) sets: Vec<(&'static str, &'static str)>,
    pub(super) removals: Vec<&'static str>,
    pub(super) counters: Vec<(&'static str, i64)>,
    pub(super) ttl: Option<u32>,
    pub(super) touch: Touch,
    pub(super) binding: Option<Binding>,
    pub(super) kept: Option<Kept>,
    pub(super) expected: Vec<(&'static str, Option<&'static str>)>,
    pub(super) is_returning: bool,
}

/// Whom a write binds the session to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Binding {
    Bind(LogIn),
    Unbind,
}

/// Whom it binds to, and what it brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogIn {
    pub(super) who: usize,
    pub(super) lifetime: Option<u32>,
    pub(super) persistent: Option<bool>,
    pub(super) fresh: bool,
}

/// Which fields a write keeps.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) names: Vec<&'static str>,
    pub(super) is_conditional: bool,
}

/// A hash as another client may have left it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plant {
    /// A session; its key expires after so many units, or never.
    Valid { ttl: u32, expires_in: Option<u32> },
    /// With a name that is not UTF-8 and timestamps that are none.
    Odd { ttl: u32 },
    /// With more fields than the limit allows.
    Large { ttl: u32 },
    /// With a deadline in so many units, and an expiry beyond it.
    Deadline { ttl: u32, deadline: u32 },
    /// With a deadline that has passed.
    Ended,
    /// With all the optional fields that no step gives a meaning, and texts that are none of them.
    Reserved { ttl: u32 },
    /// Bound, and without a deadline.
    Undated,
    /// With a tombstone of so many units, or of a malformed one, and perhaps a session's fields.
    Rotated { until: Option<u32>, is_whole: bool },
    /// With this text as its TTL.
    Ttl(&'static str),
    /// With this text as its deadline.
    MalformedDeadline(&'static str),
    /// Without this field.
    Without(&'static str),
    /// No hash.
    OtherType,
}

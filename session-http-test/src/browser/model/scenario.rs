//! What happens, in no order yet.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use session_core::{FieldName, Fields, NewSession, Principal, SessionPolicy};
use session_http::{Session, SessionCookie, SessionError};

/// The field of a session that is there from the beginning.
pub(crate) const FIRST: &str = "first";

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Read,
    Count,
    Insert,
    LogIn(&'static str),
    Rotate,
    LogOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub deed: Deed,
    /// Whether it reads before that, and so has seen whether the session is alive.
    pub reads_first: bool,
}

/// The session that the browser begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    None,
    Visitor,
    Ann,
}

#[derive(Debug, Clone)]
pub struct Scenario {
    pub start: Start,
    pub is_cookie_persistent: bool,
    pub requests: Vec<Request>,
    /// How much time passes at once, at any point.
    pub passing: Option<Duration>,
    pub may_lose_a_response: bool,
}

impl Deed {
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Count,
        Self::Insert,
        Self::LogIn("ann"),
        Self::LogIn("bob"),
        Self::Rotate,
        Self::LogOut,
    ];

    /// Whether it begins a session where there is none.
    pub fn writes(self) -> bool {
        matches!(self, Self::Count | Self::Insert)
    }
}

impl Start {
    pub const ALL: [Self; 3] = [Self::None, Self::Visitor, Self::Ann];

    pub fn owner(self) -> Option<&'static str> {
        (self == Self::Ann).then_some("ann")
    }

    pub fn session(self) -> Option<NewSession> {
        let fields = Fields::new().with(field(FIRST), "yes");
        match self {
            Self::None => None,
            Self::Visitor => Some(NewSession::new(fields)),
            Self::Ann => {
                let fields = fields.with(field(private("ann")), "yes");
                Some(NewSession::new(fields).bind(principal("ann")))
            }
        }
    }
}

impl Request {
    pub fn new(deed: Deed, reads_first: bool) -> Self {
        Self { deed, reads_first }
    }

    /// All requests that differ.
    pub fn all() -> Vec<Self> {
        let all = Deed::ALL.map(|deed| [true, false].map(|reads| Self::new(deed, reads)));
        let mut all = all.concat();
        all.retain(|it| it.deed != Deed::Read || !it.reads_first);
        all
    }

    /// What the handler does. `n` is the request's number.
    pub async fn perform(self, n: usize, session: &Session) -> Result<(), SessionError> {
        if self.reads_first {
            session.get_raw(FIRST).await?;
        }
        match self.deed {
            Deed::Read => drop(session.load().await?),
            Deed::Count => match session.increment("n", 1).await {
                // There is no session any more to count in.
                Err(SessionError::ChangesDropped) => {}
                counted => drop(counted?),
            },
            Deed::Insert => session.insert(mark(n), "yes")?,
            Deed::LogIn(who) => {
                session.log_in(principal(who))?;
                session.insert(private(who), "yes")?;
            }
            Deed::Rotate => session.rotate()?,
            Deed::LogOut => session.log_out()?,
        }
        Ok(())
    }
}

impl Scenario {
    pub fn new(start: Start, requests: Vec<Request>) -> Self {
        Self {
            start,
            is_cookie_persistent: false,
            requests,
            passing: None,
            may_lose_a_response: true,
        }
    }

    /// Two to four requests. Time passes in half of all.
    pub fn random(dice: &mut StdRng) -> Self {
        let all = Request::all();
        let mut pick = |count: usize| dice.random_range(0..count);
        let requests = (0..2 + pick(3))
            .map(|_| pick(all.len()))
            .collect::<Vec<_>>();
        let start = Start::ALL.into_iter().nth(pick(3)).unwrap_or(Start::None);
        Self {
            is_cookie_persistent: pick(2) == 0,
            passing: [None, None, Some(Self::A_LITTLE), Some(Self::IDLE)]
                .into_iter()
                .nth(pick(4))
                .flatten(),
            ..Self::new(
                start,
                requests
                    .iter()
                    .filter_map(|it| all.get(*it).copied())
                    .collect(),
            )
        }
    }

    /// Within the life of a tombstone.
    pub const A_LITTLE: Duration = Duration::from_secs(4);

    /// Longer than an idle session lives.
    pub const IDLE: Duration = Duration::from_secs(1801);

    /// Whether sessions can expire.
    pub fn expires(&self) -> bool {
        let idle = SessionPolicy::new().default_ttl().as_duration();
        self.passing.is_some_and(|passing| passing > idle)
    }

    pub fn cookie(&self) -> SessionCookie {
        let cookie = SessionCookie::host("id");
        let cookie = if self.is_cookie_persistent {
            cookie.persistent()
        } else {
            cookie
        };
        cookie.build().expect("a cookie")
    }
}

/// The seed that the environment variable `SESSION_SEED` says, or a random one.
pub fn seed() -> u64 {
    let seed = std::env::var("SESSION_SEED");
    seed.map_or_else(|_| rand::random(), |seed| seed.parse().expect("a number"))
}

/// The field that a request inserts.
pub(crate) fn mark(n: usize) -> String {
    format!("mark{n}")
}

/// The field that only this user's session has.
pub(crate) fn private(who: &str) -> String {
    format!("of_{who}")
}

pub(crate) fn principal(who: &str) -> Principal {
    Principal::new(who).expect("a principal")
}

fn field(name: impl Into<String>) -> FieldName {
    FieldName::new(name.into()).expect("a name")
}

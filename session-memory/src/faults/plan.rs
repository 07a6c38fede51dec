//! Planning what happens to which call.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use session_core::{Effect, ErrorKind};

use super::Faults;
use super::step::Step;

/// Which calls a fault is planned for, said in three words: the kind of call, which of them, and
/// what happens. Begun by [`Faults::on`] and [`Faults::on_any_step`].
///
/// ```
/// use session_core::{Effect, ErrorKind};
/// use session_memory::{MemoryBackend, Step};
///
/// let backend = MemoryBackend::new();
/// let faults = backend.faults();
/// faults.on(Step::Insert).next_call().fail(ErrorKind::StoreFull, Effect::NotApplied);
/// faults.on(Step::Write).nth_call(3).lose_reply();
/// faults.on_any_step().every_call().delay(std::time::Duration::from_millis(5));
/// assert_eq!(faults.pending(), 3);
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "say which call, and what happens to it"]
pub struct FaultPlan<'a> {
    faults: &'a Faults,
    step: Option<Step>,
}

impl<'a> FaultPlan<'a> {
    pub(super) fn new(faults: &'a Faults, step: Option<Step>) -> Self {
        Self { faults, step }
    }

    /// The next call of this kind.
    pub fn next_call(self) -> FaultOnce<'a> {
        self.nth_call(1)
    }

    /// The `n`-th call of this kind from now on, counted from 1. (0 is the next call, too.)
    pub fn nth_call(self, n: u64) -> FaultOnce<'a> {
        FaultOnce {
            plan: self,
            earlier_calls: n.saturating_sub(1),
        }
    }

    /// Every call of this kind until [`Faults::clear`].
    pub fn every_call(self) -> FaultAlways<'a> {
        FaultAlways { plan: self }
    }
}

/// What happens to one call. Each method plans one thing; several plans for the same call are
/// carried out in the order in which they were made, and the first failure ends them.
///
/// ```
/// # use session_core::{Effect, ErrorKind};
/// # use session_memory::{MemoryBackend, Step};
/// # use std::time::Duration;
/// // A server that is too slow: half a second, and then no reply.
/// let backend = MemoryBackend::new();
/// backend.faults().on(Step::Read).next_call().delay(Duration::from_millis(500));
/// backend.faults().on(Step::Read).next_call().fail(ErrorKind::Timeout, Effect::Unknown);
/// ```
#[derive(Debug)]
#[must_use = "say what happens to the call"]
pub struct FaultOnce<'a> {
    plan: FaultPlan<'a>,
    earlier_calls: u64,
}

impl FaultOnce<'_> {
    /// The call fails; the step is not carried out, whatever `effect` says of it.
    pub fn fail(self, kind: ErrorKind, effect: Effect) {
        self.plan(Action::Plain(Plain::Fail(kind, effect)));
    }

    /// The step is carried out, but its reply is lost: the caller receives
    /// [`ErrorKind::Timeout`] and [`Effect::Unknown`].
    pub fn lose_reply(self) {
        self.plan(Action::Plain(Plain::LoseReply));
    }

    /// The call waits before the step is carried out, in tokio's time: `tokio::time::pause` makes
    /// it immediate. Needs a tokio runtime with its timer. A call that is dropped meanwhile has
    /// changed nothing.
    pub fn delay(self, by: Duration) {
        self.plan(Action::Plain(Plain::Delay(by)));
    }

    /// Something else happens just before the step is carried out: a logout between the load and
    /// the save of the code under test, say. The call waits for it.
    ///
    /// No lock is held: `hook` may call the backend. Its calls are calls like any other; they are
    /// counted, and plans apply to them. A hook runs once.
    ///
    /// ```
    /// use session_core::{Delta, NewSession, SessionBackend};
    /// use session_memory::{MemoryBackend, Step};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> session_core::Result<()> {
    /// let backend = MemoryBackend::new();
    /// let id = backend.create_session(NewSession::default()).await?.id;
    ///
    /// let (elsewhere, theirs) = (backend.clone(), id.clone());
    /// backend.faults().on(Step::Write).next_call().run(async move || {
    ///     elsewhere.delete_session(&theirs).await.expect("the store is up");
    /// });
    ///
    /// assert!(backend.get_session(&id).await?.is_some());
    /// assert_eq!(backend.update_session(&id, Delta::new()).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<F>(self, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.plan(Action::Run(Hook(Box::new(|| Box::pin(hook())))));
    }

    fn plan(self, action: Action) {
        self.plan.faults.plan(Planned {
            step: self.plan.step,
            when: When::Once {
                earlier_calls: self.earlier_calls,
                action,
            },
        });
    }
}

/// What happens to every call of a kind, until [`Faults::clear`]. Each method plans one thing, as
/// those of [`FaultOnce`] do.
#[derive(Debug)]
#[must_use = "say what happens to the calls"]
pub struct FaultAlways<'a> {
    plan: FaultPlan<'a>,
}

impl FaultAlways<'_> {
    /// The calls fail; see [`FaultOnce::fail`].
    pub fn fail(self, kind: ErrorKind, effect: Effect) {
        self.plan(Plain::Fail(kind, effect));
    }

    /// The replies are lost; see [`FaultOnce::lose_reply`].
    pub fn lose_reply(self) {
        self.plan(Plain::LoseReply);
    }

    /// The calls wait; see [`FaultOnce::delay`].
    pub fn delay(self, by: Duration) {
        self.plan(Plain::Delay(by));
    }

    fn plan(self, action: Plain) {
        self.plan.faults.plan(Planned {
            step: self.plan.step,
            when: When::Always(action),
        });
    }
}

/// One thing that is planned.
#[derive(Debug)]
pub(super) struct Planned {
    /// For calls of this kind, or of any.
    pub(super) step: Option<Step>,
    pub(super) when: When,
}

#[derive(Debug)]
pub(super) enum When {
    Once { earlier_calls: u64, action: Action },
    Always(Plain),
}

#[derive(Debug)]
pub(super) enum Action {
    Plain(Plain),
    Run(Hook),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Plain {
    Fail(ErrorKind, Effect),
    LoseReply,
    Delay(Duration),
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct Hook(pub(super) Box<dyn FnOnce() -> BoxFuture + Send>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

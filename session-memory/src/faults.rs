//! Faults, planned for calls to come.

mod calls;
mod plan;
mod step;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::{Effect, Error, ErrorKind, Result};

use self::calls::Calls;
use self::plan::{Action, Plain, Planned, When};
pub use self::plan::{FaultAlways, FaultOnce, FaultPlan};
pub use self::step::Step;

/// What happens to calls to come, and how many there were. Available
/// through [`MemoryBackend::faults`](crate::MemoryBackend::faults); a clone is another view of the
/// same plans.
///
/// A call is one required step of the backend, counted when it begins, whether it fails or not.
///
/// ```
/// use session_core::{Effect, ErrorKind, NewSession, SessionBackend};
/// use session_memory::{MemoryBackend, Step};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_core::Result<()> {
/// let backend = MemoryBackend::new();
/// let faults = backend.faults();
/// faults.on(Step::Insert).next_call().fail(ErrorKind::StoreFull, Effect::NotApplied);
///
/// let error = backend.create_session(NewSession::default()).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::StoreFull);
/// let id = backend.create_session(NewSession::default()).await?.id;
///
/// // The second of two calls is carried out, but its caller does not learn it.
/// faults.on(Step::Remove).next_call().lose_reply();
/// let error = backend.delete_session(&id).await.unwrap_err();
/// assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::Unknown));
/// assert!(!backend.delete_session(&id).await?);
///
/// faults.store_down();
/// assert!(backend.ping().await.is_err());
/// faults.clear();
/// assert!(backend.ping().await.is_ok());
/// assert_eq!((faults.calls_of(Step::Insert), faults.calls()), (2, 6));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Calls,
    /// Whether anything is planned: what calls look at first, so that those of a backend without
    /// plans do not queue for the lock.
    is_any_planned: AtomicBool,
    plans: Mutex<Vec<Planned>>,
}

impl Faults {
    /// Plans something for calls of this kind.
    pub fn on(&self, step: Step) -> FaultPlan<'_> {
        FaultPlan::new(self, Some(step))
    }

    /// Plans something for calls of any kind.
    pub fn on_any_step(&self) -> FaultPlan<'_> {
        FaultPlan::new(self, None)
    }

    /// The store is down until [`Faults::clear`]: every call fails with [`ErrorKind::Unavailable`],
    /// nothing applied.
    pub fn store_down(&self) {
        let every_call = self.on_any_step().every_call();
        every_call.fail(ErrorKind::Unavailable, Effect::NotApplied);
    }

    /// Drops all plans. Calls that have begun are not changed by it.
    pub fn clear(&self) {
        let mut plans = self.plans();
        self.shared.is_any_planned.store(false, Ordering::Release);
        // Hooks may own anything, this backend included: drop them without the lock.
        let dropped = std::mem::take(&mut *plans);
        drop(plans);
        drop(dropped);
    }

    /// The number of plans that are still to come, those for every call included: 0 when all that a
    /// test has planned has happened.
    pub fn pending(&self) -> usize {
        self.plans().len()
    }

    /// The number of calls of all kinds since the last [`Faults::reset_calls`].
    pub fn calls(&self) -> u64 {
        Step::ALL.iter().map(|step| self.calls_of(*step)).sum()
    }

    /// The number of calls of this kind since the last [`Faults::reset_calls`].
    pub fn calls_of(&self, step: Step) -> u64 {
        self.shared.calls.of(step)
    }

    /// Counts from 0 again. What is planned for the n-th call is not changed by it.
    pub fn reset_calls(&self) {
        self.shared.calls.reset();
    }

    /// Carries out a step, with all that is planned for this call.
    pub(crate) async fn around<T>(
        &self,
        step: Step,
        carry_out: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        self.shared.calls.count(step);
        if !self.shared.is_any_planned.load(Ordering::Acquire) {
            return carry_out();
        }
        // Boxed, so that the calls of a backend without plans do not make room for it.
        Box::pin(self.as_planned(step, carry_out)).await
    }

    async fn as_planned<T>(
        &self,
        step: Step,
        carry_out: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        let mut is_reply_lost = false;
        for action in self.due(step) {
            match action {
                Action::Plain(Plain::Fail(kind, effect)) => return Err(Error::new(kind, effect)),
                Action::Plain(Plain::LoseReply) => is_reply_lost = true,
                Action::Plain(Plain::Delay(by)) => tokio::time::sleep(by).await,
                Action::Run(hook) => (hook.0)().await,
            }
        }
        let reply = carry_out();
        if is_reply_lost {
            return Err(Error::new(ErrorKind::Timeout, Effect::Unknown));
        }
        reply
    }

    /// Takes out what is planned for a call, in the order of planning.
    fn due(&self, step: Step) -> Vec<Action> {
        let mut plans = self.plans();
        let mut due = Vec::new();
        let mut left = Vec::with_capacity(plans.len());
        for mut planned in plans.drain(..) {
            if planned.step.is_none_or(|planned| planned == step) {
                match planned.when {
                    When::Once {
                        earlier_calls: 0,
                        action,
                    } => {
                        due.push(action);
                        continue;
                    }
                    When::Once {
                        ref mut earlier_calls,
                        ..
                    } => *earlier_calls -= 1,
                    When::Always(action) => due.push(Action::Plain(action)),
                }
            }
            left.push(planned);
        }
        *plans = left;
        self.shared
            .is_any_planned
            .store(!plans.is_empty(), Ordering::Release);
        due
    }

    fn plan(&self, planned: Planned) {
        let mut plans = self.plans();
        plans.push(planned);
        self.shared.is_any_planned.store(true, Ordering::Release);
    }

    fn plans(&self) -> MutexGuard<'_, Vec<Planned>> {
        // Nothing panics while it is held; if it did, the plans would still be whole.
        let plans = &self.shared.plans;
        plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

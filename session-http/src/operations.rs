//! The operations of one request, one after the other.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread;

use futures_util::FutureExt as _;

/// The operations of one request follow each other, however many clones of its handle there are.
///
/// An operation belongs to the request, not to the future that waits for it: **whoever waits drives
/// those before**. So a future that is polled once and kept holds nobody up, and one that is
/// dropped leaves an operation that has begun to the next, at the latest to the commit.
#[derive(Default)]
pub(crate) struct Operations {
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    /// What has not ended, in the order of asking. Only the first one has begun.
    steps: VecDeque<Step>,
    /// Whom the first one wakes. Apart, so that an operation under way does not keep itself alive.
    waiters: Option<Arc<Waiters>>,
}

struct Step {
    /// Whether somebody waits for it, until it begins.
    waiting: Option<Weak<dyn Send + Sync>>,
    /// Nothing, while somebody polls it.
    operation: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Somebody came by while it was polled, who may be the only one to poll it again.
    is_wanted: bool,
}

/// Waits for an operation's outcome.
pub(crate) struct Waiting<T>(Arc<Mutex<Option<thread::Result<T>>>>);

/// All that wait for operations of one request: when the first of these can go on, somebody has to
/// drive it.
#[derive(Default)]
struct Waiters {
    /// How often they were woken.
    times: AtomicU64,
    wakers: Mutex<Vec<Waker>>,
}

impl Operations {
    /// Runs an operation after all that were asked for before.
    ///
    /// An operation must not run another.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        let waiting = self.ask(operation);
        std::future::poll_fn(move |cx| self.poll(&waiting, cx))
    }

    /// Asks for an operation. One that nobody waits for any more when all before it have ended does
    /// not begin.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> Waiting<T> {
        let outcome = Arc::new(Mutex::new(None));
        let place = Arc::downgrade(&outcome);
        let waiting = Weak::clone(&place) as Weak<dyn Send + Sync>;
        // A panic is the waiting future's, and leaves those after it alone.
        let operation = AssertUnwindSafe(operation)
            .catch_unwind()
            .map(move |given| {
                if let Some(outcome) = place.upgrade() {
                    *lock(&outcome) = Some(given);
                }
            });
        lock(&self.line).steps.push_back(Step {
            operation: Some(Box::pin(operation)),
            waiting: Some(waiting),
            is_wanted: false,
        });
        Waiting(outcome)
    }

    /// Drives the operations up to the one that is waited for.
    pub(crate) fn poll<T>(&self, waiting: &Waiting<T>, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            let driven = self.drive_first(cx);
            // Whoever has driven this one meanwhile put its outcome here before it left the line.
            let given = lock(&waiting.0).take();
            match given {
                Some(Ok(given)) => return Poll::Ready(given),
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => ready!(driven),
            }
        }
    }

    /// Drives the first operation. Ready when it has ended.
    fn drive_first(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut line = lock(&self.line);
        let waiters = Arc::clone(line.waiters.get_or_insert_default());
        let times = waiters.times.load(Acquire);
        let Some(first) = line.steps.front_mut() else {
            return Poll::Pending;
        };
        let Some(mut operation) = first.operation.take() else {
            first.is_wanted = true;
            drop(line);
            return waiters.wait(cx.waker(), times);
        };
        let begins = first.waiting.take();
        drop(line);
        let polled = if begins.is_some_and(|waiting| waiting.strong_count() == 0) {
            Poll::Ready(())
        } else {
            let waker = Waker::from(Arc::clone(&waiters));
            operation.as_mut().poll(&mut Context::from_waker(&waker))
        };
        let mut line = lock(&self.line);
        if polled.is_ready() {
            line.steps.pop_front();
            drop(line);
            waiters.wake_all();
            return Poll::Ready(());
        }
        let is_wanted = line.steps.front_mut().is_some_and(|first| {
            first.operation = Some(operation);
            std::mem::take(&mut first.is_wanted)
        });
        drop(line);
        if is_wanted {
            waiters.wake_all();
        }
        waiters.wait(cx.waker(), times)
    }

    /// Whether no operation is under way.
    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.line).steps.is_empty()
    }
}

impl Waiters {
    /// Waits to be woken, also for what has happened since.
    fn wait(&self, waker: &Waker, since: u64) -> Poll<()> {
        let mut wakers = lock(&self.wakers);
        if self.times.load(Acquire) != since {
            drop(wakers);
            // Not polled again here and now: an operation that yields would never get to.
            waker.wake_by_ref();
        } else if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        Poll::Pending
    }

    fn wake_all(&self) {
        let mut wakers = lock(&self.wakers);
        self.times.fetch_add(1, Release);
        let woken = std::mem::take(&mut *wakers);
        // Foreign code: it runs without the lock.
        drop(wakers);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

/// Nothing panics while one of these is held; if it did, what it guards would still be whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

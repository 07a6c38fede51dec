//! The operations of one request, one after the other.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::Shared;

/// The operations of one request follow each other, however many clones of its handle there are.
///
/// An operation belongs to the request, not to the future that waits for it: **whoever waits drives
/// those before**. So a future that is polled once and kept holds nobody up, and one that is
/// dropped leaves an operation that has begun to the next, at the latest to the commit.
#[derive(Default)]
pub(crate) struct Operations {
    /// The latest operation, which waits for the one before it.
    latest: Mutex<Option<Step>>,
}

type Step = Shared<Pin<Box<dyn Future<Output = ()> + Send>>>;

impl Operations {
    /// Runs an operation after all that were asked for before. One that nobody waits for any more
    /// when those have ended does not begin.
    ///
    /// An operation must not run another.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::downgrade(&answer);
        let step = {
            let mut latest = lock(&self.latest);
            let before = latest.take().filter(|step| step.peek().is_none());
            let step = async move {
                if let Some(before) = before {
                    before.await;
                }
                if place.strong_count() == 0 {
                    return;
                }
                // A panic is the waiting future's, and leaves those after it alone.
                let given = AssertUnwindSafe(operation).catch_unwind().await;
                if let Some(answer) = place.upgrade() {
                    *lock(&answer) = Some(given);
                }
            };
            let step: Step = (Box::pin(step) as Pin<Box<dyn Future<Output = ()> + Send>>).shared();
            *latest = Some(step.clone());
            step
        };
        step.await;
        let given = lock(&answer).take();
        match given {
            Some(Ok(given)) => given,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            // A step ends without an answer only where nobody waits for one.
            None => std::future::pending().await,
        }
    }

    /// Whether no operation is under way.
    pub(crate) fn is_idle(&self) -> bool {
        let latest = lock(&self.latest);
        latest.as_ref().is_none_or(|step| step.peek().is_some())
    }
}

/// Nothing panics while one of these is held; if it did, what it guards would still be whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::task::Poll::{Pending, Ready};
    use std::task::{Context, Poll, Waker};

    /// What has begun (`a`) and ended (`A`), and whether the backend answers.
    #[derive(Default)]
    struct World {
        notes: Mutex<String>,
        answers: AtomicBool,
    }

    fn operation(name: char, world: &Arc<World>) -> impl Future<Output = char> + use<> {
        let world = Arc::clone(world);
        async move {
            lock(&world.notes).push(name);
            std::future::poll_fn(|_| match world.answers.load(Relaxed) {
                true => Ready(()),
                false => Pending,
            })
            .await;
            lock(&world.notes).push(name.to_ascii_uppercase());
            name
        }
    }

    fn poll<T>(future: &mut Pin<Box<impl Future<Output = T>>>) -> Poll<T> {
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn who_waits_drives_what_is_before_it_in_the_order_of_asking() {
        let (operations, world) = (Operations::default(), Arc::<World>::default());
        assert!(operations.is_idle());
        let mut kept = Box::pin(operations.run(operation('a', &world)));
        let mut dropped = Box::pin(operations.run(operation('b', &world)));
        let mut waiting = Box::pin(operations.run(operation('c', &world)));
        for future in [&mut kept, &mut dropped, &mut waiting] {
            assert_eq!(poll(future), Pending);
        }
        drop(dropped);
        assert!(!operations.is_idle());
        // `a` is not polled by its own future; `b` has not begun, and nobody wants it.
        world.answers.store(true, Relaxed);
        assert_eq!(poll(&mut waiting), Ready('c'));
        assert_eq!(*lock(&world.notes), "aAcC");
        assert!(operations.is_idle());
        assert_eq!(poll(&mut kept), Ready('a'));
    }

    #[test]
    fn a_panic_reaches_who_waits_and_nobody_else() {
        let operations = Operations::default();
        let panics = std::future::poll_fn(|_| -> Poll<()> { panic!("a defect") });
        let mut waiting = Box::pin(operations.run(panics));
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| poll(&mut waiting)));
        assert!(polled.is_err());
        assert_eq!(poll(&mut Box::pin(operations.run(async { 7 }))), Ready(7));
    }

    #[test]
    fn an_operation_that_has_begun_ends_though_its_future_is_dropped() {
        let (operations, world) = (Operations::default(), Arc::<World>::default());
        let mut dropped = Box::pin(operations.run(operation('a', &world)));
        assert_eq!(poll(&mut dropped), Pending);
        drop(dropped);
        world.answers.store(true, Relaxed);
        assert_eq!(poll(&mut Box::pin(operations.run(async {}))), Ready(()));
        assert_eq!(*lock(&world.notes), "aA");
    }
}

//! The operations of one request, one after the other.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
        let operation = Box::pin(async move {
            if place.strong_count() == 0 {
                return;
            }
            // A panic is the waiting future's, and leaves those after it alone.
            let given = AssertUnwindSafe(operation).catch_unwind().await;
            if let Some(outcome) = place.upgrade() {
                *lock(&outcome) = Some(given);
            }
        });
        lock(&self.line).steps.push_back(Step {
            operation: Some(operation),
            is_wanted: false,
        });
        Waiting(outcome)
    }

    /// Drives the operations up to the one that is waited for.
    pub(crate) fn poll<T>(&self, waiting: &Waiting<T>, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            let given = lock(&waiting.0).take();
            match given {
                Some(Ok(given)) => return Poll::Ready(given),
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => ready!(self.drive_first(cx)),
            }
        }
    }

    /// Drives the first operation. Ready when it has ended.
    fn drive_first(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut line = lock(&self.line);
        let waiters = Arc::clone(line.waiters.get_or_insert_default());
        let times = waiters.times.load(Acquire);
        let Some(first) = line.steps.front_mut() else {
            // An outcome is waited for twice, which nobody may.
            return Poll::Pending;
        };
        let Some(mut operation) = first.operation.take() else {
            first.is_wanted = true;
            drop(line);
            return waiters.wait(cx.waker(), times);
        };
        drop(line);
        let waker = Waker::from(Arc::clone(&waiters));
        let polled = operation.as_mut().poll(&mut Context::from_waker(&waker));
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
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::sync::mpsc;
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

    #[derive(Default)]
    struct Task(AtomicBool);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    #[test]
    fn an_operation_that_yields_does_and_all_that_may_have_to_drive_it_are_woken() {
        let operations: &'static Operations = Box::leak(Box::default());
        let (first, second) = <(Arc<Task>, Arc<Task>)>::default();
        let poll_in = |task: &Arc<Task>, future: &mut Pin<Box<dyn Future<Output = ()> + Send>>| {
            let waker = Waker::from(Arc::clone(task));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            (polled.is_ready(), task.0.swap(false, Relaxed))
        };
        let behind: Arc<Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>> = Arc::default();
        let (mut polls, behind_it, its_task) = (0, Arc::clone(&behind), Arc::clone(&second));
        let mut running: Pin<Box<dyn Future<Output = ()> + Send>> =
            Box::pin(operations.run(std::future::poll_fn(move |cx| {
                polls += 1;
                match polls {
                    // It yields.
                    1 => cx.waker().wake_by_ref(),
                    // Somebody comes by while it is polled.
                    2 => {
                        let mut behind = lock(&behind_it);
                        let polled = poll_in(&its_task, behind.as_mut().unwrap());
                        assert_eq!(polled, (false, false));
                    }
                    3 => {}
                    _ => return Ready(()),
                }
                Pending
            })));
        *lock(&behind) = Some(Box::pin(operations.run(async {})));
        assert_eq!(poll_in(&first, &mut running), (false, true));
        assert_eq!(poll_in(&first, &mut running), (false, true));
        assert!(second.0.swap(false, Relaxed));
        let mut behind = lock(&behind).take().unwrap();
        assert_eq!(poll_in(&second, &mut behind), (false, false));
        assert_eq!(poll_in(&first, &mut running), (true, false));
        assert_eq!(poll_in(&second, &mut behind), (true, true));
    }

    #[test]
    fn threads_lose_no_waking_and_run_one_operation_at_a_time() {
        let (operations, is_busy) = (Operations::default(), Arc::<AtomicBool>::default());
        let block_on = |future: Pin<Box<dyn Future<Output = ()> + '_>>| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(future);
        };
        let (asks, asked) = mpsc::channel::<(Arc<AtomicBool>, Waker)>();
        let reply_to_all = || {
            for (is_ready, waker) in asked {
                is_ready.store(true, Relaxed);
                waker.wake();
            }
        };
        let ask = |asks: mpsc::Sender<_>| {
            for number in 0..2_000 {
                let (asks, is_busy) = (asks.clone(), Arc::clone(&is_busy));
                let is_ready = Arc::<AtomicBool>::default();
                let mut running = Box::pin(operations.run(async move {
                    assert!(!is_busy.swap(true, Relaxed));
                    std::future::poll_fn(|cx| {
                        if is_ready.load(Relaxed) {
                            return Ready(());
                        }
                        asks.send((Arc::clone(&is_ready), cx.waker().clone()))
                            .unwrap();
                        Pending
                    })
                    .await;
                    is_busy.store(false, Relaxed);
                }));
                // Every third is left to the others, begun or not.
                let _ = poll(&mut running);
                if number % 3 > 0 {
                    block_on(running);
                }
            }
        };
        thread::scope(|threads| {
            let asking = [(); 3].map(|()| asks.clone());
            for asks in asking {
                threads.spawn(|| ask(asks));
            }
            threads.spawn(reply_to_all);
            drop(asks);
        });
        assert!(operations.is_idle());
    }
}

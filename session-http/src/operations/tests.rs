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

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

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
    let poll_in = |task: &Arc<Task>, future: &mut Running| {
        let waker = Waker::from(Arc::clone(task));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        (polled.is_ready(), task.0.swap(false, Relaxed))
    };
    let behind = Arc::<Mutex<Option<Running>>>::default();
    let (mut polls, behind_it, its_task) = (0, Arc::clone(&behind), Arc::clone(&second));
    let mut running: Running = Box::pin(operations.run(std::future::poll_fn(move |cx| {
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
            if poll(&mut running).is_pending() && number % 3 > 0 {
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

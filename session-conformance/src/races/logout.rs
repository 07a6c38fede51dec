//! Logging out while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Summary;
use super::crew::{Crew, assert_distinct_and_gapless};
use crate::harness::Harness;
use crate::kit::name;

/// The writers of a session that is deleted.
const WRITERS: usize = 32;

/// Deletes a session that 32 tasks increment without pause. After the acknowledged delete, and when
/// the last writer has been told, nothing exists under the id; acknowledged values are distinct and
/// gapless.
pub async fn logout_against_increments(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        let progress = Arc::new(Progress::default());
        let writers = crew.all(WRITERS, |_, member| {
            let (id, progress) = (id.clone(), Arc::clone(&progress));
            async move {
                let mut values = Vec::new();
                loop {
                    let is_deleted = progress.is_deleted.load(Ordering::SeqCst);
                    let answer = member.backend.increment_field(&id, name("n"), 1).await;
                    progress.answers.fetch_add(1, Ordering::SeqCst);
                    let Some(value) = member.did(answer) else {
                        progress.ended.fetch_add(1, Ordering::SeqCst);
                        return values;
                    };
                    assert!(!is_deleted, "a write after the acknowledged delete");
                    values.push(value);
                    // A backend that never waits must let the others run, too.
                    tokio::task::yield_now().await;
                }
            }
        });
        let logout = async {
            // After the first answers or after more of them, round by round.
            while progress.answers.load(Ordering::SeqCst) < round % (2 * WRITERS)
                && progress.ended.load(Ordering::SeqCst) < WRITERS
            {
                tokio::task::yield_now().await;
            }
            let member = crew.member(1);
            let deleted = member.did(member.backend.delete_session(&id).await);
            assert!(deleted, "round {round}: there was a session");
            progress.is_deleted.store(true, Ordering::SeqCst);
            let left = h.dump(&id).await;
            assert_eq!(left, None, "round {round}: after the acknowledged delete");
        };
        let values = both(writers, logout).await;
        let left = h.dump(&id).await;
        assert_eq!(left, None, "round {round}: after the last writer");
        assert_distinct_and_gapless(values.into_iter().flatten().collect());
    }
    crew.summary("logout against increments", rounds)
}

/// What the tasks of a round know of each other.
#[derive(Default)]
struct Progress {
    answers: AtomicUsize,
    ended: AtomicUsize,
    is_deleted: AtomicBool,
}

/// Runs two futures at once; the output of the first.
pub(super) async fn both<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let (mut output, mut is_done) = (None, false);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if output.is_none()
            && let Poll::Ready(ready) = first.as_mut().poll(context)
        {
            output = Some(ready);
        }
        is_done = is_done || second.as_mut().poll(context).is_ready();
        if output.is_some() && is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    output.expect("ready")
}

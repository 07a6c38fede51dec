//! Futures that are dropped before they are ready.

use std::pin::pin;
use std::task::Poll;

/// How often a future is polled before it is dropped, round after round.
pub(crate) const POLLS: usize = 6;

/// Polls a future so many times, and drops it if it is not ready by then.
pub(crate) async fn poll_and_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

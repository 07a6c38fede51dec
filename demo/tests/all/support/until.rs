//! Waiting for what must come.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything that must happen may take, on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is the one that is waited for.
///
/// # Panics
/// When it does not come, with the last answer.
pub(crate) async fn until<T: Debug>(
    what: &str,
    mut ask: impl AsyncFnMut() -> T,
    is_it: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        let answer = ask().await;
        if is_it(&answer) {
            return answer;
        }
        assert!(
            Instant::now() < end,
            "waited in vain until {what}; at last: {answer:?}"
        );
        sleep(PAUSE).await;
    }
}

/// What must end by itself.
///
/// # Panics
/// When it does not.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(LIMIT, future).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

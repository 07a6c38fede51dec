//! What is under way in one direction of a connection.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::Mode;
use super::mode::Direction;

/// How many bytes are read at once: more than a usual burst, which so passes in one piece.
const CHUNK: usize = 64 * 1024;

/// Bytes under way, in their order; no bytes are the end of the stream.
pub(super) struct Queue<R> {
    from: R,
    has_ended: bool,
    buffer: Vec<u8>,
    held: VecDeque<(Instant, Vec<u8>)>,
    mode: watch::Receiver<Mode>,
    direction: Direction,
}

impl<R: AsyncRead + Unpin> Queue<R> {
    pub(super) fn new(from: R, mode: watch::Receiver<Mode>, direction: Direction) -> Self {
        Self {
            from,
            has_ended: false,
            buffer: vec![0; CHUNK],
            held: VecDeque::new(),
            mode,
            direction,
        }
    }

    /// The next bytes to deliver, all that arrived together; none at the end. `read` sees bytes
    /// when they are read, and says how much later they arrive.
    pub(super) async fn next(
        &mut self,
        mut read: impl FnMut(&mut Vec<u8>) -> Duration,
    ) -> std::io::Result<Vec<u8>> {
        loop {
            tokio::select! {
                biased;
                trickled = due(&self.held, &mut self.mode, self.direction) => {
                    if let Some((_, bytes)) = self.held.front_mut().filter(|(_, it)| trickled && it.len() > 1) {
                        let rest = bytes.split_off(1);
                        return Ok(std::mem::replace(bytes, rest));
                    }
                    return Ok(self.held.pop_front().map(|(_, bytes)| bytes).unwrap_or_default());
                }
                length = self.from.read(&mut self.buffer), if !self.has_ended => {
                    let mut bytes = self.buffer.get(..length?).unwrap_or_default().to_vec();
                    self.has_ended = bytes.is_empty();
                    // Before anybody can learn that they came.
                    let passes = self.held.is_empty() && !self.mode.borrow().holds(self.direction);
                    let delay = read(&mut bytes);
                    if passes {
                        return Ok(bytes);
                    }
                    self.held.push_back((Instant::now() + delay, bytes));
                }
            }
        }
    }
}

/// Waits until the first bytes are due; whether they arrive one by one.
async fn due(
    held: &VecDeque<(Instant, Vec<u8>)>,
    mode: &mut watch::Receiver<Mode>,
    direction: Direction,
) -> bool {
    let Some((due, _)) = held.front() else {
        return std::future::pending().await;
    };
    sleep_until(*due).await;
    loop {
        // The proxy's end ends the connection.
        let now = mode
            .wait_for(|mode| !mode.swallows(direction))
            .await
            .map(|mode| *mode);
        match now {
            Ok(Mode::Trickle(pause)) if direction == Direction::Replies => {
                tokio::select! {
                    () = sleep(pause) => return true,
                    _ = mode.changed() => {}
                }
            }
            Ok(_) => return false,
            Err(_) => return std::future::pending().await,
        }
    }
}

//! From the server to the client.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::atomic::Ordering::SeqCst;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use super::state::{CHUNK, End, Link};
use super::{Mode, Shared};

/// Passes replies until the connection is over on the server's account, or is cut.
pub(super) async fn pass(
    mut from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    shared: &Shared,
    link: &Link,
) -> End {
    let mut delivery = Delivery {
        to,
        shared,
        link,
        swallowed: false,
        left: None,
    };
    let mut delayed = VecDeque::new();
    let mut buffer = vec![0; CHUNK];
    let mut read_on = true;
    let mut end = End::Close;
    loop {
        tokio::select! {
            reply = next_due(&mut delayed), if !delayed.is_empty() => {
                if let Err(end) = delivery.deliver(&reply).await {
                    return end;
                }
            }
            read = from.read(&mut buffer), if read_on => {
                let reply = match bytes_of(read, &buffer) {
                    Ok(reply) => reply,
                    Err(how) => {
                        // What is under way still arrives.
                        end = how;
                        read_on = false;
                        continue;
                    }
                };
                shared.counters.reply(reply.len());
                let delay = shared.mode.borrow().delay();
                if !delay.is_zero() || !delayed.is_empty() {
                    delayed.push_back((Instant::now() + delay, reply.to_vec()));
                } else if let Err(end) = delivery.deliver(reply).await {
                    return end;
                }
            }
            else => break,
        }
    }
    delivery.finish(end).await
}

/// Waits until the first of the delayed replies is due, and takes it out.
async fn next_due(delayed: &mut VecDeque<(Instant, Vec<u8>)>) -> Vec<u8> {
    if let Some((due, _)) = delayed.front() {
        sleep_until(*due).await;
    }
    delayed
        .pop_front()
        .map(|(_, reply)| reply)
        .unwrap_or_default()
}

/// The bytes that were read, or how the connection ends.
fn bytes_of(read: io::Result<usize>, buffer: &[u8]) -> Result<&[u8], End> {
    match buffer.get(..read?) {
        None | Some([]) => Err(End::Close),
        Some(bytes) => Ok(bytes),
    }
}

/// The client's end of a connection.
struct Delivery<'l, W> {
    to: W,
    shared: &'l Shared,
    link: &'l Link,
    /// Whether replies were swallowed, so that none may pass any more.
    swallowed: bool,
    /// How many bytes may pass before the cut, if this connection is to be cut.
    left: Option<usize>,
}

impl<W: AsyncWrite + Unpin> Delivery<'_, W> {
    /// Does with a reply what the mode wants. An error ends the connection.
    async fn deliver(&mut self, reply: &[u8]) -> Result<(), End> {
        self.link.burst.end();
        self.swallowed |= self.shared.mode.borrow().swallows_replies();
        if self.swallowed {
            return Ok(());
        }
        if self.link.cut_next_reply.swap(false, SeqCst) && self.left.is_none() {
            self.left = self.claim_cut();
        }
        let Some(left) = self.left.as_mut() else {
            return Ok(self.to.write_all(reply).await?);
        };
        let passing = reply.get(..*left).unwrap_or(reply);
        *left -= passing.len();
        let is_cut = *left == 0;
        self.to.write_all(passing).await?;
        if is_cut { Err(End::Close) } else { Ok(()) }
    }

    /// Takes the cut upon this connection, if no other has, and no other mode was set since.
    fn claim_cut(&self) -> Option<usize> {
        let mut claimed = None;
        self.shared.mode.send_if_modified(|mode| {
            claimed = mode.cut_after();
            if claimed.is_some() {
                *mode = Mode::Pass;
            }
            claimed.is_some()
        });
        claimed
    }

    /// The server sends nothing more. After a gap, a client that may still ask is not to know.
    async fn finish(&self, end: End) -> End {
        self.link.server_is_done.store(true, SeqCst);
        let swallowed = self.swallowed || self.shared.mode.borrow().swallows_replies();
        if swallowed && !self.link.client_is_done.load(SeqCst) {
            pending().await
        } else {
            end
        }
    }
}

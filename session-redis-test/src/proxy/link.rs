//! One connection through the proxy.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Duration;

use super::counters::Burst;
use super::errors::Errors;
use super::mode::Direction;
use super::queue::Queue;
use super::{Mode, Shared};

/// What the two directions of a connection share.
struct Link {
    shared: Arc<Shared>,
    mode: Arc<watch::Sender<Mode>>,
    burst: Burst,
    /// A request passed after a mode was set that cuts a reply.
    cuts_next_reply: AtomicBool,
    errors: Errors,
}

/// Why a connection ends though neither end has closed it.
enum Broken {
    /// The mode cuts it here: what was written arrives, then the end of the stream.
    Cut,
    /// By RST, towards both ends.
    Reset,
}

impl From<io::Error> for Broken {
    /// An end that broke breaks the other.
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

/// Serves a connection until both ends have closed it or it is cut.
pub(super) async fn serve(
    mut client: TcpStream,
    shared: Arc<Shared>,
    mode: Arc<watch::Sender<Mode>>,
    mut cut: watch::Receiver<()>,
) {
    let mut server = None;
    let link = Link {
        shared,
        mode,
        burst: Burst::default(),
        cuts_next_reply: AtomicBool::new(false),
        errors: Errors::default(),
    };
    let end = tokio::select! {
        // A cut is a cut, whatever else is ready.
        biased;
        _ = cut.changed() => Err(Broken::Reset),
        end = link.relay(&mut client, &mut server) => end,
    };
    for mut stream in server.into_iter().chain([client]) {
        // Errors mean that the other side is gone already.
        let _ = match end {
            Ok(()) | Err(Broken::Cut) => stream.shutdown().await,
            Err(Broken::Reset) => stream.set_zero_linger(),
        };
    }
    // The cut is done when its receivers are gone, so this one goes last.
    drop(cut);
}

impl Link {
    async fn relay(
        &self,
        client: &mut TcpStream,
        server: &mut Option<TcpStream>,
    ) -> Result<(), Broken> {
        client.set_nodelay(true)?;
        let mut mode = self.mode.subscribe();
        let passes = mode.wait_for(|mode| !mode.swallows(Direction::Requests));
        passes.await.map_err(|_| Broken::Reset)?;
        let server = server.insert(TcpStream::connect(self.shared.target()).await?);
        server.set_nodelay(true)?;
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        tokio::try_join!(
            self.requests(client_reads, server_writes),
            self.replies(server_reads, client_writes),
        )?;
        Ok(())
    }

    fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    async fn requests(
        &self,
        from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Broken> {
        let mut queue = Queue::new(from, self.mode.subscribe(), Direction::Requests);
        loop {
            let count = |bytes: &mut Vec<u8>| {
                if !bytes.is_empty() && !is_probe(bytes) {
                    self.shared.counters.request(bytes.len(), &self.burst);
                }
                Duration::ZERO
            };
            let mut bytes = queue.next(count).await?;
            if bytes.is_empty() {
                return Ok(to.shutdown().await?);
            }
            let mode = self.mode();
            if mode.cut_after().is_some() {
                // Before the request goes, so that its reply cannot come first.
                self.cuts_next_reply.store(true, SeqCst);
            }
            if let Mode::Error(error) = mode {
                bytes = self.errors.replace_requests(bytes, error);
            }
            to.write_all(&bytes).await?;
        }
    }

    async fn replies(
        &self,
        from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Broken> {
        let mut queue = Queue::new(from, self.mode.subscribe(), Direction::Replies);
        let mut left = None;
        let mut passed_of_each = 0;
        loop {
            let count = |bytes: &mut Vec<u8>| {
                self.errors.replace_replies(bytes);
                if !bytes.is_empty() {
                    self.shared.counters.reply(bytes.len());
                    self.burst.end();
                }
                self.mode().delay()
            };
            let mut bytes = queue.next(count).await?;
            if bytes.is_empty() {
                return Ok(to.shutdown().await?);
            }
            if self.cuts_next_reply.swap(false, SeqCst) && left.is_none() {
                left = self.claim_cut();
            }
            let each = match self.mode() {
                Mode::CutEach(most) => Some(most.saturating_sub(passed_of_each)),
                Mode::Garbage => {
                    bytes = b"\x01garbage\xff\r\n".to_vec();
                    None
                }
                _ => None,
            };
            let passing = left.into_iter().chain(each).min();
            let passing = bytes
                .get(..passing.unwrap_or(bytes.len()))
                .unwrap_or(&bytes);
            to.write_all(passing).await?;
            passed_of_each += passing.len();
            if let Some(left) = &mut left {
                *left -= passing.len();
            }
            if left == Some(0) || each.is_some_and(|each| passing.len() == each) {
                return Err(Broken::Cut);
            }
            if each.is_none() {
                passed_of_each = 0;
            }
        }
    }

    /// Takes the cut upon this connection, if no other has, and no other mode was set since.
    fn claim_cut(&self) -> Option<usize> {
        let mut claimed = None;
        self.mode.send_if_modified(|mode| {
            claimed = mode.cut_after();
            if claimed.is_some() {
                *mode = Mode::Pass;
            }
            claimed.is_some()
        });
        claimed
    }
}

/// Whether this is what a backend asks by itself where nothing was received for a second: no part
/// of an operation.
fn is_probe(bytes: &[u8]) -> bool {
    bytes.len() < 64 && bytes.windows(7).any(|window| window == b"'probe'")
}

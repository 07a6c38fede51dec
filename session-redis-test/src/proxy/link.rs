//! One connection through the proxy.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::counters::Burst;
use super::{Shared, replies, requests};

/// How many bytes are read at once: more than a usual burst, which so passes in one piece.
pub(super) const CHUNK: usize = 64 * 1024;

/// What the two directions of a connection know of each other.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) burst: Burst,
    /// A request passed after a mode was set that cuts replies.
    pub(super) cut_next_reply: AtomicBool,
    /// The client will send nothing more.
    pub(super) client_is_done: AtomicBool,
    /// The server will send nothing more.
    pub(super) server_is_done: AtomicBool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What was written arrives, then the end of the stream.
    Close,
    /// RST, towards both ends.
    Reset,
}

impl From<io::Error> for End {
    /// An end that broke breaks the other.
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

/// Serves a connection until one end closes it or it is cut.
pub(super) async fn serve(
    mut client: TcpStream,
    shared: Arc<Shared>,
    mut cut: watch::Receiver<()>,
) {
    let mut server = None;
    let end = tokio::select! {
        // A cut is a cut, whatever else is ready.
        biased;
        _ = cut.changed() => End::Reset,
        end = relay(&mut client, &mut server, &shared) => end,
    };
    for mut stream in server.into_iter().chain([client]) {
        // Errors mean that the other side is gone already.
        let _ = match end {
            End::Close => stream.shutdown().await,
            End::Reset => stream.set_zero_linger(),
        };
    }
    // The cut is done when its receivers are gone, so this one goes last.
    drop(cut);
}

async fn relay(client: &mut TcpStream, server: &mut Option<TcpStream>, shared: &Shared) -> End {
    let link = Link::default();
    if client.set_nodelay(true).is_err() {
        return End::Reset;
    }
    if shared.mode.borrow().swallows_requests() {
        // Nobody is there to talk to, and so there never will be.
        return requests::swallow(client, shared, &link).await;
    }
    let Ok(connected) = TcpStream::connect(shared.target).await else {
        return End::Reset;
    };
    let server = server.insert(connected);
    if server.set_nodelay(true).is_err() {
        return End::Reset;
    }
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    tokio::select! {
        end = requests::pass(client_reads, server_writes, shared, &link) => end,
        end = replies::pass(server_reads, client_writes, shared, &link) => end,
    }
}

//! From the client to the server.

use std::future::pending;
use std::sync::atomic::Ordering::SeqCst;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Shared;
use super::state::{CHUNK, End, Link};

/// Passes requests until the connection is over on the client's account.
pub(super) async fn pass(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    shared: &Shared,
    link: &Link,
) -> End {
    match pump(from, to, shared, link).await {
        // Replies may still be under way; when they have passed, the server closes.
        Ok(Pumped::All) if !link.server_is_done.load(SeqCst) => pending().await,
        Ok(_) => End::Close,
        Err(end) => end,
    }
}

/// Swallows requests until the client closes the connection.
pub(super) async fn swallow(mut from: impl AsyncRead + Unpin, shared: &Shared, link: &Link) -> End {
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return End::Close,
            Ok(bytes) => shared.counters.request(bytes, &link.burst),
            Err(_) => return End::Reset,
        }
    }
}

/// What became of a client's requests, up to the last.
enum Pumped {
    /// The server has them all, and knows that there are no more.
    All,
    /// Some were swallowed, with them the end.
    Swallowed,
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    link: &Link,
) -> Result<Pumped, End> {
    let mut buffer = vec![0; CHUNK];
    let mut swallowed = false;
    loop {
        let length = from.read(&mut buffer).await?;
        let mode = *shared.mode.borrow();
        swallowed |= mode.swallows_requests();
        let request = match buffer.get(..length) {
            None | Some([]) if swallowed => return Ok(Pumped::Swallowed),
            None | Some([]) => {
                link.client_is_done.store(true, SeqCst);
                to.shutdown().await?;
                return Ok(Pumped::All);
            }
            Some(request) => request,
        };
        shared.counters.request(request.len(), &link.burst);
        if swallowed {
            continue;
        }
        if mode.cut_after().is_some() {
            // Before the request goes, so that its reply cannot come first.
            link.cut_next_reply.store(true, SeqCst);
        }
        to.write_all(request).await?;
    }
}

//! One connection through the proxy.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::state::{End, Link};
use super::{Shared, replies, requests};

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

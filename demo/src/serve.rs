//! The server, from its start to its end.

use std::future::Future;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use metrics_exporter_prometheus::BuildError;
use session_store::SessionBackend;
use session_store::web::InvalidCookie;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::app;
use crate::args::Args;
use crate::metrics::Metrics;
use crate::open::{OpenError, chain, open, unused};
use crate::shared::Closing;
use crate::signals::Signals;

/// How long requests under way may take when the process is told to end, unless it is told again.
const GRACE: Duration = Duration::from_secs(10);
/// How often a store that was away at the start is asked whether it is there.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Why the demo ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fatal {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot listen on {0}: {1}; --port chooses another port, 0 takes a free one")]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    Cookie(#[from] InvalidCookie),
    #[error("cannot count: {0}")]
    Metrics(#[from] BuildError),
    #[error("cannot go on serving: {0}")]
    Serve(#[from] io::Error),
}

/// Serves until the process is told to end.
pub(crate) async fn serve_until_told(args: &Args) -> Result<(), Fatal> {
    // Before the backend, which counts.
    let metrics = Metrics::install()?;
    let (backend, about) = open(&args.store)?;
    if let Some(note) = unused(&args.store) {
        eprintln!("demo: {note}");
    }
    let address = SocketAddr::new(args.listen.host, args.listen.port);
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| Fatal::Listen(address, error))?;
    look_for_store(&backend).await;
    let (open, closing) = watch::channel(());
    let app = app(backend, about, metrics, closing.clone())?;
    // Before the announcement: who reads it may end the demo at once.
    let mut signals = Signals::listen()?;
    announce(listener.local_addr()?, args)?;
    let end = async move {
        signals.next().await;
        drop(open);
    };
    serve(listener, app, end, closing).await?;
    Ok(())
}

/// Waits until requests under way have had their time, or the process is told to end once more.
async fn patience() {
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        // From now on: what ended the serving does not count again.
        () = next_signal() => {}
    }
}

async fn next_signal() {
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}

/// One line on standard output, for people and for programs that start the demo.
fn announce(address: SocketAddr, args: &Args) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Listening on http://{address} (backend {}), Ctrl-C ends it",
        args.store.backend
    )?;
    out.flush()
}

/// Says when the store is away, or is none that can be used: the one that is there later may be.
async fn look_for_store(backend: &Arc<dyn SessionBackend>) {
    if let Err(error) = backend.ping().await {
        eprintln!(
            "demo: the session store cannot be reached ({}); until it can, requests are answered with 503",
            chain(&error)
        );
        tokio::spawn(say_when_there(Arc::clone(backend)));
    }
}

async fn say_when_there(backend: Arc<dyn SessionBackend>) {
    loop {
        tokio::time::sleep(ASK_AGAIN).await;
        if backend.ping().await.is_ok() {
            eprintln!("demo: the session store is there");
            return;
        }
    }
}

/// Serves until `end`, which closes, and then for as long as requests are under way and patience
/// lasts.
async fn serve(
    listener: TcpListener,
    app: Router,
    end: impl Future<Output = ()> + Send + 'static,
    mut closing: Closing,
) -> io::Result<()> {
    // Answers are small and written at once: waiting for more to send would only delay them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let server = axum::serve(listener, app).with_graceful_shutdown(end);
    let out_of_patience = async {
        // Nothing is ever sent: the sender is dropped.
        let _ = closing.changed().await;
        patience().await;
    };
    tokio::select! {
        served = server => served,
        () = out_of_patience => {
            eprintln!("demo: ended before all requests had been answered");
            Ok(())
        }
    }
}

//! A TCP proxy that counts round trips and makes the network fail.

mod counters;
mod errors;
mod link;
mod mode;
mod queue;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use counters::Counters;
pub use mode::Mode;

/// A proxy between clients and one server, on a port of the loopback interface.
///
/// It runs on the runtime it was started on, and ends with all its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    generation: Arc<Mutex<Generation>>,
    acceptor: JoinHandle<()>,
}

/// What the proxy and all its connections share.
#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    /// The modes of connections of different ages, the newest last.
    modes: Mutex<Vec<Arc<watch::Sender<Mode>>>>,
    counters: Counters,
}

impl Shared {
    fn target(&self) -> SocketAddr {
        *locked(&self.target)
    }

    /// The mode of new connections.
    fn newest(&self) -> Arc<watch::Sender<Mode>> {
        let modes = locked(&self.modes);
        Arc::clone(modes.last().expect("there is always one"))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that are cut together: a message, or the end of the sender, tells them to end,
/// and each keeps its receiver until it has.
type Generation = watch::Sender<()>;

impl Proxy {
    /// Starts a proxy towards the server at `target`, in [`Mode::Pass`].
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("cannot get a port for a proxy");
        let addr = listener.local_addr().expect("cannot tell the proxy's port");
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            modes: Mutex::new(vec![Arc::new(watch::Sender::new(Mode::Pass))]),
            counters: Counters::default(),
        });
        let generation = Arc::new(Mutex::new(Generation::new(())));
        let acceptor = tokio::spawn(accept(listener, shared.clone(), generation.clone()));
        Self {
            addr,
            shared,
            generation,
            acceptor,
        }
    }

    /// The proxy's address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The proxy's URL, such as `redis://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// Changes what happens to what passes from now on, on old and new connections.
    pub fn set(&self, mode: Mode) {
        for of_some in &*locked(&self.shared.modes) {
            of_some.send_replace(mode);
        }
    }

    /// The same on connections that are opened from now on.
    pub fn set_new(&self, mode: Mode) {
        let of_new = Arc::new(watch::Sender::new(mode));
        locked(&self.shared.modes).push(of_new);
    }

    /// The same on the connections that there are: those opened from now on have the mode that was
    /// in force.
    pub fn set_old(&self, mode: Mode) {
        let before = self.mode();
        self.set(mode);
        self.set_new(before);
    }

    /// The mode of new connections. [`Mode::CutBeforeReply`] and [`Mode::CutAfter`] turn to
    /// [`Mode::Pass`] by themselves when they have struck.
    #[must_use]
    pub fn mode(&self) -> Mode {
        *self.shared.newest().borrow()
    }

    /// Connections that are opened from now on lead to another server, as behind a name that moves.
    pub fn move_to(&self, target: SocketAddr) {
        *locked(&self.shared.target) = target;
    }

    /// Resets all connections (RST towards both ends), and waits until they are gone. New ones
    /// are accepted meanwhile, unless the mode is [`Mode::Refuse`].
    pub async fn cut_all(&self) {
        let old = {
            let mut current = locked(&self.generation);
            std::mem::replace(&mut *current, Generation::new(()))
        };
        old.send_replace(());
        old.closed().await;
    }

    /// How many bursts of requests came since the start or the last [`reset`](Self::reset).
    ///
    /// On each connection, a burst begins with the first bytes from the client after bytes from
    /// the server, or after the start. For a client that waits for its replies, that is the
    /// number of round trips: a pipeline is one burst, and so is everything that several tasks
    /// send over one connection before the next reply.
    #[must_use]
    pub fn bursts(&self) -> u64 {
        self.shared.counters.bursts()
    }

    /// How many bytes came from clients.
    #[must_use]
    pub fn request_bytes(&self) -> u64 {
        self.shared.counters.request_bytes()
    }

    /// How many bytes came from the server, whether or not they reached a client.
    #[must_use]
    pub fn reply_bytes(&self) -> u64 {
        self.shared.counters.reply_bytes()
    }

    /// How many connections clients opened, those included that [`Mode::Refuse`] closed at once.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.counters.connections()
    }

    /// Sets all counters to zero. The next bytes from a client begin a burst.
    pub fn reset(&self) {
        self.shared.counters.reset();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // With the acceptor goes the generation, and with that all connections.
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, generation: Arc<Mutex<Generation>>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // The client was gone before it was let in.
            tokio::task::yield_now().await;
            continue;
        };
        shared.counters.connection();
        let cut = locked(&generation).subscribe();
        let mode = shared.newest();
        let now = *mode.borrow();
        match now {
            Mode::Refuse => drop(client.set_zero_linger()),
            Mode::Close => drop(client),
            _ => drop(tokio::spawn(link::serve(client, shared.clone(), mode, cut))),
        }
    }
}

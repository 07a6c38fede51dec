//! Every route and every refusal, in this process, on a clock that the test moves.

mod events;
mod refusals;
mod session;
mod sessions;
mod store;

use std::sync::Arc;

use serde_json::{Value, json};
use session_store::backends::memory::{ManualClock, MemoryBackend};
use tokio::sync::watch;

use crate::support::{Answer, Server, Visitor};

/// The public id of no session.
const PUBLIC_ID: &str = "AAAAAAAAAAAAAAAA";
/// The id of no session.
const MADE_UP: &str = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";

type Form = &'static [(&'static str, &'static str)];

/// All `POST`s; the first five need a session.
const POSTS: [(&str, Form); 7] = [
    ("/increment", &[]),
    ("/ttl", &[("ttl", "9")]),
    ("/rotate", &[]),
    ("/sessions/revoke", &[("handle", PUBLIC_ID)]),
    ("/logout-everywhere", &[]),
    ("/login", &[("username", "Eve")]),
    ("/logout", &[]),
];

/// The requests that need a session.
fn uses() -> impl Iterator<Item = (&'static str, Form)> {
    let gets = [("/sessions", &[][..]), ("/events", &[])];
    POSTS.into_iter().take(5).chain(gets)
}

struct Here {
    server: Server,
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    open: watch::Sender<()>,
}

fn here() -> Here {
    let clock = Arc::new(ManualClock::new());
    let backend = MemoryBackend::with_clock(Arc::clone(&clock));
    let about = demo::About {
        backend: "memory",
        description: "A test.",
        ids_hashed: false,
    };
    let (open, closing) = watch::channel(());
    let router = demo::app(
        Arc::new(backend.clone()),
        about,
        demo::Metrics::idle(),
        closing,
    )
    .unwrap();
    Here {
        server: Server::Here(router),
        backend,
        clock,
        open,
    }
}

impl Here {
    fn visitor(&self) -> Visitor {
        Visitor::of(&self.server)
    }

    async fn logged_in(&self, name: &str) -> Visitor {
        let visitor = self.visitor();
        visitor.log_in(name, "30").await;
        visitor
    }
}

/// `GET` or `POST`, as this path wants it.
async fn send(visitor: &Visitor, path: &str, form: &[(&str, &str)]) -> Answer {
    match path {
        "/session" | "/session?peek=1" | "/sessions" | "/events" => visitor.get(path).await,
        _ => visitor.post(path, form).await,
    }
}

fn nobody() -> Value {
    json!({"authenticated": false, "session": null})
}

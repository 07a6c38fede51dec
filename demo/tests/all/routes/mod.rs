//! Every route and every refusal.

mod expiry;
mod faults;
mod forgery;
mod ids;
mod pages;
mod refusals;
mod session;
mod sessions;

use std::sync::Arc;

use session_store::backends::memory::{ManualClock, MemoryBackend};

use crate::support::Server;

/// The demo in this process, on a clock that the test moves.
pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) backend: MemoryBackend,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) fn here() -> Here {
    let clock = Arc::new(ManualClock::new());
    let backend = MemoryBackend::with_clock(Arc::clone(&clock));
    let about = demo::About {
        backend: "memory",
        description: "A test.",
        ids_hashed: false,
    };
    let router = demo::app(Arc::new(backend.clone()), about).unwrap();
    Here {
        server: Server::Here(router),
        backend,
        clock,
    }
}

/// Runs scenarios, which are functions of a server, in this process and on the running program with
/// each backend: the same assertions for all.
macro_rules! on_every_backend {
    ($($scenario:ident)*) => {
        mod in_process {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(&crate::routes::here().server).await;
            })*
        }
        mod on_memory {
            $(#[tokio::test]
            async fn $scenario() {
                let demo = crate::support::Demo::on(crate::support::Backend::Memory).await;
                super::$scenario(demo.server()).await;
            })*
        }
        mod on_redis_rs {
            $(#[tokio::test]
            async fn $scenario() {
                let demo = crate::support::Demo::on(crate::support::Backend::RedisRs).await;
                super::$scenario(demo.server()).await;
            })*
        }
        mod on_fred {
            $(#[tokio::test]
            async fn $scenario() {
                let demo = crate::support::Demo::on(crate::support::Backend::Fred).await;
                super::$scenario(demo.server()).await;
            })*
        }
    };
}
pub(crate) use on_every_backend;

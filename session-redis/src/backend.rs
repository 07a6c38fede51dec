//! The backend and its constructors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::connection::Connect;
use crate::endpoint::Endpoint;
use crate::keys::{KeySpace, Topology};
use crate::link::Link;
use crate::operation::{Operation, Servers};
use crate::settings::Settings;

/// Sessions on Redis, over the connections that a client crate makes. Cheap to clone; clones share them.
pub struct RedisBackend<C: Connect>(Arc<Inner<C>>);

struct Inner<C: Connect> {
    servers: Servers<C>,
    keys: KeySpace,
    settings: Settings,
}

impl<C: Connect> RedisBackend<C> {
    /// On one server. Connects when it is first used.
    pub fn standalone(connect: C, endpoint: Endpoint, settings: Settings) -> Self {
        let link = Link::new(Arc::new(connect), endpoint, settings.deadline);
        Self::over(Servers::Standalone(link), Topology::Standalone, settings)
    }

    /// On a Redis Cluster of which these nodes are known; one that replies is enough to find the others.
    /// Connects when it is first used.
    pub fn cluster(connect: C, seeds: Vec<Endpoint>, settings: Settings) -> Self {
        let cluster = Cluster::new(Arc::new(connect), seeds, settings.deadline);
        Self::over(
            Servers::Cluster(Box::new(cluster)),
            Topology::Cluster,
            settings,
        )
    }

    fn over(servers: Servers<C>, topology: Topology, settings: Settings) -> Self {
        let keys = KeySpace::new(settings.key_prefix.clone(), settings.id_storage);
        Self(Arc::new(Inner {
            servers,
            keys: keys.at(topology),
            settings,
        }))
    }

    pub(crate) fn keys(&self) -> &KeySpace {
        &self.0.keys
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// An operation that begins now.
    pub(crate) fn operation(&self) -> Operation<'_, C> {
        Operation {
            keys: &self.0.keys,
            servers: &self.0.servers,
            deadline: deadline(self.0.settings.deadline),
        }
    }
}

/// The end of an operation that begins now and may take so long; a century is as good as for ever.
fn deadline(duration: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + duration.min(CENTURY)
}

impl<C: Connect> Clone for RedisBackend<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Connect> fmt::Debug for RedisBackend<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend")
            .field("keys", &self.0.keys)
            .field("deadline", &self.0.settings.deadline)
            .finish_non_exhaustive()
    }
}

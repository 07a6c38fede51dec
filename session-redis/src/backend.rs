//! The backend and its constructors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{NearCacheStats, QuotaWarnings, Result};
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::connection::Connect;
use crate::endpoint::Endpoint;
use crate::info::Mode;
use crate::keys::{KeySpace, Topology};
use crate::near::NearCacheRefused;
use crate::operation::{Operation, Servers};
use crate::sentinel::Sentinels;
use crate::settings::Settings;
use crate::supervisor::{Supervision, Supervisor};
use crate::url::{InvalidUrl, ServerKind, ServerUrl, refused};

/// Sessions on Redis, over the connections that a client crate makes. Cheap to clone; clones share
/// them.
pub struct RedisBackend<C: Connect>(Arc<Inner<C>>);

struct Inner<C: Connect> {
    servers: Servers<C>,
    keys: KeySpace,
    /// The same, where an index has steps of its own.
    cross_slot_keys: KeySpace,
    settings: Settings,
    quota_warnings: QuotaWarnings,
}

/// Where the index has steps of its own, an entry is kept for ten seconds for a session that is
/// about to be stored: no operation may take as long.
const LONGEST_ACROSS_SLOTS: Duration = Duration::from_secs(8);

impl<C: Connect> RedisBackend<C> {
    /// On one server. Connects when it is first used.
    pub fn standalone(connect: C, endpoint: Endpoint, settings: Settings) -> Self {
        let settings = settings.clamped();
        let how = Supervision::new(connect, Mode::Standalone, &settings);
        let server = Supervisor::new(how, endpoint);
        Self::over(Servers::Standalone(server), settings)
    }

    /// On a Redis Cluster of which these nodes are known; one that replies is enough to find the
    /// others. Connects when it is first used.
    pub fn cluster(connect: C, seeds: Vec<Endpoint>, settings: Settings) -> Self {
        let settings = settings.clamped();
        let how = Supervision::new(connect, Mode::Cluster, &settings);
        let cluster = Cluster::new(how, seeds);
        Self::over(Servers::Cluster(Box::new(cluster)), settings)
    }

    /// On the server, or the cluster, of this URL. Connects when it is first used. `connect` makes
    /// what connects as a URL asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when no backend can be built with
    /// these settings, and when the URL asks for TLS and the client does not offer it: never is it
    /// served without.
    pub fn at(
        connect: impl Fn(&ServerUrl) -> Result<C>,
        url: ServerUrl,
        settings: Settings,
    ) -> Result<Self> {
        if url.is_tls && !C::OFFERS_TLS {
            return Err(refused(InvalidUrl::NoTls));
        }
        let mut settings = settings.checked()?;
        let mut url = url;
        if settings.near_cache.is_some() {
            if !C::DELIVERS_PUSHES {
                return Err(NearCacheRefused::Client.into());
            }
            url.is_resp3 = true;
        }
        settings.client_name = settings.client_name.or_else(|| url.client_name.clone());
        if settings.credentials.is_none() {
            settings.credentials = Some(Arc::new(url.credentials.clone()));
        }
        let own = connect(&url)?;
        // A URL has at least one.
        let endpoint = url.endpoints.first().cloned();
        let endpoint = endpoint.unwrap_or_else(|| Endpoint::tcp("", 0));
        let sentinels = match &url.kind {
            ServerKind::Standalone => return Ok(Self::standalone(own, endpoint, settings)),
            ServerKind::Cluster => return Ok(Self::cluster(own, url.endpoints, settings)),
            ServerKind::Sentinel(access) => Sentinels {
                connect: connect(&url.of_sentinels(access))?,
                service: access.service.clone(),
                credentials: match settings.sentinel_credentials.clone() {
                    Some(provider) => provider,
                    None => Arc::new(access.credentials.clone()),
                },
                endpoints: url.endpoints,
            },
        };
        let settings = settings.clamped();
        let how = Supervision::with_sentinels(own, Some(sentinels), Mode::Standalone, &settings);
        let server = Supervisor::new(how, endpoint);
        Ok(Self::over(Servers::Standalone(server), settings))
    }

    fn over(servers: Servers<C>, settings: Settings) -> Self {
        let keys = KeySpace::new(settings.key_prefix.clone(), settings.id_storage);
        Self(Arc::new(Inner {
            servers,
            cross_slot_keys: keys.clone().at(Topology::Cluster),
            keys,
            settings,
            quota_warnings: QuotaWarnings::default(),
        }))
    }

    /// What became of the reads, if there is a near cache.
    pub fn near_cache_stats(&self) -> Option<NearCacheStats> {
        self.0.servers.near().map(|near| near.stats())
    }

    pub(crate) fn servers(&self) -> &Servers<C> {
        &self.0.servers
    }

    pub(crate) fn keys(&self) -> &KeySpace {
        &self.0.keys
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// An operation that begins now.
    ///
    /// # Errors
    /// There is no server to learn from which steps it allows, or no time.
    pub(crate) async fn operation(&self) -> Result<Operation<'_, C>> {
        self.0.settings.check()?;
        let now = Instant::now();
        let deadline = now + self.0.settings.deadline;
        let has_cross_slot_index = match &self.0.servers {
            Servers::Standalone(server) => server.has_one_slot_scripts(deadline).await?,
            Servers::Cluster(_) => true,
        };
        Ok(Operation {
            keys: match has_cross_slot_index {
                true => &self.0.cross_slot_keys,
                false => &self.0.keys,
            },
            servers: &self.0.servers,
            deadline: match has_cross_slot_index {
                true => deadline.min(now + LONGEST_ACROSS_SLOTS),
                false => deadline,
            },
            quota_warnings: &self.0.quota_warnings,
        })
    }
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
            .field("servers", &self.0.servers)
            .field("deadline", &self.0.settings.deadline)
            .finish_non_exhaustive()
    }
}

//! What a URL and a builder say of connections.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use session_core::{ErrorKind, Result};
use session_redis::AclFeature::{self, Admin, Principals, Sessions};
use session_redis::{Credentials, CredentialsProvider, Endpoint, async_trait::async_trait};

use super::acl::use_all;
use super::{DEADLINE, Subject, assert_refused, create, until_well};
use crate::accounts::set_user;
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, RedisServer, Target};

/// A socket of this machine in the place of a port; a database, and the name of the connections.
pub async fn a_socket_a_database_and_a_name_are_used(connect: Connect) {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("a socket");
    let path = path.to_string_lossy();
    let server = RedisServer::builder().arg("unixsocket", &path);
    let server = server.start().await;
    let path = path.replace(' ', "%20");
    for (database, url) in [
        (3, format!("redis+unix://{path}?db=3&client_name=shop")),
        (4, format!("{}/4?client_name=shop", server.url())),
    ] {
        let subject = Subject::at(connect, url);
        use_all(&*subject.backend).await;
        let keyspace: String = server.ask("INFO keyspace").await;
        assert!(
            keyspace.contains(&format!("db{database}:keys=2")),
            "{keyspace}"
        );
        assert!(!keyspace.contains("db0:"), "{keyspace}");
        let clients: String = server.ask("CLIENT LIST").await;
        assert!(clients.contains("name=shop"), "{clients}");
    }
}

/// Credentials that change, and how often they were asked for.
#[derive(Debug)]
pub(super) struct Changing {
    now: Mutex<Credentials>,
    asked: AtomicU32,
}

impl Changing {
    pub(super) fn new(password: &str) -> Self {
        Self {
            now: Mutex::new(Credentials::new("app", password)),
            asked: AtomicU32::new(0),
        }
    }

    pub(super) fn set(&self, password: &str) {
        *self.now.lock().expect("no panic") = Credentials::new("app", password);
    }
}

#[async_trait]
impl CredentialsProvider for Changing {
    async fn credentials(&self, _: &Endpoint) -> Result<Credentials> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.now.lock().expect("no panic").clone())
    }
}

/// Asked for each connection, of each node. What is wrong is refused by name and tried again.
pub async fn credentials_may_change(connect: Connect) {
    let server = RedisServer::start().await;
    change_credentials(connect, server.url(), &[&server]).await;
    let cluster = Cluster::start(3).await;
    let nodes: Vec<_> = (0..3).map(|n| cluster.node(n)).collect();
    change_credentials(connect, cluster.url(), &nodes).await;
}

async fn change_credentials(connect: Connect, url: String, servers: &[&RedisServer]) {
    let provider = Arc::new(Changing::new("password"));
    let prefix = own_prefix();
    let rights = [Sessions, Principals, Admin, AclFeature::Cluster];
    for server in servers {
        set_user(server, "app", prefix.as_str(), &rights).await;
    }
    let subject = Subject::of(
        connect,
        Target {
            credentials: Some(Arc::clone(&provider) as _),
            deadline: DEADLINE,
            ..Target::patient(url, prefix)
        },
    );
    let backend = &*subject.backend;
    let use_each = async || {
        for _ in 0..12 * servers.len() {
            create(backend).await;
        }
    };
    until_well("the first credentials", || backend.ping()).await;
    use_each().await;
    let expected = u32::try_from(servers.len()).expect("a number");
    assert_eq!(provider.asked.load(Ordering::Relaxed), expected);
    let change = async |password: &str| {
        for server in servers {
            let set = format!("ACL SETUSER app resetpass >{password}");
            server.ask::<()>(&set).await;
            server.ask::<u32>("CLIENT KILL USER app").await;
        }
    };
    change("second").await;
    // The application does not know it yet.
    let refused = async || match backend.ping().await {
        Err(error) if error.kind() == ErrorKind::Denied => Ok(()),
        other => Err(other),
    };
    crate::connect::until("a refusal", DEADLINE * 8, refused).await;
    assert_refused(backend.ping().await, ErrorKind::Denied);
    provider.set("second");
    until_well("the second credentials", || backend.ping()).await;
    crate::connect::until("all nodes", DEADLINE * 8, async || {
        for _ in 0..12 * servers.len() {
            subject.backend.create_session(super::login()).await?;
        }
        Ok::<_, session_core::Error>(())
    })
    .await;
    // Changed in time, nothing is refused.
    provider.set("third");
    change("third").await;
    until_well("the third credentials", || backend.ping()).await;
}

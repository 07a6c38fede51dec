//! The servers of a trial, the ways to them, and what goes wrong there.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::sleep;

use crate::checks::DEADLINE;
use crate::connect::{info_field, until};
use crate::{Cluster, Mode, Proxy, RedisServer, RedisServerBuilder};

/// How long a fault lasts that ends.
const LASTS: Duration = Duration::from_millis(2500);
const LIMIT: Duration = Duration::from_secs(20);
const USER: &str = "user app on >one ~* &* +@all";
/// A data set that takes some seconds to load, slowly.
const FILL: &str = "for n = 1, 20000 do redis.call('SET', 'fill:' .. n, n) end";
/// The node that the fault is about.
const NODE: usize = 1;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server is stopped, and continued.
    Stop,
    /// The server is killed, and restarted.
    Kill,
    /// The same, and there is no proxy: connections are refused by the kernel.
    KillBare,
    /// The server is restarted, and loads its data for a while.
    Load,
    /// The password is another for a while, and the server closes the connections.
    Password,
    /// The server is restarted, and its user comes later.
    LateUser,
    /// The server becomes a replica, and its name leads to the new master; no connection is closed.
    Demote,
    /// The server becomes a replica of nobody, and a master again.
    Replica { serves: bool },
    /// A node is killed, and its replica takes over.
    Failover,
    /// A script takes long, and is killed.
    Busy,
    /// The way does this.
    Way(Mode),
    /// The way does this, from connections that are closed on.
    NewWay(Mode),
    /// The connections that there are swallow everything, for ever. New ones work.
    HalfOpen,
    /// The server is restarted, and new connections swallow everything.
    SwallowConnects,
    /// New connections are cut at ever later bytes.
    CutHandshakes,
}

impl Fault {
    /// Whether the servers have no part in it.
    pub(super) fn is_of_way(self) -> bool {
        matches!(
            self,
            Self::Way(_) | Self::NewWay(_) | Self::HalfOpen | Self::CutHandshakes
        )
    }
}

enum Servers {
    One(RedisServer),
    Cluster(Cluster),
}

/// The servers of a trial.
pub(super) struct Stage {
    servers: Servers,
    /// Where the new master is that the name will lead to.
    successor: Option<RedisServer>,
    /// The ways to the server that the fault is about.
    pub(super) ways: Vec<Proxy>,
    /// To the other nodes.
    _others: Vec<Proxy>,
    /// The URL for each way.
    pub(super) urls: Vec<String>,
    busy: Option<MultiplexedConnection>,
}

fn settings(fault: Fault) -> RedisServerBuilder {
    let settings = RedisServer::builder()
        .arg("busy-reply-threshold", "100")
        .arg("repl-diskless-sync-delay", "0");
    match fault {
        Fault::Kill | Fault::KillBare | Fault::Load | Fault::LateUser | Fault::SwallowConnects => {
            // A process's end loses nothing of what was written, so that no disk need be waited
            // for.
            settings.arg("appendonly", "yes").arg("appendfsync", "no")
        }
        _ => settings,
    }
}

impl Stage {
    /// A server, and a way to it for each of two backends.
    pub(super) async fn one(fault: Fault) -> Self {
        let settings = match fault {
            Fault::LateUser => settings(fault),
            Fault::Load => settings(fault)
                .arg("key-load-delay", "100")
                .config_line(USER),
            _ => settings(fault).config_line(USER),
        };
        let server = settings.clone().start().await;
        match fault {
            Fault::LateUser => provision(&server).await,
            Fault::Load => {
                let mut fill = redis::cmd("EVAL");
                fill.arg(FILL).arg(0);
                let filled = fill.exec_async(&mut server.connection().await).await;
                filled.expect("it is filled");
            }
            _ => {}
        }
        let mut successor = None;
        if fault == Fault::Demote {
            let (ip, port) = (server.addr().ip(), server.port());
            let replica = settings.config_line(format!("replicaof {ip} {port}"));
            let replica = replica.start().await;
            until_info(&replica, "replication", "master_link_status", "up").await;
            successor = Some(replica);
        }
        let ways = vec![
            Proxy::start(server.addr()).await,
            Proxy::start(server.addr()).await,
        ];
        let addresses = ways.iter().map(|way| match fault {
            Fault::KillBare => server.addr(),
            _ => way.addr(),
        });
        let urls = addresses
            .map(|it| format!("redis://app:one@{it}"))
            .collect();
        Self {
            servers: Servers::One(server),
            successor,
            ways,
            _others: Vec::new(),
            urls,
            busy: None,
        }
    }

    /// A cluster, which both backends reach by the same ways. The fault is about one of its nodes.
    pub(super) async fn cluster(fault: Fault) -> Self {
        let (mut cluster, mut proxies) =
            Cluster::start_behind_proxies_with(3, settings(fault)).await;
        if fault == Fault::Failover {
            cluster.add_replica(NODE).await;
        }
        cluster.serve_in_parts().await;
        let nodes: Vec<_> = proxies.iter().map(|it| it.addr().to_string()).collect();
        let url = format!("redis-cluster://{}", nodes.join("&node=")).replacen('&', "?", 1);
        let way = proxies.remove(NODE);
        Self {
            servers: Servers::Cluster(cluster),
            successor: None,
            ways: vec![way],
            _others: proxies,
            urls: vec![url.clone(), url],
            busy: None,
        }
    }

    /// Whether the fault is about the server that holds a slot.
    pub(super) fn is_struck(&self, slot: u16) -> bool {
        match &self.servers {
            Servers::One(_) => true,
            Servers::Cluster(cluster) => cluster.owner(slot) == NODE,
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    /// A connection to the server that the fault is about, beside the ways.
    pub(super) async fn connection(&self) -> MultiplexedConnection {
        self.server().connection().await
    }

    fn server(&self) -> &RedisServer {
        match &self.servers {
            Servers::One(server) => server,
            Servers::Cluster(cluster) => cluster.node(NODE),
        }
    }

    fn server_mut(&mut self) -> &mut RedisServer {
        match &mut self.servers {
            Servers::One(server) => server,
            Servers::Cluster(cluster) => cluster.node_mut(NODE),
        }
    }

    fn ways(&self, change: impl Fn(&Proxy)) {
        self.ways.iter().for_each(change);
    }

    /// The fault begins. Whether it will end by [`end`](Self::end), or lasts for ever.
    pub(super) async fn begin(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Stop => self.server_mut().pause(),
            Fault::Kill | Fault::KillBare | Fault::Load | Fault::Failover => {
                self.server_mut().kill();
            }
            Fault::Password => {
                let server = self.server();
                server.ask::<()>("ACL SETUSER app resetpass >two").await;
                server.ask::<u64>("CLIENT KILL USER app").await;
            }
            Fault::LateUser => self.server_mut().restart().await,
            Fault::Demote => {
                let server = self.server();
                server.ask::<()>("FAILOVER").await;
                until_info(server, "replication", "role", "slave").await;
                if let Some(successor) = &self.successor {
                    self.ways(|way| way.move_to(successor.addr()));
                }
                return false;
            }
            Fault::Replica { serves } => {
                let server = self.server();
                if !serves {
                    let refuse = "CONFIG SET replica-serve-stale-data no";
                    server.ask::<()>(refuse).await;
                }
                server.ask::<()>("REPLICAOF 127.0.0.1 1").await;
            }
            Fault::Busy => {
                let mut connection = self.server().connection().await;
                self.busy = Some(self.server().connection().await);
                tokio::spawn(async move {
                    let mut endless = redis::cmd("EVAL");
                    endless.arg("while true do end").arg(0);
                    endless.exec_async(&mut connection).await
                });
            }
            Fault::Way(mode) => self.ways(|way| way.set(mode)),
            Fault::NewWay(mode) => {
                self.ways(|way| way.set(mode));
                for way in &self.ways {
                    way.cut_all().await;
                }
            }
            Fault::HalfOpen => {
                self.ways(|way| way.set_old(Mode::Swallow));
                return false;
            }
            Fault::SwallowConnects => {
                self.ways(|way| way.set_new(Mode::Swallow));
                self.server_mut().restart().await;
            }
            Fault::CutHandshakes => self.ways(|way| way.set(Mode::CutEach(0))),
        }
        true
    }

    /// The fault lasts.
    pub(super) async fn last(&mut self, fault: Fault) {
        match fault {
            Fault::Load => self.server_mut().restart().await,
            Fault::Failover => {
                if let Servers::Cluster(cluster) = &self.servers {
                    let replica = cluster.nodes().last().expect("a replica");
                    until_info(replica, "replication", "role", "master").await;
                }
            }
            Fault::CutHandshakes => {
                for byte in [0, 1, 9, 40, 150, 400] {
                    self.ways(|way| way.set(Mode::CutEach(byte)));
                    sleep(DEADLINE).await;
                }
            }
            _ => sleep(LASTS).await,
        }
    }

    /// The fault ends, by itself: nobody helps the backends.
    pub(super) async fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Stop => self.server_mut().resume(),
            Fault::Kill | Fault::KillBare => self.server_mut().restart().await,
            Fault::Password => {
                let back = "ACL SETUSER app resetpass >one";
                self.server().ask::<()>(back).await;
            }
            Fault::LateUser => provision(self.server()).await,
            Fault::Replica { .. } => self.server().ask::<()>("REPLICAOF NO ONE").await,
            Fault::Busy => {
                let mut connection = self.busy.take().expect("a connection from before");
                let killed: redis::RedisResult<()> = redis::cmd("SCRIPT")
                    .arg("KILL")
                    .query_async(&mut connection)
                    .await;
                killed.expect("SCRIPT KILL");
            }
            Fault::Load | Fault::Demote | Fault::HalfOpen | Fault::Failover => {}
            Fault::Way(_) | Fault::NewWay(_) | Fault::SwallowConnects | Fault::CutHandshakes => {
                self.ways(|way| way.set(Mode::Pass));
            }
        }
        if let Servers::Cluster(cluster) = &self.servers
            && fault != Fault::Failover
        {
            cluster.wait_until_usable().await;
        }
    }
}

async fn provision(server: &RedisServer) {
    let user = USER.replacen("user", "ACL SETUSER", 1);
    server.ask::<()>(&user).await;
}

async fn until_info(server: &RedisServer, section: &str, name: &str, value: &str) {
    until(name, LIMIT, async || {
        let info: String = server.ask(&format!("INFO {section}")).await;
        let is = info_field(&info, name) == Some(value);
        is.then_some(()).ok_or(info)
    })
    .await;
}

//! The servers of a trial, the way to them, and what goes wrong there.

use std::time::{Duration, Instant};

use session_core::SessionId;
use session_sqlx_test::{Database, Mode, PASSWORD, PostgresServer, Proxy};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::sleep;

use crate::kit::{DEADLINE, PATIENT};

/// How long a fault lasts that ends.
const LASTS: Duration = Duration::from_millis(2000);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server is killed, and restarted.
    Kill,
    /// The server is stopped, and continued.
    Stop,
    /// The server is shut down without a checkpoint, and restarted.
    ShutDown,
    /// The way does this.
    Way(Mode),
    /// The way does this, from connections that are closed on.
    NewWay(Mode),
    /// The connections that there are swallow everything, for ever. New ones work.
    HalfOpen,
    /// New connections are cut at ever later bytes.
    CutHandshakes,
    /// The replica becomes the primary, and the name leads there; the former primary is killed, or
    /// stays as a standby. No connection of the way is cut.
    Failover { stays: bool },
    /// The server's transactions may only read.
    ReadOnly,
    /// Others have all connections that the server grants.
    TooMany,
    /// The password is another for a while, and the server closes the connections.
    Password,
    /// The server ends all connections, again and again.
    Terminate,
    /// The table has another name.
    NoTable,
    /// Another transaction has locked the row.
    RowLocked,
    /// Another transaction has locked the table.
    TableLocked,
}

/// The servers of a trial.
pub(super) struct Stage {
    server: PostgresServer,
    replica: Option<PostgresServer>,
    /// The way to the server.
    pub(super) way: Proxy,
    /// Connections of others.
    others: Vec<PgConnection>,
}

impl Stage {
    pub(super) async fn new(fault: Fault) -> Self {
        let settings = PostgresServer::builder();
        let server = match fault {
            Fault::Password => settings.password_required(),
            Fault::TooMany => settings
                .setting("max_connections", "12")
                .setting("superuser_reserved_connections", "0"),
            _ => settings,
        };
        let server = server.start().await;
        let mut replica = None;
        if let Fault::Failover { .. } = fault {
            replica = Some(PostgresServer::builder().replica_of(&server).start().await);
            // What is acknowledged, the replica has.
            alter(server.admin(), "synchronous_standby_names = '*'").await;
        }
        let way = Proxy::start(server.addr()).await;
        let others = Vec::new();
        Self {
            server,
            replica,
            way,
            others,
        }
    }

    /// Where the sessions are.
    pub(super) fn database(&self) -> &Database {
        self.server.admin()
    }

    /// The fault begins.
    pub(super) async fn begin(&mut self, fault: Fault, struck: &SessionId) {
        let admin = self.server.admin().clone();
        match fault {
            Fault::Kill | Fault::Failover { stays: false } => self.server.kill(),
            Fault::Stop => self.server.pause(),
            Fault::ShutDown => self.server.shut_down_immediately(),
            Fault::Way(mode) => self.way.set(mode),
            Fault::NewWay(mode) => {
                self.way.set(mode);
                self.way.cut_all().await;
            }
            Fault::HalfOpen => self.way.set_old(Mode::Swallow),
            Fault::Terminate => {}
            Fault::CutHandshakes => self.way.set(Mode::CutEach(0)),
            Fault::Failover { stays: true } => {
                let standby = self.server.directory().join("data/standby.signal");
                std::fs::write(standby, "").unwrap();
                self.server.restart().await;
            }
            Fault::ReadOnly => alter(&admin, "default_transaction_read_only = on").await,
            Fault::TooMany => self.take_all().await,
            Fault::Password => {
                admin.execute("ALTER USER postgres PASSWORD 'two'").await;
                let admin = admin.as_user("postgres:two");
                admin.execute(TERMINATE_ALL).await;
            }
            Fault::NoTable => admin.execute("ALTER TABLE sessions RENAME TO away").await,
            Fault::RowLocked | Fault::TableLocked => {
                let mut connection = admin.connect().await;
                let begin = sqlx::raw_sql("BEGIN").execute(&mut connection).await;
                begin.unwrap();
                let lock = match fault {
                    Fault::RowLocked => {
                        let lock = "SELECT id FROM sessions WHERE id = $1 FOR UPDATE";
                        sqlx::query(lock).bind(struck.digest().to_vec())
                    }
                    _ => sqlx::query("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"),
                };
                lock.execute(&mut connection).await.unwrap();
                self.others.push(connection);
            }
        }
    }

    /// The fault lasts.
    pub(super) async fn last(&mut self, fault: Fault) {
        match fault {
            Fault::CutHandshakes => {
                for byte in [1, 9, 40, 150, 400] {
                    self.way.set(Mode::CutEach(byte));
                    sleep(DEADLINE).await;
                }
            }
            Fault::HalfOpen => {}
            Fault::Terminate => {
                let mut connection = self.database().connect().await;
                let began = Instant::now();
                while began.elapsed() < LASTS {
                    let terminate = sqlx::query(TERMINATE_ALL).execute(&mut connection).await;
                    terminate.unwrap();
                    sleep(Duration::from_millis(2)).await;
                }
            }
            _ => sleep(LASTS).await,
        }
    }

    /// The fault ends, by itself: nobody helps the backend.
    pub(super) async fn end(&mut self, fault: Fault) {
        let admin = self.server.admin().clone();
        match fault {
            Fault::Kill | Fault::ShutDown => self.server.restart().await,
            Fault::Stop => self.server.resume(),
            Fault::Way(_) | Fault::NewWay(_) | Fault::CutHandshakes => self.way.set(Mode::Pass),
            Fault::HalfOpen | Fault::Terminate => {}
            Fault::Failover { .. } => {
                let replica = self.replica.as_ref().unwrap();
                replica.promote().await;
                self.way.move_to(replica.addr());
            }
            Fault::ReadOnly => alter(&admin, "default_transaction_read_only = off").await,
            Fault::Password => {
                let admin = admin.as_user("postgres:two");
                let back = format!("ALTER USER postgres PASSWORD '{PASSWORD}'");
                admin.execute(&back).await;
            }
            Fault::NoTable => admin.execute("ALTER TABLE away RENAME TO sessions").await,
            Fault::TooMany | Fault::RowLocked | Fault::TableLocked => self.others.clear(),
        }
    }

    /// Where the sessions are in the end.
    pub(super) fn successor(&self) -> &Database {
        self.replica.as_ref().unwrap_or(&self.server).admin()
    }

    /// Takes all connections that there are, and those that the backend has.
    async fn take_all(&mut self) {
        let options: PgConnectOptions = self.database().url().parse().unwrap();
        let options = options.application_name("others");
        let began = Instant::now();
        loop {
            while let Ok(connection) = options.connect().await {
                self.others.push(connection);
            }
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE backend_type = 'client backend' AND application_name <> 'others'";
            let ended = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut self.others[0]);
            if ended.await.unwrap() == 0 {
                return;
            }
            assert!(
                began.elapsed() < PATIENT,
                "the backend has connections still"
            );
        }
    }
}

const TERMINATE_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

async fn alter(admin: &Database, setting: &str) {
    admin.execute(&format!("ALTER SYSTEM SET {setting}")).await;
    admin.execute("SELECT pg_reload_conf()").await;
}

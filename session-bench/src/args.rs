//! What the command line says.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures sessions beside other libraries, on servers of its own.
///
/// Without options it runs everything, in about twenty minutes, and prints the tables. Only ratios
/// within one run say anything: the cases alternate, window by window.
#[derive(Debug, Parser)]
#[command(name = "session-bench")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Used by the program itself: what runs in a process of its own.
    #[command(subcommand)]
    pub(crate) child: Option<Child>,
}

/// What is measured, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// What to measure; without it everything.
    pub(crate) groups: Vec<Group>,
    /// How many rounds there are; each figure is the median of them.
    #[arg(long, default_value_t = 9)]
    pub(crate) rounds: usize,
    /// How long a case is driven in each round, in milliseconds.
    #[arg(long, default_value_t = 200, value_name = "MS")]
    pub(crate) window: u64,
    /// How long wrk runs for an application in each round, in seconds.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub(crate) http_window: u64,
    /// How many operations are in flight on one connection (groups redis and near).
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,64,256",
        value_name = "N,…"
    )]
    pub(crate) in_flight: Vec<usize>,
    /// How many sessions the groups redis and near have.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) sessions: usize,
    /// How many operations or requests are in flight (groups sql and sql-pages).
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,16,64",
        value_name = "N,…"
    )]
    pub(crate) sql_in_flight: Vec<usize>,
    /// How many sessions the group sql has.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    pub(crate) sql_sessions: usize,
    /// The numbers of sessions that the group memory has.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,100000,1000000",
        value_name = "N,…"
    )]
    pub(crate) memory_sizes: Vec<usize>,
    /// The numbers of sessions that the group growth has.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,10000,100000,1000000",
        value_name = "N,…"
    )]
    pub(crate) growth_sizes: Vec<usize>,
    /// Ten million sessions in the group growth as well: 5 GB.
    #[arg(long)]
    pub(crate) largest: bool,
    /// Only cases whose names contain one of these.
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Vec<String>,
    /// Everything once and as short as can be: shows that it works, measures nothing.
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Write what was found to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Take what was found from this file, in place of measuring.
    #[arg(long, value_name = "FILE", conflicts_with = "groups")]
    pub(crate) from: Option<PathBuf>,
    /// Write the tables and charts into the documentation, and the medians into
    /// docs/performance.json.
    #[arg(long)]
    pub(crate) docs: bool,
}

/// A part of what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// All of them.
    All,
    /// Operations on Redis.
    Redis,
    /// Reads that the near cache serves.
    Near,
    /// Web applications under load; needs wrk.
    Http,
    /// Operations on PostgreSQL and SQLite.
    Sql,
    /// Web applications with sessions in these, under load; needs wrk.
    SqlPages,
    /// Sessions in memory.
    Memory,
    /// More sessions, more connections, a Cluster; bytes per session.
    Growth,
    /// Instructions per operation; needs valgrind.
    Counts,
}

/// What runs in a process of its own.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Child {
    /// A web application.
    #[command(hide = true)]
    App {
        #[arg(value_enum)]
        app: crate::http::App,
        /// The server's URL.
        redis: String,
    },
    /// A web application with sessions in a database.
    #[command(hide = true)]
    SqlApp {
        #[arg(value_enum)]
        app: crate::sql::pages::App,
        /// The database's URL.
        url: String,
    },
    /// So many operations, for callgrind to count.
    #[command(hide = true)]
    Count {
        case: String,
        ops: usize,
        /// The server's URL.
        redis: String,
    },
    /// So many sessions in memory; prints the bytes of each.
    #[command(hide = true)]
    Footprint {
        #[arg(value_enum)]
        store: crate::memory::Store,
        sessions: usize,
    },
}

impl Options {
    /// Whether a group is measured.
    pub(crate) fn includes(&self, group: Group) -> bool {
        self.groups.is_empty() || self.groups.contains(&group) || self.groups.contains(&Group::All)
    }

    /// Whether a case is measured.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| case.contains(text))
    }

    /// As they are meant: `--smoke` and `--largest` stand for others.
    pub(crate) fn complete(mut self) -> Self {
        if self.smoke {
            (self.rounds, self.window, self.http_window) = (1, 10, 1);
            (self.sessions, self.in_flight) = (100, vec![2]);
            (self.sql_sessions, self.sql_in_flight) = (20, vec![2]);
            (self.memory_sizes, self.growth_sizes) = (vec![1_000], vec![1_000]);
        }
        if self.largest {
            self.growth_sizes.push(10_000_000);
        }
        self
    }
}

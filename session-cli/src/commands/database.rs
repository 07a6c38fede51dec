//! What only databases need: the end of expired rows, the SQL of the table, and how they are.

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use serde_json::json;
use session_store::admin::Latency;
use session_store::{ErrorKind, SessionBackend, SessionId};

use super::Job;
use super::findings::{Finding, Level, millis, of_clock, of_latency};
use crate::database::{Database, Facts};
use crate::failure::{Failure, chain};
use crate::run::Ended;
use crate::text::counted;

const NOT_SQL: &str = "the URL names Redis, which deletes what has expired by itself and has no \
    table: this is for SQLite and PostgreSQL";

/// How many reads are timed.
const READS: usize = 50;
/// A row that has expired waits no longer where somebody purges.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

#[derive(Serialize)]
struct Purge {
    rows: u64,
    batches: u64,
    longest_ms: f64,
}

impl<W: Write> Job<'_, W> {
    fn database(&self) -> Result<&Database, Failure> {
        let database = self.place.database.as_ref();
        database.ok_or_else(|| Failure::usage(NOT_SQL))
    }

    /// Deletes the rows that have expired, and says how many there were.
    pub(crate) async fn purge(&mut self) -> Result<Ended, Failure> {
        let purged = self.database()?.purge().await?;
        let (rows, longest) = (counted(purged.rows, "expired row"), millis(purged.longest));
        let batches = match purged.batches {
            1 => "1 batch".to_owned(),
            batches => format!("{batches} batches"),
        };
        let text = format!("deleted {rows} in {batches}; the longest took {longest}");
        let purge = Purge {
            rows: purged.rows,
            batches: purged.batches,
            longest_ms: purged.longest.as_secs_f64() * 1000.0,
        };
        self.line(&purge, &text)?;
        Ok(Ended::Done)
    }

    /// Writes the SQL that makes the table.
    pub(crate) fn schema(&mut self) -> Result<Ended, Failure> {
        let sql = self.database()?.schema()?;
        self.line(&json!({ "sql": sql }), sql.trim_end())?;
        Ok(Ended::Done)
    }

    /// What is found of a database.
    pub(super) async fn of_database(
        &mut self,
        database: &Database,
        levels: &mut Vec<Level>,
    ) -> Result<(), Failure> {
        let (backend, _) = self.place.open()?;
        if let Err(error) = backend.ping().await {
            let (check, advice) = match error.kind() {
                ErrorKind::Denied => (
                    "rights",
                    "check the account and its password; it needs SELECT, INSERT, UPDATE and DELETE \
                     on the table, and SELECT on the one beside it that ends in _migrations",
                ),
                ErrorKind::Config => (
                    "table",
                    "do what it says; `sessions schema` prints the SQL, --table names another",
                ),
                _ => (
                    "contact",
                    "check the URL, that the database runs, and the network between",
                ),
            };
            let finding = Finding::problem(check, None, chain(&error), advice);
            return self.finding(levels, finding);
        }
        let reached = "the database was reached, and the account may read and write sessions";
        self.finding(levels, Finding::ok("contact", None, reached))?;
        match database.facts().await {
            Some(facts) => {
                for finding in of_facts(&facts, &database.table) {
                    self.finding(levels, finding)?;
                }
            }
            None => {
                let advice = "--deadline gives the count more time";
                self.finding(levels, Finding::warning("rows", None, "unknown", advice))?;
            }
        }
        if let Some(latency) = read_latency(&*backend).await {
            self.finding(levels, of_latency("read", None, Some(latency)))?;
        }
        Ok(())
    }
}

/// How long it takes to find that there is no such session.
async fn read_latency(backend: &dyn SessionBackend) -> Option<Latency> {
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        let id = SessionId::random().ok()?;
        let start = Instant::now();
        backend.peek_session(&id).await.ok()?;
        times.push(start.elapsed());
    }
    Latency::of(times)
}

fn of_facts(facts: &Facts, table: &str) -> Vec<Finding> {
    let version = format!("{} {}", facts.product, facts.version);
    let schema = facts.schema.unwrap_or_default();
    let schema = format!("{table}, version {schema} of its schema");
    let mut findings = vec![
        Finding::ok("server", None, version),
        Finding::ok("table", None, schema),
        of_rows(facts),
    ];
    let here = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let here = i64::try_from(here.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let ahead = facts.now.map(|now| now.saturating_sub(here));
    findings.extend(ahead.map(|ahead| of_clock(None, Some(ahead))));
    findings
}

fn of_rows(facts: &Facts) -> Finding {
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let rows = counted(number(facts.rows), "row");
    let expired = number(facts.expired);
    if expired == 0 {
        return Finding::ok("rows", None, format!("{rows}, none of which has expired"));
    }
    let wait = Duration::from_millis(number(facts.longest_wait.unwrap_or_default()));
    let shown = humantime::format_duration(Duration::from_secs(wait.as_secs()));
    let found = format!("{rows}, {expired} of which have expired, the first {shown} ago");
    match wait > LONGEST_WAIT {
        true => Finding::warning(
            "rows",
            None,
            found,
            "nobody purges: let an application do it, or run `sessions purge` from time to time",
        ),
        false => Finding::ok("rows", None, found),
    }
}

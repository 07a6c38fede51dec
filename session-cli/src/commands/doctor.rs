//! Whether the servers are what sessions need.

use std::io::Write;

use console::style;
use session_store::admin::ServerInspector;
use session_store::{Error, ErrorKind};

use super::Job;
use super::findings::{Finding, Level, of_server};
use crate::args::DoctorArgs;
use crate::elsewhere::{finds, of_other_forms, of_other_prefixes};
use crate::failure::{Failure, chain};
use crate::run::Ended;

/// How many keys are looked at for prefixes: some milliseconds of the server's time.
const MOST_KEYS: u64 = 20_000;

impl<W: Write> Job<'_, W> {
    /// Writes each finding as it is found.
    pub(crate) async fn doctor(&mut self, args: &DoctorArgs) -> Result<Ended, Failure> {
        let mut findings = Vec::new();
        if let Some(database) = &self.place.database {
            self.of_database(database, &mut findings).await?;
        } else {
            self.of_redis(&mut findings).await?;
        }
        Ok(match findings.into_iter().max() {
            Some(Level::Problem) => Ended::Problems,
            Some(Level::Warning) if args.strict => Ended::NotFound,
            _ => Ended::Done,
        })
    }

    async fn of_redis(&mut self, findings: &mut Vec<Level>) -> Result<(), Failure> {
        let inspector = self.place.inspector()?;
        let mut reached = Vec::new();
        match inspector.server_reports().await {
            Err(error) => self.finding(findings, no_contact(None, &error))?,
            Ok(servers) => {
                let count = servers.len();
                for (endpoint, facts) in servers {
                    match facts {
                        Ok(facts) => reached.push(facts),
                        Err(error) => {
                            let finding = no_contact(Some(endpoint.to_string()), &error);
                            self.finding(findings, finding)?;
                        }
                    }
                }
                if reached.len() == count {
                    let text = "the servers were reached, and run the scripts";
                    self.finding(findings, Finding::ok("contact", None, text))?;
                }
            }
        }
        let prefix = &self.place.prefix;
        for finding in reached.iter().flat_map(|facts| of_server(facts, prefix)) {
            self.finding(findings, finding)?;
        }
        if !findings.contains(&Level::Problem) {
            for finding in self.of_store(&*inspector).await? {
                self.finding(findings, finding)?;
            }
        }
        Ok(())
    }

    pub(super) fn finding(
        &mut self,
        levels: &mut Vec<Level>,
        finding: Finding,
    ) -> Result<(), Failure> {
        levels.push(finding.level);
        let level = match finding.level {
            Level::Ok => style("ok     ").green(),
            Level::Warning => style("warning").yellow(),
            Level::Problem => style("problem").red(),
        };
        self.line(&finding, &format!("{level}  {}", finding.text()))?;
        Ok(self.out.flush()?)
    }

    /// What is stored, and whether this place finds it.
    async fn of_store(&self, inspector: &dyn ServerInspector) -> Result<Vec<Finding>, Failure> {
        let seen = match inspector.keys_seen(MOST_KEYS).await {
            Ok(seen) => seen,
            Err(error) => return Ok(vec![no_contact(None, &error)]),
        };
        let own = seen.prefixes.iter();
        let own: u64 = own
            .filter(|it| it.prefix == self.place.prefix && finds(self.place.storage, it))
            .map(|it| it.keys)
            .sum();
        let among = match seen.is_whole {
            true => "all",
            false => "the first",
        };
        let found = format!(
            "{own} of {among} {} hashes are sessions' under the prefix {}",
            seen.hashes, self.place.prefix
        );
        let mut findings = vec![Finding::ok("keys", None, found)];
        let of_other_forms = of_other_forms(&seen, self.place);
        let is_lost = own == 0 && of_other_forms.is_empty();
        findings.extend(
            of_other_forms.into_iter().map(|hint| {
                Finding::warning("keys", None, "not all sessions are found here", hint)
            }),
        );
        findings.extend(
            of_other_prefixes(&seen, self.place).map(|hint| match is_lost {
                true => Finding::warning("keys", None, "no sessions are found here", hint),
                false => Finding::ok("other keys", None, hint),
            }),
        );
        Ok(findings)
    }
}

fn no_contact(server: Option<String>, error: &Error) -> Finding {
    let advice = match error.kind() {
        ErrorKind::Denied => "check the account and its password, and what it may do",
        ErrorKind::Config => "do what it says",
        _ => "check the URL, that the server runs, and the network between",
    };
    Finding::problem("contact", server, chain(error), advice)
}

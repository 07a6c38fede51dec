//! What an increment of ours sends, for a handler that sends the same without us.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use session_core::{FieldName, NewSession, SessionBackend as _};
use session_redis_rs::RedisRsBackend;
use session_redis_test::{Monitor, RedisServer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::drive::Outcome;
use crate::ours::PAGE_VIEWS;
use crate::redis::key_of;

/// The words of a command. Taken from the server's `MONITOR` while ours ran, so that it is the same
/// script with the same arguments whatever these are in this version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Template(Vec<Word>);

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Word {
    Same(String),
    Key,
    Now,
}

impl Template {
    /// The environment variable that it is given in to the applications.
    pub(crate) const VARIABLE: &str = "SESSION_BENCH_TEMPLATE";

    /// What one increment sends to a server that knows the script.
    pub(crate) async fn of_an_increment(server: &RedisServer) -> Outcome<Self> {
        let backend = Arc::new(RedisRsBackend::builder(server.url()).connect().await?);
        let id = backend.create_session(NewSession::default()).await?.id;
        let views = FieldName::new(PAGE_VIEWS)?;
        backend.increment_field(&id, views.clone(), 1).await?;
        let mut monitor = Monitor::start(server).await;
        backend.increment_field(&id, views, 1).await?;
        let commands = monitor.take().await;
        let mut sent = commands.iter().filter(|it| !it.is_from_script());
        let sent = sent.find(|it| it.name() == "EVALSHA");
        let sent =
            sent.ok_or("an increment sends no EVALSHA: the raw handler needs another way")?;
        let key = key_of(id.expose());
        let words = sent.args.iter().map(|word| {
            let word = String::from_utf8(word.clone())?;
            Ok(match word {
                _ if word == key => Word::Key,
                _ if word.len() == 25 && word.ends_with("+00:00") => Word::Now,
                _ => Word::Same(word),
            })
        });
        Ok(Self(words.collect::<Outcome<_>>()?))
    }

    pub(crate) fn from_environment() -> Outcome<Self> {
        Ok(serde_json::from_str(&std::env::var(Self::VARIABLE)?)?)
    }

    /// The words for this key, now.
    pub(crate) fn words(&self, key: &str) -> Outcome<Vec<String>> {
        let words = self.0.iter().map(|word| {
            Ok(match word {
                Word::Same(text) => text.clone(),
                Word::Key => key.to_owned(),
                Word::Now => OffsetDateTime::now_utc()
                    .replace_nanosecond(0)?
                    .format(&Rfc3339)?,
            })
        });
        words.collect()
    }
}

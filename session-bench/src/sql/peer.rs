//! tower-sessions' store, called as its middleware calls it for a request.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

use crate::drive::{Op, Outcome};
use crate::ours::{USERNAME, pick};
use crate::redis::peers::FIELDS;

const TTL: Duration = Duration::seconds(1800);

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PeerVerb {
    Load,
    LoadSave,
    LoadChangeSave,
    Create,
    CreateDelete,
}

/// An operation of a store on one of many sessions.
#[derive(Clone)]
pub(crate) struct Peer<S> {
    store: S,
    ids: Arc<Vec<Id>>,
    verb: PeerVerb,
}

impl<S: SessionStore + Clone> Peer<S> {
    /// Creates so many sessions.
    pub(crate) async fn new(store: S, sessions: usize) -> Outcome<Self> {
        let mut ids = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            let mut record = record();
            store.create(&mut record).await?;
            ids.push(record.id);
        }
        Ok(Self {
            store,
            ids: Arc::new(ids),
            verb: PeerVerb::Load,
        })
    }

    pub(crate) fn doing(&self, verb: PeerVerb) -> Self {
        Self {
            verb,
            ..self.clone()
        }
    }
}

fn record() -> Record {
    let fields = FIELDS.map(|(name, value)| (name.to_owned(), value.into()));
    Record {
        id: Id::default(),
        data: fields.into(),
        expiry_date: OffsetDateTime::now_utc() + TTL,
    }
}

impl<S: SessionStore + Clone> Op for Peer<S> {
    async fn run(&self, n: usize) -> Outcome {
        if matches!(self.verb, PeerVerb::Create | PeerVerb::CreateDelete) {
            let mut record = record();
            self.store.create(&mut record).await?;
            if self.verb == PeerVerb::CreateDelete {
                self.store.delete(&record.id).await?;
            }
            return Ok(());
        }
        let loaded = self.store.load(pick(&self.ids, n)?).await?;
        let mut record = loaded.ok_or("no session")?;
        if self.verb == PeerVerb::LoadChangeSave {
            record.data.insert(USERNAME.to_owned(), "andrew".into());
        }
        if self.verb != PeerVerb::Load {
            record.expiry_date = OffsetDateTime::now_utc() + TTL;
            self.store.save(&record).await?;
        }
        Ok(())
    }
}

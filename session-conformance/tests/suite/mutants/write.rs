//! Deltas, counters, limits, and what holds for every operation.

use std::collections::VecDeque;
use std::sync::Mutex;

use session_core::steps::{
    ReadOutcome, ReadRequest, Refusal, RemoveOutcome, RemoveRequest, RenameOutcome, RenameRequest,
    Write, WriteOutcome, WriteRequest,
};
use session_core::{
    Delta, Effect, Error, ErrorKind, Expectation, FieldChange, FieldName, KeepWhen, Limits, Result,
    SessionId, SessionPolicy, StoredSession, Touch,
};

use super::mutants;
use crate::flawed::{Memory, RawFields};

/// The fields that a delta increments.
fn counters(delta: &Delta) -> impl Iterator<Item = (&FieldName, i64)> {
    delta.changes().filter_map(|(name, change)| match change {
        FieldChange::Increment(by) => Some((name, *by)),
        _ => None,
    })
}

/// A delta of one change.
fn single(name: &FieldName, change: &FieldChange) -> Delta {
    let (delta, name) = (Delta::new(), name.clone());
    match change {
        FieldChange::Set(value) => delta.set(name, value.clone()),
        FieldChange::Increment(by) => delta.increment(name, *by),
        FieldChange::Remove => delta.remove(name),
    }
}

/// The delta, expecting what there is.
fn expecting_what_is(delta: &Delta, session: &StoredSession) -> Delta {
    let names: Vec<_> = delta.expectations().map(|(name, _)| name.clone()).collect();
    names.into_iter().fold(delta.clone(), |delta, name| {
        match session.fields().get(name.as_str()) {
            Some(value) => delta.expect_value(name, value.clone()),
            None => delta.expect_absent(name),
        }
    })
}

fn hold(delta: &Delta, session: &StoredSession) -> bool {
    let fields = session.fields();
    delta.expectations().all(|(name, expected)| match expected {
        Expectation::Equals(value) => fields.get(name.as_str()) == Some(value),
        Expectation::Absent => !fields.contains(name.as_str()),
    })
}

/// Leaves a timestamp where there is nothing.
async fn haunt(m: &Memory, id: &SessionId) {
    if m.key(id).await.is_none() {
        let stamp = (
            b"last_accessed_at".to_vec(),
            b"2026-04-02T12:34:56+00:00".to_vec(),
        );
        m.put(id, RawFields::from([stamp]), None).await;
    }
}

/// Sets what a write sets, and the timestamp, whatever else is in it.
async fn apply(m: &Memory, id: &SessionId, write: &Write) {
    m.edit(id, |fields| {
        for (name, change) in write.delta.changes() {
            let value = match change {
                FieldChange::Set(value) => value.as_bytes().to_vec(),
                FieldChange::Increment(by) => by.to_string().into_bytes(),
                FieldChange::Remove => continue,
            };
            fields.insert(name.as_str().as_bytes().to_vec(), value);
        }
        let stamp = write.now.to_string().into_bytes();
        fields.insert(b"last_accessed_at".to_vec(), stamp);
    })
    .await;
}

mutants! {
    /// The fields are written one after the other.
    ["WRT-2" "OPS-2"] WritesFieldByField {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let delta = request.write.delta.clone();
            let is_set = |(_, change): &(_, &FieldChange)| matches!(change, FieldChange::Set(_));
            for (name, change) in delta.changes().filter(is_set) {
                let mut part = request.clone();
                part.write.delta = single(name, change).touch(Touch::Never);
                m.write(&part).await?;
                tokio::task::yield_now().await;
            }
            m.write(&request).await
        }
    }

    /// The record is read first.
    ["TCH-1" "WRT-3"] ReturnsTheSessionBefore {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let mut peek = request.clone();
            peek.touch = Touch::Never;
            let before = m.read(&peek).await;
            m.read(&request).await?;
            before
        }

        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            let before = m.peek_session(&id).await?;
            let mut outcome = m.write(&request).await?;
            if let WriteOutcome::Written(written) = &mut outcome {
                written.record = written.record.take().and(before);
            }
            Ok(outcome)
        }
    }

    /// It looks for the session, and HSET creates it again if it has ended by then: a ghost.
    ["DEL-3"] LeavesAGhost {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            if !m.is_live(&id).await {
                return Ok(WriteOutcome::NotFound);
            }
            tokio::task::yield_now().await;
            let outcome = m.write(&request).await?;
            if outcome == WriteOutcome::NotFound {
                haunt(m, &id).await;
            }
            Ok(outcome)
        }
    }

    /// The counters come first.
    ["WRT-6"] CountsBeforeItRemoves {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            let delta = request.write.delta.clone();
            if let Some(kept) = delta.kept().cloned() {
                let counted = counters(&request.write.delta).map(|(name, _)| name.clone());
                let names = kept.names.into_iter().chain(counted);
                request.write.delta = match kept.when {
                    KeepWhen::Always => delta.keep_only(names),
                    KeepWhen::IfPrincipalChanges => delta.keep_only_if_principal_changes(names),
                };
            }
            m.write(&request).await
        }
    }

    /// Every log-in removes, the first one too.
    ["WRT-7"] RemovesAtEveryLogIn {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            let delta = request.write.delta.clone();
            if let (Some(kept), Some(_)) = (delta.kept().cloned(), delta.principal()) {
                request.write.delta = delta.keep_only(kept.names);
            }
            m.write(&request).await
        }
    }

    /// A fresh log-in removes what it may, and the session goes on.
    ["PRN-19"] GoesOnAfterAFreshLogIn {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            if let Some(mut log_in) = request.write.delta.log_in().filter(|it| it.fresh).cloned() {
                log_in.fresh = false;
                request.write.delta = request.write.delta.clone().bind(log_in).keep_only([]);
            }
            m.write(&request).await
        }
    }

    /// A fresh log-in is fresh only over another's session, or over a visitor's.
    ["PRN-19"] KeepsThePrincipalsOwn {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            let before = m.peek_session(&id).await?.and_then(|it| it.principal());
            let delta = &request.write.delta;
            if let Some(mut log_in) = delta.log_in().filter(|it| it.fresh).cloned()
                && before.as_ref() == Some(&log_in.principal)
            {
                log_in.fresh = false;
                request.write.delta = delta.clone().bind(log_in);
            }
            m.write(&request).await
        }
    }

    /// It looks, and then writes.
    ["WRT-8"] ChecksBeforeTheStep {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            if m.session(&id).await.is_some_and(|it| hold(&request.write.delta, &it)) {
                tokio::task::yield_now().await;
                if let Some(session) = m.session(&id).await {
                    request.write.delta = expecting_what_is(&request.write.delta, &session);
                }
            }
            m.write(&request).await
        }
    }

    /// The counters are checked before the expectations.
    ["WRT-8"] ChecksCountersFirst {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await?;
            let id = m.id(&request.target).await;
            if let (WriteOutcome::Refused(Refusal::Conflict), Some(session)) =
                (&outcome, m.session(&id).await)
            {
                let before = m.key(&id).await;
                let mut counting = request;
                counting.write.delta = expecting_what_is(&counting.write.delta, &session);
                let counted = m.write(&counting).await?;
                m.put_back(&id, before).await;
                if counted == WriteOutcome::Refused(Refusal::NotAnInteger) {
                    return Ok(counted);
                }
            }
            Ok(outcome)
        }
    }

    /// Nothing to add, nothing to store.
    ["INC-1"] SkipsZeros {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await?;
            m.edit(&m.id(&request.target).await, |fields| {
                for (name, by) in counters(&request.write.delta) {
                    let name = name.as_str().as_bytes();
                    if by == 0 && fields.get(name).is_some_and(|value| value == b"0") {
                        fields.remove(name);
                    }
                }
            }).await;
            Ok(outcome)
        }
    }

    /// Numbers are a script's: an empty text is 0, a sum is a double, what does not fit is none.
    ["INC-2" "INC-3" "INC-6"] CountsAsAScript {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "the flaw"
        )]
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            m.edit(&m.id(&request.target).await, |fields| {
                for (name, _) in counters(&request.write.delta) {
                    let value = fields.get_mut(name.as_str().as_bytes());
                    if let Some(value) = value.filter(|value| value.is_empty()) {
                        *value = b"0".to_vec();
                    }
                }
            }).await;
            let mut outcome = m.write(&request).await?;
            match &mut outcome {
                WriteOutcome::Written(written) => {
                    for (_, value) in &mut written.counters {
                        *value = *value as f64 as i64;
                    }
                }
                WriteOutcome::Refused(Refusal::Overflow) => {
                    outcome = WriteOutcome::Refused(Refusal::NotAnInteger);
                }
                _ => {}
            }
            Ok(outcome)
        }
    }

    /// What is refused has set its fields and the timestamp already, where the session was.
    ["INC-4" "LIM-2" "LIM-3" "PRN-10" "TCH-10" "WRT-8" "ROT-5"] WritesBeforeItRefuses {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await?;
            if let WriteOutcome::Refused(_) = outcome {
                apply(m, &m.id(&request.target).await, &request.write).await;
            }
            Ok(outcome)
        }

        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await?;
            if let RenameOutcome::Refused(_) = outcome {
                apply(m, &request.from, &request.write).await;
            }
            Ok(outcome)
        }
    }

    /// The one policy of all applications has the default limits.
    ["LIM-1" "LIM-2" "LIM-3"] HasLimitsOfItsOwn {
        fn policy(&self, policy: SessionPolicy) -> SessionPolicy {
            policy.with_limits(Limits::default().with_value_bytes(usize::MAX))
        }
    }

    /// Look first, delete then: two may have seen the session.
    ["DEL-2"] LooksBeforeItDeletes {
        async fn remove(&self, m: &Memory, request: RemoveRequest) -> Result<RemoveOutcome> {
            let id = m.id(&request.target).await;
            if !m.is_live(&id).await {
                return Ok(RemoveOutcome::NotFound);
            }
            tokio::task::yield_now().await;
            m.remove(&request).await?;
            Ok(RemoveOutcome::Removed)
        }
    }

    /// A read that found the session sets its timestamp then: a ghost of what has ended.
    ["DEL-3"] ReadsLeaveAGhost {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let outcome = m.read(&request).await?;
            tokio::task::yield_now().await;
            if matches!(outcome, ReadOutcome::Found(_)) && request.touch != Touch::Never {
                haunt(m, &m.id(&request.target).await).await;
            }
            Ok(outcome)
        }
    }

    /// A ping needs a right that the application's account does not have.
    ["OPS-1"] DoesNotReply {
        async fn ping(&self, _: &Memory) -> Result<()> {
            Err(Error::new(ErrorKind::Denied, Effect::NotApplied))
        }
    }

    /// Replies are told apart by their order only, and one that nobody waits for stays in line.
    ["OPS-2"] MixesUpReplies(Mutex<VecDeque<ReadOutcome>>) {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let reply = m.read(&request).await?;
            self.0.lock().unwrap().push_back(reply);
            tokio::task::yield_now().await;
            Ok(self.0.lock().unwrap().pop_front().unwrap())
        }
    }

    /// Its errors quote what was wrong.
    ["OPS-3"] QuotesValues {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await?;
            if let WriteOutcome::Refused(Refusal::NotAnInteger) = outcome {
                let key = m.key(&m.id(&request.target).await).await.unwrap();
                let values = key.fields().iter().map(|(_, value)| String::from_utf8_lossy(value));
                let source = format!("no integer in {:?}", values.collect::<Vec<_>>());
                let error = Error::new(ErrorKind::NotAnInteger, Effect::NotApplied);
                return Err(error.with_source(source));
            }
            Ok(outcome)
        }
    }
}

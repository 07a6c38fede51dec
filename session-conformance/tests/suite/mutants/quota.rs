//! How many sessions a principal may have.

use session_core::steps::{
    InsertOutcome, InsertRequest, Refusal, RenameOutcome, RenameRequest, WriteOutcome, WriteRequest,
};
use session_core::{ListedSession, OnExcess, Principal, PrincipalLimit, Result, SessionPolicy};

use super::mutants;
use crate::flawed::Memory;

/// The sessions of a principal that has as many as it may have, or more.
async fn full(
    m: &Memory,
    principal: Option<&Principal>,
    limit: Option<PrincipalLimit>,
    on_excess: OnExcess,
) -> Vec<ListedSession> {
    let (Some(principal), Some(limit)) = (principal, limit) else {
        return Vec::new();
    };
    let mut list = m.list_sessions(principal).await.unwrap();
    let max = usize::from(limit.max.get());
    if limit.on_excess != on_excess || list.len() < max {
        list.clear();
    }
    list
}

/// Makes room for one more session of a principal.
async fn evict(m: &Memory, principal: Option<Principal>, limit: Option<PrincipalLimit>) {
    let full = full(m, principal.as_ref(), limit, OnExcess::EvictOldest).await;
    if let (Some(principal), Some(nearest)) = (principal, full.first()) {
        m.revoke_session(&principal, &nearest.public_id)
            .await
            .unwrap();
    }
}

mutants! {
    /// The session itself takes a second place.
    ["PRN-10"] CountsItselfTwice {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let limit = request.write.principal_limit;
            let principal = request.write.delta.principal();
            if !full(m, principal, limit, OnExcess::Refuse).await.is_empty() {
                return Ok(WriteOutcome::Refused(Refusal::TooManySessions));
            }
            m.write(&request).await
        }
    }

    /// Look first, bind then: together they are too many.
    ["PRN-10"] CountsOutsideTheStep {
        async fn insert(&self, m: &Memory, mut request: InsertRequest) -> Result<InsertOutcome> {
            let (principal, limit) = (request.session.principal(), request.principal_limit.take());
            if !full(m, principal.as_ref(), limit, OnExcess::Refuse).await.is_empty() {
                return Ok(InsertOutcome::Refused(Refusal::TooManySessions));
            }
            tokio::task::yield_now().await;
            m.insert(&request).await
        }
    }

    /// A write that is refused has made room.
    ["PRN-11"] EvictsForARefusedWrite {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await?;
            if let WriteOutcome::Refused(_) = outcome {
                let principal = request.write.delta.principal().cloned();
                evict(m, principal, request.write.principal_limit).await;
            }
            Ok(outcome)
        }
    }

    /// A rotation that is refused has made room.
    ["PRN-11"] EvictsForARefusedRotation {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await?;
            if let RenameOutcome::Refused(_) = outcome {
                let principal = request.write.delta.principal().cloned();
                evict(m, principal, request.write.principal_limit).await;
            }
            Ok(outcome)
        }
    }

    /// An insert under an id that is taken has made room.
    ["PRN-11"] EvictsForATakenId {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            let outcome = m.insert(&request).await?;
            if outcome == InsertOutcome::IdTaken {
                evict(m, request.session.principal(), request.principal_limit).await;
            }
            Ok(outcome)
        }
    }

    /// The nearest deadline ends, as the index has it first.
    ["PRN-11"] EvictsTheNearestDeadline {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            evict(m, request.session.principal(), request.principal_limit).await;
            m.insert(&request).await
        }
    }

    /// The session that was created first ends, whenever it was logged in.
    ["PRN-11"] EvictsTheOldestSession {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            let (principal, limit) = (request.session.principal(), request.principal_limit);
            let full = full(m, principal.as_ref(), limit, OnExcess::EvictOldest).await;
            let oldest = full.iter().min_by_key(|it| it.created_at());
            if let Some((principal, oldest)) = principal.zip(oldest) {
                m.revoke_session(&principal, &oldest.public_id).await.unwrap();
            }
            m.insert(&request).await
        }
    }

    /// A session without a time of its log-in counts as the newest.
    ["PRN-11"] KeepsSessionsWithoutALogIn {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            let (principal, limit) = (request.session.principal(), request.principal_limit);
            let full = full(m, principal.as_ref(), limit, OnExcess::EvictOldest).await;
            let oldest = full.iter().filter(|it| it.login_at.is_some());
            let oldest = oldest.min_by_key(|it| it.login_at);
            if let Some((principal, oldest)) = principal.zip(oldest) {
                m.revoke_session(&principal, &oldest.public_id).await.unwrap();
            }
            m.insert(&request).await
        }
    }

    /// Where nobody has said how many, there may be any number.
    ["PRN-16"] KnowsNoDefault {
        async fn insert(&self, m: &Memory, mut request: InsertRequest) -> Result<InsertOutcome> {
            let default = SessionPolicy::new().principal_limit();
            request.principal_limit = request.principal_limit.filter(|it| Some(*it) != default);
            m.insert(&request).await
        }
    }
}

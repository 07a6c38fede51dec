//! Principals, their lists, and their sessions by public id.

use std::collections::HashMap;
use std::sync::Mutex;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    Binding, ListedPage, ListedSession, Principal, PublicId, Result, RevokedPage, SessionId,
};

use super::mutants;
use crate::flawed::Memory;

const PERSISTENT: &[u8] = b"session_persistent";

/// The principals in the store, each once.
async fn principals(m: &Memory) -> Vec<Principal> {
    let mut all = Vec::new();
    for id in m.ids() {
        all.extend(m.session(&id).await.and_then(|it| it.principal()));
    }
    all.sort();
    all.dedup();
    all
}

/// The list of an index whose keys are folded principals.
async fn list_folded(
    m: &Memory,
    request: &ListRequest,
    fold: impl Fn(&str) -> Vec<u8> + Send,
) -> Result<ListedPage> {
    let mut list = Vec::new();
    let is_same = |it: &Principal| fold(it.as_str()) == fold(request.principal.as_str());
    for same in principals(m).await.into_iter().filter(is_same) {
        list.extend(m.list_sessions(&same).await?);
    }
    Ok(ListedPage::new(list, None))
}

fn cut(text: &str, bytes: usize) -> Vec<u8> {
    text.bytes().take(bytes).collect()
}

/// The target with the public id, or the principal, that this finds in its stead.
async fn retarget(
    m: &Memory,
    target: Target,
    is_named: impl Fn(&Principal, &PublicId) -> bool + Send,
) -> Target {
    if let Target::PublicId { .. } = target {
        for principal in principals(m).await {
            let Ok(list) = m.list_sessions(&principal).await else {
                continue;
            };
            for summary in list {
                if is_named(&principal, &summary.public_id) {
                    let public_id = summary.public_id;
                    return Target::PublicId {
                        principal,
                        public_id,
                    };
                }
            }
        }
    }
    target
}

/// Finds public ids whatever the case of their letters.
async fn unfolded(m: &Memory, target: Target) -> Target {
    let Target::PublicId {
        principal: who,
        public_id: named,
    } = target.clone()
    else {
        return target;
    };
    retarget(m, target, |principal, public_id| {
        let is_same = public_id.as_str().eq_ignore_ascii_case(named.as_str());
        *principal == who && is_same
    })
    .await
}

/// Finds a session of whoever it is.
async fn anybodys(m: &Memory, target: Target) -> Target {
    let Target::PublicId {
        public_id: named, ..
    } = target.clone()
    else {
        return target;
    };
    retarget(m, target, |_, public_id| *public_id == named).await
}

/// The lists so far.
type Listed = Mutex<HashMap<Principal, Vec<ListedSession>>>;

mutants! {
    /// A binding without a deadline lasts for ever.
    ["VAL-9"] BindsWithoutADeadline {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            m.edit(&m.id(&request.target).await, |fields| {
                if !fields.contains_key(&b"session_deadline"[..]) {
                    fields.remove(&b"session_principal"[..]);
                }
            }).await;
            m.read(&request).await
        }
    }

    /// Principals are in a column that ignores spaces at the end.
    ["PRN-1"] TrimsPrincipals {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            list_folded(m, &request, |it| it.trim_end().into()).await
        }
    }

    /// In one that ignores the case of letters.
    ["PRN-1"] FoldsPrincipals {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            list_folded(m, &request, |it| it.to_lowercase().into()).await
        }
    }

    /// They are C strings.
    ["PRN-1"] CutsPrincipalsAtNul {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            list_folded(m, &request, |it| it.split('\0').next().unwrap().into()).await
        }
    }

    /// They are a prefix of their index.
    ["PRN-1"] CutsPrincipalsAt64Bytes {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            list_folded(m, &request, |it| cut(it, 64)).await
        }
    }

    /// VARCHAR(255).
    ["PRN-1"] CutsPrincipalsAt255Bytes {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            list_folded(m, &request, |it| cut(it, 255)).await
        }
    }

    /// Characters of four bytes are all the same, as in an old `utf8` column.
    ["PRN-1"] ReplacesFourByteCharacters {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let replace = |c: char| if c.len_utf8() == 4 { '?' } else { c };
            let fold = |it: &str| it.chars().map(replace).collect::<String>().into();
            list_folded(m, &request, fold).await
        }
    }

    /// A creation adds the index entry, and nothing else does.
    ["PRN-2" "PRN-3"] ListsCreationsOnly(Mutex<Vec<PublicId>>) {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            self.0.lock().unwrap().extend(request.session.public_id());
            m.insert(&request).await
        }

        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            page.sessions.retain(|summary| self.0.lock().unwrap().contains(&summary.public_id));
            Ok(page)
        }
    }

    /// The list only grows.
    ["PRN-5" "PRN-9" "PRN-15"] ListsWhatItHasListed(Listed) {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            let mut listed = self.0.lock().unwrap();
            let former = listed.entry(request.principal).or_default();
            former.retain(|it| page.sessions.iter().all(|other| other.public_id != it.public_id));
            page.sessions.append(former);
            former.clone_from(&page.sessions);
            Ok(page)
        }
    }

    /// A binding removes the entry of the principal that it read before the step.
    ["PRN-9"] LeavesTheListItKnew(Mutex<Vec<(Principal, SessionId)>>) {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            let former = m.session(&id).await.and_then(|session| session.principal());
            // The index is in another place: one more round trip.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            let outcome = m.write(&request).await;
            if let Some(principal) = request.write.delta.principal() {
                let mut entries = self.0.lock().unwrap();
                entries.retain(|(list, of)| Some(list) != former.as_ref() || *of != id);
                entries.push((principal.clone(), id));
            }
            outcome
        }

        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            let entries = self.0.lock().unwrap().clone();
            for (_, id) in entries.iter().filter(|(list, _)| *list == request.principal) {
                let session = m.session(id).await;
                let summary = session.and_then(|it| ListedSession::of(&it, &request.fields));
                let is_new = summary.as_ref().is_some_and(|it| !page.sessions.contains(it));
                page.sessions.extend(summary.filter(|_| is_new));
            }
            Ok(page)
        }
    }

    /// The list deletes what is no session.
    ["VAL-1"] ListingDeletesTheInvalid {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let page = m.list(&request).await?;
            for id in m.ids() {
                if !m.is_live(&id).await {
                    m.delete_key(&id).await;
                }
            }
            Ok(page)
        }
    }

    /// It reads the sessions as anybody would.
    ["PRN-6"] TouchesWhatItLists {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let page = m.list(&request).await?;
            for summary in &page.sessions {
                m.get_session_of(&request.principal, &summary.public_id).await?;
            }
            Ok(page)
        }
    }

    /// A session is a key and an index entry: it counts twice.
    ["PRN-8"] CountsTwiceWhatItRevokes {
        async fn revoke(&self, m: &Memory, request: RevokeRequest) -> Result<RevokedPage> {
            let mut page = m.revoke(&request).await?;
            page.ended *= 2;
            Ok(page)
        }
    }

    /// The list is read first: what is rotated or bound by then escapes.
    ["PRN-13"] RevokesWhatItReadBefore {
        async fn revoke(&self, m: &Memory, request: RevokeRequest) -> Result<RevokedPage> {
            let mut ids = Vec::new();
            for id in m.ids() {
                let session = m.session(&id).await;
                if session.is_some_and(|it| it.principal().as_ref() == Some(&request.principal)) {
                    ids.push(id);
                }
            }
            let mut ended = 0;
            for id in ids {
                tokio::task::yield_now().await;
                // A deletion of an old id would end the session.
                ended += u64::from(m.is_live(&id).await && m.delete_session(&id).await?);
            }
            Ok(RevokedPage::new(ended, None))
        }
    }

    /// A session has one public id for life.
    ["PRN-14"] DrawsOnce {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            let session = m.session(&m.id(&request.target).await).await;
            let own = session.and_then(|session| session.public_id());
            if request.write.public_id.is_some() {
                request.write.public_id = own.or(request.write.public_id);
            }
            m.write(&request).await
        }
    }

    /// A log-in that does not say whether it is persistent leaves what is stored.
    ["PRN-17"] RemembersWhatIsNotSaid {
        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            let session = m.session(&m.id(&request.target).await).await;
            if let Some(mut log_in) = request.write.delta.log_in().cloned() {
                log_in.persistent = log_in.persistent.or(session.and_then(|it| it.persistent()));
                request.write.delta = request.write.delta.bind(log_in);
            }
            m.write(&request).await
        }
    }

    /// Not to be kept is nothing to store.
    ["PRN-17"] StoresOneAnswer {
        async fn rename(&self, m: &Memory, mut request: RenameRequest) -> Result<RenameOutcome> {
            if let Some(mut log_in) = request.write.delta.log_in().cloned() {
                log_in.persistent = log_in.persistent.filter(|is_persistent| *is_persistent);
                request.write.delta = request.write.delta.bind(log_in);
            }
            m.rename(&request).await
        }
    }

    /// What the browser is to do is said once more for each id.
    ["PRN-18"] ForgetsAtARotation {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await;
            if request.write.delta.binding().is_none() {
                m.edit(&request.to, |fields| drop(fields.remove(PERSISTENT))).await;
            }
            outcome
        }
    }

    /// A log-out leaves what the log-in said to the next user.
    ["PRN-15"] LeavesThePersistence {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            let before = m.key(&id).await;
            let outcome = m.write(&request).await;
            let text = before.as_ref().and_then(|key| key.field(PERSISTENT));
            if let (Some(Binding::Unbind), Some(text)) = (request.write.delta.binding(), text) {
                m.edit(&id, |fields| drop(fields.insert(PERSISTENT.to_vec(), text.to_vec()))).await;
            }
            outcome
        }
    }

    /// The letters of public ids have no case.
    ["TGT-1" "TGT-2" "TGT-3" "PRN-7"] FoldsPublicIds {
        async fn read(&self, m: &Memory, mut request: ReadRequest) -> Result<ReadOutcome> {
            request.target = unfolded(m, request.target).await;
            m.read(&request).await
        }

        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.target = unfolded(m, request.target).await;
            m.write(&request).await
        }

        async fn remove(&self, m: &Memory, mut request: RemoveRequest) -> Result<RemoveOutcome> {
            request.target = unfolded(m, request.target).await;
            m.remove(&request).await
        }
    }

    /// A public id is enough.
    ["TGT-1" "TGT-2" "TGT-3" "PRN-7"] FindsAnybodys {
        async fn read(&self, m: &Memory, mut request: ReadRequest) -> Result<ReadOutcome> {
            request.target = anybodys(m, request.target).await;
            m.read(&request).await
        }

        async fn write(&self, m: &Memory, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.target = anybodys(m, request.target).await;
            m.write(&request).await
        }

        async fn remove(&self, m: &Memory, mut request: RemoveRequest) -> Result<RemoveOutcome> {
            request.target = anybodys(m, request.target).await;
            m.remove(&request).await
        }
    }

    /// The index names a rotated session by another public id.
    ["PRN-3" "PRN-12"] ListsAnotherPublicId(Mutex<Vec<PublicId>>) {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await;
            let public_id = m.session(&request.to).await.and_then(|it| it.public_id());
            self.0.lock().unwrap().extend(public_id);
            outcome
        }

        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            for summary in &mut page.sessions {
                if self.0.lock().unwrap().contains(&summary.public_id) {
                    summary.public_id = PublicId::from_digest(&[7; 32]);
                }
            }
            Ok(page)
        }
    }
}

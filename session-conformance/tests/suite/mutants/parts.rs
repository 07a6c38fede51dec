//! Flaws in the parts of a delta that are no changes of fields: what is kept, what is expected.

use session_core::steps::{Refusal, RenameOutcome, RenameRequest, WriteOutcome, WriteRequest};
use session_core::{
    Binding, Delta, Expectation, FieldChange, FieldName, KeepOnly, KeepWhen, Principal, Result,
    SessionId, Touch, UnixMillis,
};

use super::mutants;
use crate::reference::{Key, Named, Store};

/// A delta taken apart, to be changed and put together again.
pub(super) struct Parts {
    pub(super) expectations: Vec<(FieldName, Expectation)>,
    pub(super) kept: Option<KeepOnly>,
    pub(super) changes: Vec<(FieldName, FieldChange)>,
    pub(super) binding: Option<Binding>,
    rest: Delta,
}

impl Parts {
    pub(super) fn of(delta: &Delta) -> Self {
        let mut rest = Delta::new().touch(delta.touch_policy());
        if let Some(ttl) = delta.new_ttl() {
            rest = rest.ttl(ttl);
        }
        if delta.returns_record() {
            rest = rest.returning_record();
        }
        let owned = |(name, expected): (&FieldName, &Expectation)| (name.clone(), expected.clone());
        Self {
            expectations: delta.expectations().map(owned).collect(),
            kept: delta.kept().cloned(),
            changes: delta
                .changes()
                .map(|(name, change)| (name.clone(), change.clone()))
                .collect(),
            binding: delta.binding().cloned(),
            rest,
        }
    }

    pub(super) fn join(self) -> Delta {
        let mut delta = self.rest;
        for (name, expected) in self.expectations {
            delta = match expected {
                Expectation::Equals(value) => delta.expect_value(name, value),
                Expectation::Absent => delta.expect_absent(name),
            };
        }
        if let Some(kept) = self.kept {
            delta = match kept.when {
                KeepWhen::Always => delta.keep_only(kept.names),
                KeepWhen::IfPrincipalChanges => delta.keep_only_if_principal_changes(kept.names),
            };
        }
        for (name, change) in self.changes {
            delta = match change {
                FieldChange::Set(value) => delta.set(name, value),
                FieldChange::Increment(by) => delta.increment(name, by),
                FieldChange::Remove => delta.remove(name),
            };
        }
        match self.binding {
            Some(Binding::Bind {
                principal,
                lifetime: Some(lifetime),
            }) => delta.bind_for(principal, lifetime),
            Some(Binding::Bind { principal, .. }) => delta.bind(principal),
            Some(_) => delta.unbind(),
            None => delta,
        }
    }
}

/// Changes the delta of a write.
pub(super) fn changed(mut request: WriteRequest, change: impl FnOnce(&mut Parts)) -> WriteRequest {
    let mut parts = Parts::of(&request.write.delta);
    change(&mut parts);
    request.write.delta = parts.join();
    request
}

/// The principal of a stored session.
pub(super) fn principal_of(store: &Store, id: &SessionId) -> Option<Principal> {
    store.key(id)?.session()?.session.principal()
}

fn is_conditional(kept: &Option<KeepOnly>) -> bool {
    kept.as_ref()
        .is_some_and(|kept| kept.when == KeepWhen::IfPrincipalChanges)
}

/// Whether the expectations of a delta hold for what is stored.
fn hold(store: &Store, id: &SessionId, delta: &Delta) -> bool {
    let session = store.key(id).and_then(|key| key.session());
    session.is_none_or(|state| {
        let fields = state.session.fields();
        delta.expectations().all(|(name, expected)| match expected {
            Expectation::Equals(value) => fields.get(name.as_str()) == Some(value),
            Expectation::Absent => !fields.contains(name.as_str()),
        })
    })
}

/// Does a write, and puts back these fields of what was there before if it did something.
fn keeping(store: &Store, request: &WriteRequest, names: &[&[u8]]) -> WriteOutcome {
    let before = store.key(request.id()).and_then(|key| key.fields);
    let outcome = store.write(request);
    if let (WriteOutcome::Written(_), Some(before)) = (&outcome, before) {
        store.edit(request.id(), |fields| {
            for name in names {
                match before.get(*name) {
                    Some(value) => fields.insert(name.to_vec(), value.clone()),
                    None => fields.remove(*name),
                };
            }
        });
    }
    outcome
}

mutants! {
    /// It knows changes of fields only.
    "WRT-6" KeepsEverything {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| parts.kept = None)))
        }
    }

    /// What cannot be named stays.
    "WRT-6" KeepsWhatItHides {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let fields = before.and_then(|before| before.fields.clone());
            let hidden = fields.unwrap_or_default().into_iter();
            let hidden = hidden.filter(|(name, _)| std::str::from_utf8(name).is_err());
            after.fields.as_mut().unwrap().extend(hidden);
        }
    }

    /// The counters come first.
    "WRT-6" CountsBeforeItRemoves {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| {
                let counters = parts.changes.iter();
                let counters = counters.filter(|(_, it)| matches!(it, FieldChange::Increment(_)));
                let names: Vec<_> = counters.map(|(name, _)| name.clone()).collect();
                if let Some(kept) = &mut parts.kept {
                    kept.names.extend(names);
                }
            })))
        }
    }

    /// The removal comes last.
    "WRT-6" RemovesWhatItHasSet {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let kept = request.write.delta.kept().cloned();
            let outcome = store.write(&request);
            if let (WriteOutcome::Written(_), Some(kept)) = (&outcome, kept)
                && kept.when == KeepWhen::Always
            {
                store.edit(request.id(), |fields| {
                    fields.retain(|name, _| {
                        let text = std::str::from_utf8(name).unwrap_or_default();
                        let is_kept = |it: &FieldName| it.as_str() == text;
                        session_core::reserved::ALL.contains(&text) || kept.names.iter().any(is_kept)
                    });
                });
            }
            Ok(outcome)
        }
    }

    /// The key is deleted, and written again.
    "WRT-6" BeginsASessionInstead {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let is_due = request.write.delta.kept().is_some();
            let outcome = store.write(&request);
            if is_due && matches!(outcome, WriteOutcome::Written(_)) {
                let now = request.write.now.to_string().into_bytes();
                store.edit(request.id(), |fields| {
                    fields.insert(b"created_at".to_vec(), now);
                });
            }
            Ok(outcome)
        }
    }

    /// Every log-in removes.
    "WRT-7" RemovesAtEveryBinding {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| {
                if let (Some(kept), Some(_)) = (&mut parts.kept, &parts.binding) {
                    kept.when = KeepWhen::Always;
                }
            })))
        }
    }

    /// Nobody is somebody else.
    "WRT-7" RemovesWhatNobodyHad {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let is_nobodys = principal_of(store, request.id()).is_none();
            Ok(store.write(&changed(request, |parts| {
                if let (true, Some(kept), Some(Binding::Bind { .. })) =
                    (is_nobodys, &mut parts.kept, &parts.binding)
                {
                    kept.when = KeepWhen::Always;
                }
            })))
        }
    }

    /// To unbind is no change.
    "WRT-7" KeepsAllWhenUnbinding {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| {
                if matches!(parts.binding, Some(Binding::Unbind)) && is_conditional(&parts.kept) {
                    parts.kept = None;
                }
            })))
        }
    }

    /// Only the fields begin again.
    "WRT-7" KeepsTheBeginning {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(keeping(store, &request, &[b"created_at"]))
        }
    }

    /// The deadline is the former principal's.
    "WRT-7" KeepsTheFormerDeadline {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(match is_conditional(&request.write.delta.kept().cloned()) {
                true => keeping(store, &request, &[b"session_deadline"]),
                false => store.write(&request),
            })
        }
    }

    /// A rotation keeps all.
    "WRT-7" KeepsAllWhenRotating {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            let mut parts = Parts::of(&request.write.delta);
            if is_conditional(&parts.kept) {
                parts.kept = None;
            }
            request.write.delta = parts.join();
            Ok(store.rename(&request))
        }
    }

    /// It expects nothing.
    "WRT-8" ExpectsNothing {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| parts.expectations.clear())))
        }
    }

    /// A rotation expects nothing.
    "WRT-8" ExpectsNothingOfRotations {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            let mut parts = Parts::of(&request.write.delta);
            parts.expectations.clear();
            request.write.delta = parts.join();
            Ok(store.rename(&request))
        }
    }

    /// An absent field is as good as an empty one.
    "WRT-8" TakesEmptyForAbsent {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let state = store.key(request.id()).and_then(|key| key.session());
            Ok(store.write(&changed(request, |parts| {
                let fields = state.as_ref().map(|state| state.session.fields());
                parts.expectations.retain(|(name, expected)| {
                    let value = fields.and_then(|fields| fields.get(name.as_str()));
                    let is_empty = value.is_none_or(|value| value.is_empty());
                    let is_met = match expected {
                        Expectation::Equals(expected) => expected.is_empty(),
                        Expectation::Absent => true,
                    };
                    !(is_empty && is_met)
                });
            })))
        }
    }

    /// Values are compared as text.
    "WRT-8" ComparesTexts {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let state = store.key(request.id()).and_then(|key| key.session());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ok(store.write(&changed(request, |parts| {
                let fields = state.as_ref().map(|state| state.session.fields());
                parts.expectations.retain(|(name, expected)| {
                    let value = fields.and_then(|fields| fields.get(name.as_str()));
                    !matches!(
                        (value, expected),
                        (Some(value), Expectation::Equals(expected))
                            if text(value.as_bytes()) == text(expected.as_bytes())
                    )
                });
            })))
        }
    }

    /// It writes, and then looks.
    "WRT-8" ChecksAfterTheWrite {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let held = hold(store, request.id(), &request.write.delta);
            let written = store.write(&changed(request, |parts| parts.expectations.clear()));
            Ok(match written {
                WriteOutcome::Written(_) if !held => WriteOutcome::Refused(Refusal::Conflict),
                outcome => outcome,
            })
        }
    }

    /// A conflict is a use.
    "WRT-8" TouchesInAConflict {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if outcome == WriteOutcome::Refused(Refusal::Conflict) {
                let mut touch = request;
                touch.write.delta = Delta::new().touch(Touch::Always);
                store.write(&touch);
            }
            Ok(outcome)
        }
    }

    /// The counters are checked first.
    "WRT-8" CountsBeforeItChecks {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if outcome != WriteOutcome::Refused(Refusal::Conflict) {
                return Ok(outcome);
            }
            let keys = store.lock().keys.clone();
            let counted = store.write(&changed(request, |parts| parts.expectations.clear()));
            store.lock().keys = keys;
            Ok(match counted {
                WriteOutcome::Refused(Refusal::NotAnInteger) => counted,
                _ => outcome,
            })
        }
    }

    /// It looks, and then writes.
    "WRT-8" ChecksBeforeTheStep {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            if !hold(store, request.id(), &request.write.delta) {
                return Ok(store.write(&request));
            }
            tokio::task::yield_now().await;
            Ok(store.write(&changed(request, |parts| parts.expectations.clear())))
        }
    }

    /// It applies the first expectation.
    "WRT-8" ChecksTheFirstOnly {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| parts.expectations.truncate(1))))
        }
    }

    /// A lifetime is for sessions that have none.
    "LIF-5" KeepsTheFirstDeadline {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let has_one = store
                .key(request.id())
                .and_then(|key| key.session())
                .is_some_and(|state| state.session.deadline().is_some());
            Ok(store.write(&changed(request, |parts| {
                if let (true, Some(Binding::Bind { lifetime, .. })) = (has_one, &mut parts.binding) {
                    *lifetime = None;
                }
            })))
        }
    }

    /// A deadline only comes nearer.
    "LIF-5" NeverExtends {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let deadline = |key: &Key| key.session().and_then(|state| state.session.deadline());
            let (was, is) = (before.and_then(deadline), deadline(after));
            if let (Some(was), Some(is)) = (was, is) {
                let nearest = was.min(is).get().to_string().into_bytes();
                let fields = after.fields.as_mut().unwrap();
                fields.insert(b"session_deadline".to_vec(), nearest);
            }
        }
    }

    /// The expiry stays where it was, whatever the new deadline.
    "LIF-5" LeavesTheExpiryOfQuietLogIns {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let is_quiet = request.write.delta.touch_policy() == Touch::Never;
            let before = store.key(request.id()).and_then(|key| key.expires_at);
            let outcome = store.write(&request);
            if is_quiet && let Some(key) = store.lock().keys.get_mut(request.id()) {
                key.expires_at = before;
            }
            Ok(outcome)
        }
    }

    /// A session has one public id for life.
    "PRN-14" DrawsOnce {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let name = b"session_public_id".as_slice();
            let own = before.and_then(|before| before.fields.as_ref()?.get(name).cloned());
            let fields = after.fields.as_mut().unwrap();
            if let (Some(own), true) = (own, fields.contains_key(name)) {
                fields.insert(name.to_vec(), own);
            }
        }
    }

    /// The time of the first log-in stays.
    "PRN-14" RemembersTheFirstLogIn {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let is_bound = principal_of(store, request.id()).is_some();
            let is_log_in = request.write.delta.principal().is_some();
            Ok(match is_bound && is_log_in {
                true => keeping(store, &request, &[b"session_login_at"]),
                false => store.write(&request),
            })
        }
    }

    /// The log-in is the application's time.
    "PRN-14" TellsTheApplicationsTime {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let fields = after.fields.as_mut().unwrap();
            if let Some(login_at) = fields.get_mut(b"session_login_at".as_slice()) {
                *login_at = b"1775133296000".to_vec();
            }
        }
    }

    /// A rotation gives a public id of its own.
    "PRN-14" DrawsForRotations {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if request.write.delta.binding().is_none()
                && let Some(mut state) = store.key(&request.to).and_then(|key| key.session())
                && state.session.public_id().is_some()
            {
                let own = session_core::PublicId::of_unbound(&request.to);
                let hash = state.session.to_hash().into_iter();
                let hash = hash.map(|(name, value)| match &name[..] {
                    b"session_public_id" => (name.to_vec(), own.as_str().into()),
                    _ => (name.to_vec(), value),
                });
                state.session = session_core::StoredSession::parse(hash).unwrap();
                let mut data = store.lock();
                data.unlist(&request.to);
                data.put(store.flaw(), &request.to, &state);
            }
            Ok(outcome)
        }
    }

    /// Every session has a public id.
    "PRN-14" DrawsForNobody {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let own = session_core::PublicId::from_digest(&[9; 32]);
            let fields = after.fields.as_mut().unwrap();
            let own = own.as_str().as_bytes().to_vec();
            fields.entry(b"session_public_id".to_vec()).or_insert(own);
        }
    }

    /// To unbind does nothing.
    "PRN-15" UnbindsNobody {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| {
                if matches!(parts.binding, Some(Binding::Unbind)) {
                    parts.binding = None;
                }
            })))
        }
    }

    /// The principal goes, what else the log-in brought stays.
    "PRN-15" LeavesTheLogIn {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(match request.write.delta.binding() {
                Some(Binding::Unbind) => {
                    let left: [&[u8]; 2] = [b"session_public_id", b"session_login_at"];
                    keeping(store, &request, &left)
                }
                _ => store.write(&request),
            })
        }
    }

    /// Its deadline was the log-in's.
    "PRN-15" UnbindsTheDeadlineToo {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if let Some(Binding::Unbind) = request.write.delta.binding() {
                store.edit(request.id(), |fields| {
                    fields.remove(b"session_deadline".as_slice());
                });
            }
            Ok(outcome)
        }
    }

    /// To log out is to lose everything.
    "PRN-15" UnbindsTheFieldsToo {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(store.write(&changed(request, |parts| {
                if let (Some(Binding::Unbind), None) = (&parts.binding, &parts.kept) {
                    parts.kept = Delta::new().keep_only([]).kept().cloned();
                }
            })))
        }
    }
}

//! Flaws in what is stored.

use session_core::rules::State;
use session_core::steps::{InsertOutcome, InsertRequest};
use session_core::{Remaining, Result, SessionRecord, SessionTtl, UnixMillis};

use super::mutants;
use crate::reference::{Key, RawFields, Store};

const STAMPS: [&[u8]; 2] = [b"created_at", b"last_accessed_at"];

fn is_reserved(name: &[u8]) -> bool {
    name.ends_with(b"_at") || name.starts_with(b"session_")
}

/// Changes the fields of a key that are not reserved.
fn rewrite(key: &mut Key, change: impl Fn(Vec<u8>, Vec<u8>) -> Option<(Vec<u8>, Vec<u8>)>) {
    let fields = key.fields.take().unwrap().into_iter();
    let changed = fields.filter_map(|(name, value)| {
        if is_reserved(&name) {
            Some((name, value))
        } else {
            change(name, value)
        }
    });
    key.fields = Some(changed.collect());
}

fn edit(key: &mut Key, name: &[u8], change: impl FnOnce(&mut Vec<u8>)) {
    let fields: &mut RawFields = key.fields.as_mut().unwrap();
    if let Some(value) = fields.get_mut(name) {
        change(value);
    }
}

mutants! {
    /// A field of its own beside the guide's.
    "REC-1" StoresAVersion {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            after
                .fields
                .as_mut()
                .unwrap()
                .insert(b"_v".to_vec(), b"1".to_vec());
        }
    }

    /// `Z` instead of `+00:00`.
    "REC-1" WritesZulu {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            for name in STAMPS {
                edit(after, name, |text| {
                    if text.ends_with(b"+00:00") {
                        text.truncate(text.len() - 6);
                        text.push(b'Z');
                    }
                });
            }
        }
    }

    /// A C string.
    "REC-2" CutsValuesAtNul {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            rewrite(after, |name, mut value| {
                let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
                value.truncate(end);
                Some((name, value))
            });
        }
    }

    /// A text column.
    "REC-2" StoresValuesAsText {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            rewrite(after, |name, value| {
                let text = String::from_utf8_lossy(&value).into_owned();
                Some((name, text.into_bytes()))
            });
        }
    }

    /// Names are trimmed.
    "REC-2" TrimsNames {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            rewrite(after, |name, value| {
                Some((name.trim_ascii().to_vec(), value))
            });
        }
    }

    /// It knows one form of a timestamp.
    "REC-3" NeedsItsOwnTimestamps {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let state = key.session().filter(|state| state.is_live(now))?;
            let text = state.session.created_at();
            (!text.as_bytes().ends_with(b"Z")).then_some(state)
        }
    }

    /// It writes what it understood, not what was there.
    "REC-3" NormalisesTimestamps {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            edit(after, b"created_at", |text| {
                if text.ends_with(b"Z") {
                    text.pop();
                    text.extend_from_slice(b"+00:00");
                }
            });
        }
    }

    /// A write stores what was parsed.
    "REC-4" LosesHiddenFields {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            if before.is_some() {
                rewrite(after, |name, value| {
                    let is_text = std::str::from_utf8(&name).is_ok();
                    is_text.then_some((name, value))
                });
            }
        }
    }

    /// A name that is not UTF-8 is shown with replacement characters.
    "REC-4" ShowsHiddenFields {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let lossy = |name: &[u8]| String::from_utf8_lossy(name).into_owned().into_bytes();
            let fields = key.fields.clone()?.into_iter();
            let fields = fields.map(|(name, value)| (lossy(&name), value)).collect();
            key.session_of(fields).filter(|state| state.is_live(now))
        }
    }

    /// The record of a creation is what was asked for, without what the store added.
    "REC-5" ReturnsWhatWasAskedFor {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            Ok(match store.insert(&request) {
                InsertOutcome::Inserted(stored) => {
                    let asked = SessionRecord::new(request.session, stored.remaining());
                    InsertOutcome::Inserted(asked)
                }
                other => other,
            })
        }
    }

    /// What remains is the TTL, whatever the deadline.
    "REC-5" ReturnsTheTtlAsWhatRemains {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            let ttl = request.session.ttl().as_duration();
            let outcome = store.insert(&request);
            let Some(state) = store.key(&request.id).and_then(|key| key.session()) else {
                return Ok(outcome);
            };
            Ok(match outcome {
                InsertOutcome::Inserted(_) => {
                    let record = SessionRecord::new(state.session, Remaining::In(ttl));
                    InsertOutcome::Inserted(record)
                }
                other => other,
            })
        }
    }

    /// Every session has a deadline, though far away.
    "REC-6" AlwaysStoresADeadline {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            request.lifetime.get_or_insert(SessionTtl::MAX);
            Ok(store.insert(&request))
        }
    }

    /// An empty principal for nobody.
    "REC-6" AlwaysStoresAPrincipal {
        fn save(&self, _: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let fields = after.fields.as_mut().unwrap();
            fields.entry(b"session_principal".to_vec()).or_default();
        }
    }
}

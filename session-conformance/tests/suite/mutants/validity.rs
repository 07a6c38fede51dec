//! Flaws in what counts as a session.

use session_core::rules::State;
use session_core::steps::ReadRequest;
use session_core::{
    Effect, Error, ErrorKind, Result, SessionId, SessionRecord, SessionTtl, UnixMillis,
};

use super::mutants;
use crate::reference::{Key, Named, Store};

/// Loads a key after its fields were changed.
fn load_with(
    key: &Key,
    now: UnixMillis,
    name: &[u8],
    change: impl FnOnce(&mut Vec<u8>),
) -> Option<State> {
    let mut fields = key.fields.clone()?;
    if let Some(value) = fields.get_mut(name) {
        change(value);
    }
    key.session_of(fields).filter(|state| state.is_live(now))
}

fn corrupt<T>() -> Result<T> {
    Err(Error::new(ErrorKind::CorruptReply, Effect::NotApplied))
}

mutants! {
    /// It looks at `created_at` only.
    "VAL-1" NeedsNoLastAccess {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let mut fields = key.fields.clone()?;
            fields.entry(b"last_accessed_at".to_vec()).or_default();
            key.session_of(fields).filter(|state| state.is_live(now))
        }
    }

    /// A hash without a TTL has the default one.
    "VAL-1" AssumesATtl {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let mut fields = key.fields.clone()?;
            fields
                .entry(b"session_ttl".to_vec())
                .or_insert_with(|| b"1800".to_vec());
            key.session_of(fields).filter(|state| state.is_live(now))
        }
    }

    /// It cleans up what it cannot read.
    "VAL-1" DeletesTheInvalid {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let read = store.read(&request);
            if read.is_none() {
                store.lock().take(request.id());
            }
            Ok(read)
        }
    }

    /// DEL, whatever is there.
    "VAL-1" RemovesTheInvalid {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let is_live = store.remove(&id);
            store.lock().take(&id);
            Ok(is_live)
        }
    }

    /// It parses with white space, signs and leading zeros.
    "VAL-2" ParsesTtlsLeniently {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            load_with(key, now, b"session_ttl", |text| {
                let number = String::from_utf8_lossy(text).trim().parse::<u32>();
                if let Ok(number) = number {
                    *text = number.to_string().into_bytes();
                }
            })
        }
    }

    /// It reads the number in front, as `parseInt` does.
    "VAL-2" ReadsTtlsUpToTheFirstLetter {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            load_with(key, now, b"session_ttl", |text| {
                let end = text.iter().position(|b| !b.is_ascii_digit());
                text.truncate(end.unwrap_or(text.len()));
            })
        }
    }

    /// A larger TTL is cut to the greatest.
    "VAL-2" CutsLargeTtls {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            load_with(key, now, b"session_ttl", |text| {
                let number = std::str::from_utf8(text)
                    .ok()
                    .and_then(|t| t.parse::<u64>().ok());
                if number.is_some_and(|number| number > u64::from(u32::MAX)) {
                    *text = SessionTtl::MAX.to_string().into_bytes();
                }
            })
        }
    }

    /// A malformed TTL is an error.
    "VAL-2" FailsOnMalformedTtls {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let key = store.key(request.id());
            match (store.read(&request), key) {
                (
                    None,
                    Some(Key {
                        fields: Some(_), ..
                    }),
                ) => corrupt(),
                (read, _) => Ok(read),
            }
        }
    }

    /// A malformed deadline is none.
    "VAL-3" IgnoresMalformedDeadlines {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let mut fields = key.fields.clone()?;
            fields.retain(|name, value| {
                name != b"session_deadline" || UnixMillis::parse(value).is_some()
            });
            key.session_of(fields).filter(|state| state.is_live(now))
        }
    }

    /// `tonumber`: white space, exponents, signs.
    "VAL-3" ParsesDeadlinesLeniently {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            load_with(key, now, b"session_deadline", |text| {
                let number = String::from_utf8_lossy(text).trim().parse::<f64>();
                if let Ok(number) = number
                    && number >= 1.0
                {
                    *text = format!("{number:.0}").into_bytes();
                }
            })
        }
    }

    /// It trusts the key's expiry.
    "VAL-4" TrustsTheExpiry {
        fn load(&self, key: &Key, _: UnixMillis) -> Option<State> {
            key.session()
        }
    }

    /// A session at its deadline is cleaned up.
    "VAL-4" DeletesTheEnded {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let is_live = store.remove(&id);
            let has_ended = store.key(&id).is_some_and(|key| key.session().is_some());
            if has_ended {
                store.lock().take(&id);
            }
            Ok(is_live)
        }
    }

    /// WRONGTYPE is passed on.
    "VAL-5" FailsOnOtherTypes {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            match store.key(request.id()) {
                Some(Key { fields: None, .. }) => corrupt(),
                _ => Ok(store.read(&request)),
            }
        }
    }

    /// DEL needs no type.
    "VAL-5" RemovesOtherTypes {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let is_other = store.key(&id).is_some_and(|key| key.fields.is_none());
            if is_other {
                store.lock().take(&id);
            }
            Ok(is_other || store.remove(&id))
        }
    }

    /// A remaining TTL of -1 is taken for an ended key.
    "VAL-6" NeedsAnExpiry {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let state = key.session().filter(|state| state.is_live(now))?;
            state.expires_at.is_some().then_some(state)
        }
    }

    /// Reads leave the expiry of a key that has none.
    "VAL-6" LeavesKeysImmortal {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            if before.is_some_and(|before| before.expires_at.is_none()) {
                after.expires_at = None;
            }
        }
    }

    /// A timestamp must be one.
    "VAL-7" NeedsTimestamps {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let state = key.session().filter(|state| state.is_live(now))?;
            let text = state.session.created_at().as_str().ok()?;
            session_core::Timestamp::parse(text).map(|_| state)
        }
    }
}

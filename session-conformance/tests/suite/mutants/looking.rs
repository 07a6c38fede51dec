//! Flaws in what a page must not show, and in what looking must not do.

use std::sync::Mutex;

use session_core::{
    FieldValue, PageRequest, Remaining, Result, SessionId, SessionOverview, SessionPage,
};

use super::mutants;
use crate::reference::{Key, Store, overview};

/// The page, and all keys besides that are shown so.
fn with_others(
    store: &Store,
    request: &PageRequest,
    show: impl Fn(&SessionId, &Key) -> Option<SessionOverview>,
) -> Result<SessionPage> {
    let mut page = store.page(request)?;
    let data = store.lock();
    let shown = data.keys.iter().filter_map(|(id, key)| show(id, key));
    let is_new = |shown: &SessionOverview| {
        page.sessions
            .iter()
            .all(|it| it.public_id != shown.public_id)
    };
    let others: Vec<_> = shown.filter(is_new).collect();
    page.sessions.extend(others);
    Ok(page)
}

/// An overview of a hash with this field, in the place of what it has.
fn repaired(store: &Store, id: &SessionId, name: &[u8], value: &[u8]) -> Option<SessionOverview> {
    let key = store.lock().keys.get(id).cloned()?;
    let mut fields = key.fields.clone()?;
    fields.insert(name.to_vec(), value.to_vec());
    let state = key.session_of(fields)?;
    let now = store.lock().now;
    state.is_live(now).then(|| overview(id, &state, now))
}

/// Shows hashes that are sessions with this field in the place of what they have.
fn with_repaired(
    store: &Store,
    request: &PageRequest,
    name: &[u8],
    value: &[u8],
) -> Result<SessionPage> {
    let mut page = store.page(request)?;
    let ids: Vec<_> = store.lock().keys.keys().cloned().collect();
    for id in ids {
        let public_id = store.lock().public_id(&id);
        let is_shown = page.sessions.iter().any(|it| it.public_id == public_id);
        if !is_shown {
            page.sessions.extend(repaired(store, &id, name, value));
        }
    }
    Ok(page)
}

mutants! {
    /// Keys that have expired and were not taken away yet are shown.
    "ADM-2" ShowsTheExpired {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            let mut data = store.lock();
            // On a server in real time the expired exist no more.
            let ids: Vec<_> = data.places.keys().cloned().collect();
            for id in ids {
                if data.key(&id).is_none() {
                    let (text, ttl) = (FieldValue::from(""), session_core::SessionTtl::MAX);
                    let left = Remaining::In(std::time::Duration::ZERO);
                    let public_id = data.public_id(&id);
                    let expired = SessionOverview::new(public_id, text.clone(), text, ttl, left);
                    page.sessions.push(expired);
                }
            }
            Ok(page)
        }
    }

    /// A session is what has not expired, whatever its deadline.
    "ADM-2" ShowsTheEnded {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let now = store.lock().now;
            with_others(store, &request, |id, key| {
                let state = key.session()?;
                let is_there = key.expires_at.is_none_or(|at| now <= at);
                is_there.then(|| overview(id, &state, now))
            })
        }
    }

    /// A hash without its creation is shown without it.
    "ADM-2" ShowsGhosts {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            with_repaired(store, &request, b"created_at", b"")
        }
    }

    /// A malformed TTL is shown as the default one.
    "ADM-2" ShowsMalformedTtls {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            with_repaired(store, &request, b"session_ttl", b"1800")
        }
    }

    /// A malformed deadline is shown as none.
    "ADM-2" ShowsMalformedDeadlines {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let ids: Vec<_> = store.lock().keys.keys().cloned().collect();
            let is_malformed = |id: &SessionId| {
                let fields = store.key(id).and_then(|key| key.fields);
                let text = fields.and_then(|f| f.get(&b"session_deadline"[..]).cloned());
                text.is_some_and(|text| session_core::UnixMillis::parse(&text).is_none())
            };
            let mut page = store.page(&request)?;
            for id in ids.iter().filter(|id| is_malformed(id)) {
                let far = b"999999999999999";
                page.sessions.extend(repaired(store, id, b"session_deadline", far));
            }
            Ok(page)
        }
    }

    /// A scan is a copy of the store, made at its beginning.
    "ADM-2" ShowsWhatWas(Mutex<Vec<SessionOverview>>) {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut copy = self.0.lock().unwrap();
            let mut page = store.page(&request)?;
            if request.cursor.is_none() {
                let mut all = request.clone();
                all.size = session_core::PageSize::MAX;
                *copy = store.page(&all)?.sessions;
            } else if page.next.is_none() {
                page.sessions = std::mem::take(&mut copy);
            }
            Ok(page)
        }
    }

    /// It reads the sessions as anybody would.
    "ADM-3" TouchesWhatItShows {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let page = store.page(&request)?;
            let mut data = store.lock();
            let now = data.now;
            for key in data.keys.values_mut() {
                if let (Some(state), true) = (key.session(), key.expires_at.is_some()) {
                    let ttl = u64::from(state.session.ttl().as_secs()) * 1000;
                    key.expires_at = Some(now.plus_millis(ttl));
                }
            }
            drop(data);
            Ok(page)
        }
    }

    /// It gives a key without an expiry the one that it should have.
    "ADM-3" SlidesWhatItShows {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let page = store.page(&request)?;
            let mut data = store.lock();
            let now = data.now;
            for key in data.keys.values_mut() {
                if key.session().is_some() && key.expires_at.is_none() {
                    key.expires_at = Some(now.plus_millis(100_000));
                }
            }
            drop(data);
            Ok(page)
        }
    }

    /// It cleans up what is no session.
    "ADM-3" SweepsWhatIsNoSession {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let page = store.page(&request)?;
            store.lock().keys.retain(|_, key| key.session().is_some());
            Ok(page)
        }
    }

    /// It prunes the indexes while it is at it.
    "ADM-3" PrunesWhileItLooks {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let page = store.page(&request)?;
            let mut data = store.lock();
            for principal in data.index.keys().cloned().collect::<Vec<_>>() {
                data.members(store.flaw(), &principal);
            }
            drop(data);
            Ok(page)
        }
    }

    /// It notes who was looked at, and when.
    "ADM-3" KeepsABook {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let page = store.page(&request)?;
            for key in store.lock().keys.values_mut() {
                if let Some(fields) = &mut key.fields {
                    fields.insert(b"seen".to_vec(), b"1".to_vec());
                }
            }
            Ok(page)
        }
    }
}

//! Flaws in the pages of a scan.

use session_core::{
    FieldValue, PageRequest, PublicId, Remaining, Result, SessionOverview, SessionPage,
};

use super::mutants;
use crate::reference::Store;

/// The page, each session changed.
fn changed(
    store: &Store,
    request: &PageRequest,
    change: impl FnMut(&mut SessionOverview),
) -> Result<SessionPage> {
    let mut page = store.page(request)?;
    page.sessions.iter_mut().for_each(change);
    Ok(page)
}

mutants! {
    /// The first page is all there is.
    "ADM-1" ShowsOnePage {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            page.next = None;
            Ok(page)
        }
    }

    /// The page behind the last full one is forgotten.
    "ADM-1" SkipsTheLastPage {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            if page.next.is_none() && request.cursor.is_some() {
                page.sessions.clear();
            }
            Ok(page)
        }
    }

    /// Every page is the first, so that there is always a next one.
    "ADM-1" IgnoresTheCursor {
        async fn page(&self, store: &Store, mut request: PageRequest) -> Result<SessionPage> {
            request.cursor = None;
            store.page(&request)
        }
    }

    /// The end of the scan is where it began.
    "ADM-1" GoesRound {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            let beginning = "-".repeat(PublicId::LEN).parse()?;
            page.next.get_or_insert(beginning);
            Ok(page)
        }
    }

    /// Where there is nothing, it goes on looking.
    "ADM-1" NeverEndsWhereThereIsNothing {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            if page.sessions.is_empty() {
                page.next = Some("-".repeat(PublicId::LEN).parse()?);
            }
            Ok(page)
        }
    }

    /// A cursor counts sessions, whoever has ended meanwhile.
    "ADM-1" PagesByPosition {
        async fn page(&self, store: &Store, mut request: PageRequest) -> Result<SessionPage> {
            let text = request.cursor.take().map(|cursor| cursor.to_string());
            let from: usize = text.and_then(|text| text.parse().ok()).unwrap_or(0);
            let size = usize::from(request.size.get());
            request.size = session_core::PageSize::MAX;
            let mut all = store.page(&request)?.sessions;
            let to = all.len().min(from + size);
            let next = (to < all.len()).then(|| to.to_string().parse()).transpose()?;
            all.truncate(to);
            Ok(SessionPage::new(all.split_off(from.min(to)), next))
        }
    }

    /// A page has at most a hundred sessions, however many it looked at.
    "ADM-1" ShowsAHundred {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            page.sessions.truncate(100);
            Ok(page)
        }
    }

    /// It looks through the indexes of principals.
    "ADM-1" ShowsTheBoundOnly {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            page.sessions.retain(|shown| shown.principal.is_some());
            Ok(page)
        }
    }

    /// A key without an expiry is taken for an expired one.
    "ADM-1" HidesTheEternal {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut page = store.page(&request)?;
            page.sessions.retain(|shown| shown.remaining != Remaining::NoExpiry);
            Ok(page)
        }
    }

    /// A session whose principal it cannot read is left out.
    "ADM-1" HidesForeignPrincipals {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let ids: Vec<_> = store.lock().keys.keys().cloned().collect();
            let named = ids.into_iter().filter(|id| {
                let fields = store.key(id).and_then(|key| key.fields);
                fields.is_some_and(|fields| fields.contains_key(&b"session_principal"[..]))
            });
            let named: Vec<_> = named.map(|id| store.lock().public_id(&id)).collect();
            let mut page = store.page(&request)?;
            let is_odd = |it: &SessionOverview| it.principal.is_none() && named.contains(&it.public_id);
            page.sessions.retain(|shown| !is_odd(shown));
            Ok(page)
        }
    }

    /// All of a page have the principal of the one before.
    "ADM-1" ShowsAnothersPrincipal {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let mut last = None;
            changed(store, &request, |shown| {
                last = shown.principal.take().or(last.take());
                shown.principal.clone_from(&last);
            })
        }
    }

    /// The creation is shown for both.
    "ADM-1" ShowsTheCreationTwice {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            changed(store, &request, |shown| {
                shown.last_accessed_at = shown.created_at.clone();
            })
        }
    }

    /// A timestamp that is none is shown as the empty text.
    "ADM-1" DropsForeignTimestamps {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            changed(store, &request, |shown| {
                let text = shown.created_at.as_str().ok();
                if text.and_then(session_core::Timestamp::parse).is_none() {
                    shown.created_at = FieldValue::from("");
                }
            })
        }
    }

    /// The TTL is shown as what remains.
    "ADM-1" ShowsTheTtlAsRemaining {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            changed(store, &request, |shown| {
                if shown.remaining != Remaining::NoExpiry {
                    shown.remaining = Remaining::In(shown.ttl.as_duration());
                }
            })
        }
    }

    /// What remains is shown in seconds.
    "ADM-1" CountsRemainingSeconds {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            changed(store, &request, |shown| {
                if let Remaining::In(left) = &mut shown.remaining {
                    *left = std::time::Duration::from_secs(left.as_secs());
                }
            })
        }
    }

    /// A key without an expiry lives for its TTL.
    "ADM-1" InventsAnExpiry {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            changed(store, &request, |shown| {
                if shown.remaining == Remaining::NoExpiry {
                    shown.remaining = Remaining::In(shown.ttl.as_duration());
                }
            })
        }
    }

    /// A deadline is shown where there is a principal.
    "ADM-1" HidesDeadlinesOfTheUnbound {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            changed(store, &request, |shown| {
                shown.deadline = shown.deadline.filter(|_| shown.principal.is_some());
            })
        }
    }
}

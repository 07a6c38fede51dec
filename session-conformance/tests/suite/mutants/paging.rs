//! A principal's sessions page by page.

use session_core::steps::{ListRequest, RevokeRequest, RevokeTarget};
use session_core::{
    ErrorKind, Fields, ListPosition, ListedPage, PageCursor, PageRequest, PageSize, Result,
    RevokedPage,
};

use super::mutants;
use crate::flawed::Memory;

/// The number that a cursor is.
fn number(page: &PageRequest) -> Option<usize> {
    let text = page.cursor.as_ref().map_or("0", PageCursor::as_str);
    text.parse().ok()
}

/// The page that begins behind so many sessions.
async fn from(m: &Memory, request: &ListRequest, skipped: usize) -> Result<ListedPage> {
    let fields = request.fields.clone();
    let all = m.list_sessions_with(&request.principal, fields).await?;
    let end = skipped + usize::from(request.page.size.get());
    let next = (end < all.len()).then(|| end.to_string().parse());
    let page = all.into_iter().skip(skipped).take(end - skipped);
    Ok(ListedPage::new(page.collect(), next.transpose()?))
}

mutants! {
    /// A cursor counts sessions, whoever has ended meanwhile.
    ["PGE-2"] PagesListsByPosition {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            match number(&request.page) {
                Some(skipped) => from(m, &request, skipped).await,
                None => m.list(&request).await,
            }
        }
    }

    /// A cursor is a deadline: of those who have the same one a page holds some, and the next none.
    ["PGE-1" "PGE-2"] SkipsTheSameDeadline {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            if page.next.is_some() {
                let at = PageRequest::new(page.next.as_ref(), request.page.size);
                let deadline = ListPosition::of(&at)?.deadline();
                page.next = Some(ListPosition::at(deadline.plus_millis(1)).cursor());
            }
            Ok(page)
        }
    }

    /// One begins with it, for ever.
    ["PGE-1"] RepeatsTheSameDeadline {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            if page.next.is_some() {
                let at = PageRequest::new(page.next.as_ref(), request.page.size);
                page.next = Some(ListPosition::at(ListPosition::of(&at)?.deadline()).cursor());
            }
            Ok(page)
        }
    }

    /// The next page begins behind the first session of it.
    ["PGE-1"] ForgetsOneOfAPage {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let is_first = request.page.cursor.is_none();
            let mut page = m.list(&request).await?;
            page.sessions.drain(..usize::from(!is_first).min(page.sessions.len()));
            Ok(page)
        }
    }

    /// Every page is as large as can be.
    ["PGE-1"] IgnoresListedSizes {
        async fn list(&self, m: &Memory, mut request: ListRequest) -> Result<ListedPage> {
            request.page.size = PageSize::MAX;
            m.list(&request).await
        }
    }

    /// A page is in order, and the pages are not.
    ["PGE-1"] OrdersEachPage {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            page.sessions.sort_by_key(|listed| listed.public_id);
            Ok(page)
        }
    }

    /// All or nothing of a session is shown.
    ["PGE-3"] ShowsAllFields {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            for listed in page.sessions.iter_mut().filter(|_| !request.fields.is_empty()) {
                let found = m.peek_session_of(&request.principal, &listed.public_id).await?;
                if let Some(record) = found {
                    listed.fields = record.fields().clone();
                }
            }
            Ok(page)
        }
    }

    /// What a session does not have is empty.
    ["PGE-3"] FillsInFields {
        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            for listed in &mut page.sessions {
                let mut filled: Fields = request.fields.iter().map(|it| (it.clone(), "".into())).collect();
                filled.extend(listed.fields.clone());
                listed.fields = filled;
            }
            Ok(page)
        }
    }

    /// A revocation is one page.
    ["PRN-8" "PGE-4"] StopsAfterAPage {
        async fn revoke(&self, m: &Memory, request: RevokeRequest) -> Result<RevokedPage> {
            let mut page = m.revoke(&request).await?;
            page.next = None;
            Ok(page)
        }
    }

    /// It is one step, however many there are.
    ["PGE-4"] EndsAllAtOnce {
        async fn revoke(&self, m: &Memory, mut request: RevokeRequest) -> Result<RevokedPage> {
            let mut ended = 0;
            loop {
                let page = m.revoke(&request).await?;
                ended += page.ended;
                request.page.cursor = page.next;
                if request.page.cursor.is_none() {
                    return Ok(RevokedPage::new(ended, None));
                }
            }
        }
    }

    /// It goes through the list, page by page: who is bound again meanwhile may be on none.
    ["PGE-4"] EndsWhatItLists {
        async fn revoke(&self, m: &Memory, request: RevokeRequest) -> Result<RevokedPage> {
            let RevokeRequest { principal, target, page, .. } = request;
            let kept = match target {
                RevokeTarget::AllExcept(id) => {
                    m.session(&id).await.and_then(|session| session.public_id())
                }
                _ => None,
            };
            let list = ListRequest::new(m.policy(), principal.clone(), Vec::new(), page)?;
            let listed = m.list(&list).await?;
            let mut ended = 0;
            for it in listed.sessions.iter().filter(|it| Some(it.public_id) != kept) {
                ended += u64::from(m.revoke_session(&principal, &it.public_id).await?);
            }
            Ok(RevokedPage::new(ended, listed.next))
        }
    }

    /// What is no cursor is the beginning.
    ["PGE-5"] BeginsAgain {
        async fn list(&self, m: &Memory, mut request: ListRequest) -> Result<ListedPage> {
            match m.list(&request).await {
                Err(error) if error.kind() == ErrorKind::InvalidCursor => {
                    request.page.cursor = None;
                    m.list(&request).await
                }
                page => page,
            }
        }
    }

    /// A revocation needs none.
    ["PGE-5"] IgnoresCursors {
        async fn revoke(&self, m: &Memory, mut request: RevokeRequest) -> Result<RevokedPage> {
            request.page.cursor = None;
            m.revoke(&request).await
        }
    }
}

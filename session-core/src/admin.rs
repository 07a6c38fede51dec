//! The trait of those who run a store, beside that of those who use it.

use std::collections::HashSet;
use std::fmt;

use async_trait::async_trait;

use crate::error::{Effect, Error, ErrorKind, Operation, Result};
use crate::page::{
    PageCursor, PageRequest, PageSize, RevokeInPageRequest, RevokedInPage, Selection,
    SessionOverview, SessionPage,
};
use crate::public_id::PublicId;

/// Lists all sessions of a store, whoever they belong to, and ends any of them.
///
/// A trait of its own, beside [`SessionBackend`](crate::SessionBackend): an application that serves
/// sessions needs none of it, and its account on the server should not have the right to it (in
/// Redis: `SCAN`). Each backend of this workspace makes one where it is asked to.
///
/// The **required steps** (`page`, `revoke_in_page`) are for implementors: each looks at one page
/// of the store, so that no step blocks a server for longer than that. The **provided methods** are
/// for operators. What every implementation must do are the clauses ADM of the
/// [contract](crate::_documentation::contract).
///
/// # Scans
/// A store is scanned page by page, each naming where the next begins. A session that lives from
/// the beginning of a scan to its end is on one of the pages; one that is created, rotated or ended
/// meanwhile may be on one or not; one session may be on two. A page may be empty, and still not be
/// the last. Where keys move from server to server (a Redis server that restarts or fails over, a
/// Cluster that moves hash slots) sessions may be left out: scan again when that is over. A cursor
/// that the store knows to be out of date is refused as
/// [`ErrorKind::InvalidCursor`](crate::ErrorKind::InvalidCursor); the methods that scan the whole
/// store then start again, a few times.
///
/// No page shows an id: it shows a [`PublicId`], with which a session can be ended and not opened.
/// Fields of the application's are shown of a session that is named, and of no other.
///
/// # Errors
/// As those of [`SessionBackend`](crate::SessionBackend). Each step ends within the backend's
/// deadline; a provided method that scans takes as many steps as there are pages.
///
/// # Cancellation
/// Dropping the future of any operation is safe. A scan ends where it is; what it has ended so far
/// stays ended.
///
/// # Example
/// ```
/// # async fn example(admin: &dyn session_core::SessionAdmin) -> session_core::Result<()> {
/// use session_core::PageSize;
///
/// let mut cursor = None;
/// loop {
///     let page = admin.list_page(cursor.as_ref(), PageSize::DEFAULT).await?;
///     for overview in &page.sessions {
///         println!("{} {:?}", overview.session.public_id, overview.ttl.whole_seconds());
///     }
///     cursor = page.next;
///     if cursor.is_none() {
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait SessionAdmin: fmt::Debug + Send + Sync + 'static {
    // ---- Required steps -------------------------------------------------------------------------

    /// The live sessions of one page, with the fields of the one that the request names, if it does
    /// and it is there. Changes nothing, touches nothing.
    async fn page(&self, request: &PageRequest) -> Result<SessionPage>;

    /// Ends those live sessions of this page that are meant, each in an atomic step of its own, as
    /// one look at the page has found them. Some may have ended when it fails.
    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage>;

    // ---- Provided -------------------------------------------------------------------------------

    /// One page of the live sessions, from the beginning or from where another page ended. `size`
    /// is how many keys the store looks at, about: those that are no live sessions are not shown.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCursor`](crate::ErrorKind::InvalidCursor) when the cursor is not one of
    /// this store's; [`ErrorKind::Denied`](crate::ErrorKind::Denied) when the server does not grant
    /// the right; and the backend's own.
    async fn list_page(&self, cursor: Option<&PageCursor>, size: PageSize) -> Result<SessionPage> {
        self.page(&PageRequest::new(cursor, size))
            .await
            .map_err(|error| error.during(Operation::ListPage))
    }

    /// How many live sessions there are. Scans the store; those that live throughout count once,
    /// those created or ended meanwhile once or not at all. Remembers the public ids of all it has
    /// seen.
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page).
    async fn count_sessions(&self) -> Result<u64> {
        let (mut seen, mut restarts) = (HashSet::new(), Restarts::default());
        let mut request = PageRequest::new(None, PageSize::MAX);
        loop {
            let page = match self.page(&request).await {
                Ok(page) => page,
                Err(error) if restarts.may_restart(&mut request, &error) => continue,
                Err(error) => return Err(error.during(Operation::CountSessions)),
            };
            seen.extend(
                page.sessions
                    .into_iter()
                    .map(|shown| shown.session.public_id),
            );
            match page.next {
                Some(next) => request.cursor = Some(next),
                None => return Ok(u64::try_from(seen.len()).unwrap_or(u64::MAX)),
            }
        }
    }

    /// The live session of this public id with the application's fields, bound to a principal or
    /// not; `None` if there is none. Touches nothing.
    ///
    /// Scans the whole store for it.
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page).
    async fn show_session(&self, public_id: &PublicId) -> Result<Option<SessionOverview>> {
        let mut restarts = Restarts::default();
        let mut request = PageRequest::new(None, PageSize::MAX).with_fields_of(*public_id);
        loop {
            let page = match self.page(&request).await {
                Ok(page) => page,
                Err(error) if restarts.may_restart(&mut request, &error) => continue,
                Err(error) => return Err(error.during(Operation::ListPage)),
            };
            let mut sessions = page.sessions.into_iter();
            if let Some(found) = sessions.find(|shown| shown.session.public_id == *public_id) {
                return Ok(Some(found));
            }
            match page.next {
                Some(next) => request.cursor = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Ends the live session of this public id, bound to a principal or not; whether there was one.
    ///
    /// Scans the whole store for it. Where the principal is known,
    /// [`SessionBackend::revoke_session`](crate::SessionBackend::revoke_session) looks at that
    /// one's sessions only. A session that is bound to nobody has another public id once it is
    /// rotated, and is then not ended.
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page).
    async fn revoke_session(&self, public_id: &PublicId) -> Result<bool> {
        let ended = self.revoke_named(&[*public_id]).await?;
        Ok(!ended.is_empty())
    }

    /// Ends the live sessions of these public ids in one scan; the public ids of those that there
    /// were. Otherwise as [`revoke_session`](Self::revoke_session).
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page). Some may have ended then; where some have, the effect is
    /// [`Effect::Unknown`](crate::Effect::Unknown).
    async fn revoke_named(&self, public_ids: &[PublicId]) -> Result<HashSet<PublicId>> {
        let (mut ended, mut restarts) = (HashSet::new(), Restarts::default());
        let page = PageRequest::new(None, PageSize::MAX);
        let mut left: HashSet<_> = public_ids.iter().copied().collect();
        let mut request = RevokeInPageRequest::new(page, Selection::All);
        while !left.is_empty() {
            request.which = Selection::Named(left.clone());
            let revoked = match self.revoke_in_page(&request).await {
                Ok(revoked) => revoked,
                Err(error) if restarts.may_restart(&mut request.page, &error) => continue,
                Err(error) => {
                    // What this page tells of itself says nothing of those before it.
                    let error = match ended.is_empty() {
                        true => error,
                        false => error.with_effect(Effect::Unknown),
                    };
                    return Err(error.during(Operation::RevokeSession));
                }
            };
            for public_id in revoked.ended {
                left.remove(&public_id);
                ended.insert(public_id);
            }
            match revoked.next {
                Some(next) => request.page.cursor = Some(next),
                None => break,
            }
        }
        Ok(ended)
    }
}

/// How often a scan has started again because its cursor was out of date.
#[derive(Default)]
struct Restarts {
    times: u8,
}

impl Restarts {
    const MOST: u8 = 3;

    /// Whether the scan is to start again after this failure; then the request is for the first
    /// page.
    fn may_restart(&mut self, request: &mut PageRequest, error: &Error) -> bool {
        let is_outdated = error.kind() == ErrorKind::InvalidCursor && request.cursor.is_some();
        if !is_outdated || self.times == Self::MOST {
            return false;
        }
        self.times += 1;
        request.cursor = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    const FIRST: &str = "AAAAAAAAAAAAAAAA";

    /// A store of two pages, whose second page's cursor is out of date so many times. There is a
    /// session on the first.
    #[derive(Debug)]
    struct Shifting(Mutex<u8>);

    impl Shifting {
        fn next(&self, request: &PageRequest) -> Result<Option<PageCursor>> {
            if request.cursor.is_none() {
                return Ok(Some("2".parse()?));
            }
            let mut left = self.0.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(Error::new(ErrorKind::InvalidCursor, Effect::NotApplied));
            }
            Ok(None)
        }
    }

    #[async_trait]
    impl SessionAdmin for Shifting {
        async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
            Ok(SessionPage::new(Vec::new(), self.next(request)?))
        }

        async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
            let next = self.next(&request.page)?;
            let first = PublicId::parse(FIRST).unwrap();
            let is_meant = matches!(&request.which, Selection::Named(all) if all.contains(&first));
            let is_here = request.page.cursor.is_none();
            let ended = (is_meant && is_here).then_some(first);
            Ok(RevokedInPage::new(ended.into_iter().collect(), next))
        }
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("nothing is waited for"),
        }
    }

    #[test]
    fn a_scan_whose_cursor_is_out_of_date_starts_again_a_few_times() {
        let public_id = PublicId::parse("BBBBBBBBBBBBBBBB").unwrap();
        let shifting = |times| Shifting(Mutex::new(times));
        assert_eq!(ready(shifting(3).count_sessions()).unwrap(), 0);
        assert!(!ready(shifting(3).revoke_session(&public_id)).unwrap());
        let errors = [
            ready(shifting(4).count_sessions()).unwrap_err(),
            ready(shifting(4).revoke_session(&public_id)).unwrap_err(),
        ];
        for error in &errors {
            let told = (error.kind(), error.effect());
            assert_eq!(told, (ErrorKind::InvalidCursor, Effect::NotApplied));
        }
        // Some have ended before.
        let both = [public_id, PublicId::parse(FIRST).unwrap()];
        let error = ready(shifting(4).revoke_named(&both)).unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown);
    }
}

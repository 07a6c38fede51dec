//! The trait of those who run a store, beside that of those who use it.

use std::collections::HashSet;
use std::fmt;

use async_trait::async_trait;

use crate::backend::Result;
use crate::error::{Effect, Error, ErrorKind, Operation};
use crate::id::SessionHandle;
use crate::page::{
    ConvertedPage, PageCursor, PageRequest, PageSize, RevokeInPageRequest, RevokedInPage,
    SessionPage,
};

/// Looks through all sessions of a store, whoever they belong to, and ends any of them.
///
/// A capability of its own, apart from [`SessionBackend`](crate::SessionBackend): an application that
/// serves sessions needs none of it, and its account on the server should not have the right to it (in
/// Redis: `SCAN`). Each backend of this workspace makes one where it is asked to.
///
/// The **required steps** (`page`, `revoke_in_page`, `convert_page`) are for implementors: each looks at
/// one page of the store, so that no step blocks a server for longer than that. The **provided methods**
/// are for operators. What every implementation must do are the clauses ADM of the
/// [contract](crate::_documentation::contract).
///
/// # Walks
/// A store is looked through page by page, each naming where the next begins. A session that lives
/// from the beginning of a walk to its end is on one of the pages; one that is created, rotated or ended
/// meanwhile may be on one or not; one session may be on two. A page may be empty, and still not be the
/// last. Where keys move from server to server (a Redis server that restarts or fails over, a Cluster that
/// moves hash slots) sessions may be left out: begin again when that is over. A place that is known to be
/// none any more is refused as [`ErrorKind::InvalidCursor`](crate::ErrorKind::InvalidCursor); the methods
/// that walk then begin anew, a few times.
///
/// No page shows an id: it shows a [`SessionHandle`], with which a session can be ended and not opened.
///
/// # Errors
/// As those of [`SessionBackend`](crate::SessionBackend). Each step ends within the backend's deadline;
/// a provided method that walks takes as many steps as there are pages.
///
/// # Cancellation
/// Dropping the future of any operation is safe. A walk ends where it is; what it ended or converted so
/// far stays so.
///
/// # Example
/// ```
/// # async fn example(admin: &dyn session_core::SessionAdmin) -> session_core::Result<()> {
/// use session_core::PageSize;
///
/// let mut cursor = None;
/// loop {
///     let page = admin.list_page(cursor.as_ref(), PageSize::DEFAULT).await?;
///     for session in &page.sessions {
///         println!("{} {}", session.handle, session.last_accessed_at.as_str().unwrap_or("?"));
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

    /// The live sessions of one page. Changes nothing, touches nothing.
    async fn page(&self, request: &PageRequest) -> Result<SessionPage>;

    /// Ends the live session of this handle if it is on this page.
    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage>;

    /// Stores the sessions of one page in the form that the store is set to, where it has several. They
    /// are in use meanwhile; nothing else about them changes.
    async fn convert_page(&self, request: &PageRequest) -> Result<ConvertedPage>;

    // ---- Provided -------------------------------------------------------------------------------

    /// One page of the live sessions, from the beginning or from where another page ended. `size` is how
    /// many keys the store looks at, about: those that are no live sessions are not shown.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCursor`](crate::ErrorKind::InvalidCursor) when the cursor is not one of this
    /// store's; [`ErrorKind::Denied`](crate::ErrorKind::Denied) when the server does not grant the right;
    /// and the backend's own.
    async fn list_page(&self, cursor: Option<&PageCursor>, size: PageSize) -> Result<SessionPage> {
        self.page(&PageRequest::new(cursor, size))
            .await
            .map_err(|error| error.during(Operation::ListPage))
    }

    /// How many live sessions there are. Walks through the store; those that live throughout count once,
    /// those created or ended meanwhile once or not at all. Remembers the handles of all it has seen.
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page).
    async fn count_sessions(&self) -> Result<u64> {
        let (mut seen, mut anew) = (HashSet::new(), Anew::default());
        let mut request = PageRequest::new(None, PageSize::MAX);
        loop {
            let page = match self.page(&request).await {
                Ok(page) => page,
                Err(error) if anew.may_begin(&mut request, &error) => continue,
                Err(error) => return Err(error.during(Operation::CountSessions)),
            };
            seen.extend(page.sessions.into_iter().map(|session| session.handle));
            match page.next {
                Some(next) => request.cursor = Some(next),
                None => return Ok(u64::try_from(seen.len()).unwrap_or(u64::MAX)),
            }
        }
    }

    /// Ends the live session of this handle, bound to a principal or not; whether there was one.
    ///
    /// Looks for it through the whole store. Where the principal is known,
    /// [`SessionBackend::revoke_session`](crate::SessionBackend::revoke_session) looks at that one's
    /// sessions only. A session that is rotated meanwhile has a new handle, and is not ended.
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page).
    async fn revoke_session(&self, handle: &SessionHandle) -> Result<bool> {
        let mut anew = Anew::default();
        let mut request = RevokeInPageRequest {
            page: PageRequest::new(None, PageSize::MAX),
            handle: handle.clone(),
        };
        loop {
            let answer = match self.revoke_in_page(&request).await {
                Ok(answer) => answer,
                Err(error) if anew.may_begin(&mut request.page, &error) => continue,
                Err(error) => return Err(error.during(Operation::RevokeSession)),
            };
            match answer.next {
                _ if answer.is_revoked => return Ok(true),
                Some(next) => request.page.cursor = Some(next),
                None => return Ok(false),
            }
        }
    }

    /// Stores all sessions in the form that the store is set to; how many were in another. Each is converted
    /// in one atomic step, and may be used meanwhile. See [`IdStorage`](crate::IdStorage) for what forms
    /// there are.
    ///
    /// None is left when a call answers 0, and keys did not move from server to server meanwhile.
    ///
    /// # Errors
    /// As [`list_page`](Self::list_page), and [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// when there is a session that cannot be converted. Converting again goes on where it stopped.
    async fn convert_sessions(&self) -> Result<u64> {
        let (mut converted, mut anew) = (0_u64, Anew::default());
        let mut request = PageRequest::new(None, PageSize::MAX);
        loop {
            let answer = match self.convert_page(&request).await {
                Ok(answer) => answer,
                Err(error) if anew.may_begin(&mut request, &error) => continue,
                Err(error) => {
                    let error = match converted {
                        0 => error,
                        _ => error.with_effect(Effect::Unknown),
                    };
                    return Err(error.during(Operation::ConvertSessions));
                }
            };
            converted = converted.saturating_add(answer.converted);
            match answer.next {
                Some(next) => request.cursor = Some(next),
                None => return Ok(converted),
            }
        }
    }
}

/// How often a walk begins anew whose place is none any more.
#[derive(Default)]
struct Anew {
    times: u8,
}

impl Anew {
    const MOST: u8 = 3;

    /// Whether this failure means that the walk is to begin anew; then the request is for the first page.
    fn may_begin(&mut self, request: &mut PageRequest, error: &Error) -> bool {
        let is_lost = error.kind() == ErrorKind::InvalidCursor && request.cursor.is_some();
        if !is_lost || self.times == Self::MOST {
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

    /// A store of two pages, whose second is lost so many times.
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
            Ok(RevokedInPage::new(false, self.next(&request.page)?))
        }

        async fn convert_page(&self, request: &PageRequest) -> Result<ConvertedPage> {
            Ok(ConvertedPage::new(1, self.next(request)?))
        }
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("nothing is waited for"),
        }
    }

    #[test]
    fn a_walk_whose_place_is_lost_begins_anew_a_few_times() {
        let handle = SessionHandle::parse("AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let shifting = |times| Shifting(Mutex::new(times));
        assert_eq!(ready(shifting(3).count_sessions()).unwrap(), 0);
        assert!(!ready(shifting(3).revoke_session(&handle)).unwrap());
        assert_eq!(ready(shifting(3).convert_sessions()).unwrap(), 5);
        let errors = [
            ready(shifting(4).count_sessions()).unwrap_err(),
            ready(shifting(4).revoke_session(&handle)).unwrap_err(),
            ready(shifting(4).convert_sessions()).unwrap_err(),
        ];
        for error in &errors {
            assert_eq!(error.kind(), ErrorKind::InvalidCursor);
        }
        assert_eq!(errors[2].effect(), Effect::Unknown, "some were converted");
    }
}

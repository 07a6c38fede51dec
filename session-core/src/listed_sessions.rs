//! All sessions of a principal as a stream.

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::backend::SessionBackend;
use crate::error::{Operation, Result};
use crate::field::FieldName;
use crate::listed::ListedSession;
use crate::page::{ListedPage, PageRequest};
use crate::principal::Principal;
use crate::public_id::PublicId;
use crate::steps::ListRequest;

/// The live sessions of a principal, one by one, nearest deadline first; each once. Reads the next
/// page when one is used up, so it holds one page of however many there are (and the public ids of
/// all it has shown).
///
/// A [`Stream`], and with [`next`](Self::next) of its own for those who use it as no other. It ends
/// with the first error. Each page ends within the backend's
/// [`deadline`](SessionBackend::deadline). What it shows and whom it may miss says
/// [`list_sessions_page`](SessionBackend::list_sessions_page).
///
/// ```
/// # use std::sync::Arc;
/// # use session_core::{FieldName, ListedSessions, Principal, Result, SessionBackend};
/// # async fn example(backend: Arc<dyn SessionBackend>, user: Principal) -> Result<()> {
/// let device = FieldName::new("user_agent")?;
/// let mut sessions = ListedSessions::new(backend, user, vec![device])?;
/// while let Some(session) = sessions.next().await {
///     let session = session?;
///     println!("{}: {:?}", session.public_id, session.fields.get_str("user_agent"));
/// }
/// # Ok(())
/// # }
/// ```
pub struct ListedSessions<'a> {
    read: Box<dyn Fn(ListRequest) -> Reading<'a> + Send + 'a>,
    state: State<'a>,
    page: std::vec::IntoIter<ListedSession>,
    seen: HashSet<PublicId>,
}

/// A page that is being read, and the request for it.
type Reading<'a> = Pin<Box<dyn Future<Output = (ListRequest, Result<ListedPage>)> + Send + 'a>>;

enum State<'a> {
    /// The page is used up; the next one is to be read.
    Due(ListRequest),
    Reading(Reading<'a>),
    /// There is no next page.
    Over,
}

impl<'a> ListedSessions<'a> {
    /// The sessions of this principal, with these fields of each as far as it has them. Nothing is
    /// sent before the first is asked for. The backend is a reference, or an `Arc`, to one:
    /// `&dyn SessionBackend`, `Arc<dyn SessionBackend>`.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) when these are more fields, or
    /// longer names, than a session may have.
    pub fn new<B>(backend: B, principal: Principal, fields: Vec<FieldName>) -> Result<Self>
    where
        B: Deref<Target: SessionBackend> + Clone + Send + Sync + 'a,
    {
        let first = PageRequest::default();
        let request = ListRequest::new(backend.policy(), principal, fields, first)
            .map_err(|error| error.during(Operation::ListSessions))?;
        let read = move |request: ListRequest| -> Reading<'a> {
            let backend = backend.clone();
            Box::pin(async move {
                let page = backend.list(&request).await;
                (request, page)
            })
        };
        Ok(Self {
            read: Box::new(read),
            state: State::Due(request),
            page: Vec::new().into_iter(),
            seen: HashSet::new(),
        })
    }

    /// The next session; `None` after the last, and after an error.
    ///
    /// # Errors
    /// The backend's own.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: the next call goes on with it.
    pub async fn next(&mut self) -> Option<Result<ListedSession>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for ListedSessions<'_> {
    type Item = Result<ListedSession>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ListedSession>>> {
        let this = &mut *self;
        loop {
            if let Some(session) = this.page.next() {
                if this.seen.insert(session.public_id) {
                    return Poll::Ready(Some(Ok(session)));
                }
                continue;
            }
            match std::mem::replace(&mut this.state, State::Over) {
                State::Due(request) => this.state = State::Reading((this.read)(request)),
                State::Reading(mut reading) => {
                    let Poll::Ready((mut request, page)) = reading.as_mut().poll(context) else {
                        this.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    match page {
                        Ok(page) => {
                            this.page = page.sessions.into_iter();
                            if page.next.is_some() {
                                request.page.cursor = page.next;
                                this.state = State::Due(request);
                            }
                        }
                        Err(error) => {
                            let error = error.during(Operation::ListSessions);
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for ListedSessions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedSessions")
            .field("shown", &self.seen.len())
            .field("is_over", &matches!(self.state, State::Over))
            .finish_non_exhaustive()
    }
}

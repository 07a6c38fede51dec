//! Pages, of a principal's sessions and of a whole store; the requests and outcomes of
//! [`SessionAdmin`](crate::SessionAdmin).

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use crate::error::{Effect, Error, ErrorKind};
use crate::listed::ListedSession;
use crate::principal::Principal;
use crate::public_id::PublicId;
use crate::stored::StoredSession;
use crate::time::{Remaining, Timestamp, UnixMillis};
use crate::ttl::SessionTtl;

/// Where a page begins: 1 to 128 visible ASCII characters that only the store understands. Holds no
/// secret; may be put into a link.
///
/// ```
/// use session_core::PageCursor;
///
/// let cursor: PageCursor = "0.4711".parse()?;
/// assert_eq!(cursor.as_str(), "0.4711");
/// # Ok::<(), session_core::InvalidPageCursor>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageCursor(String);

/// Not a page's cursor: expected 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid page cursor: expected 1 to 128 visible ASCII characters")]
pub struct InvalidPageCursor;

impl PageCursor {
    /// The greatest length, in characters.
    pub const MAX_LEN: usize = 128;

    /// The cursor's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PageCursor {
    type Err = InvalidPageCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_length = (1..=Self::MAX_LEN).contains(&text.len());
        if is_length && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPageCursor)
        }
    }
}

impl From<InvalidPageCursor> for Error {
    fn from(invalid: InvalidPageCursor) -> Self {
        Self::new(ErrorKind::InvalidCursor, Effect::NotApplied).with_source(invalid)
    }
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// About how many keys a page looks at: 1 to 256. The store may look at a few more, or at fewer
/// where it shows many fields of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u16);

/// Not the size of a page: expected 1 to 256 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid page size: expected 1 to {} keys", PageSize::MAX.get())]
pub struct InvalidPageSize;

impl PageSize {
    /// A screenful: 100 keys.
    pub const DEFAULT: Self = Self(100);
    /// The most keys that one step looks at: about a millisecond of a server's time.
    pub const MAX: Self = Self(256);

    /// So many keys.
    ///
    /// # Errors
    /// [`InvalidPageSize`] unless from 1 to 256.
    pub fn new(keys: u32) -> Result<Self, InvalidPageSize> {
        u16::try_from(keys)
            .ok()
            .filter(|keys| (1..=Self::MAX.0).contains(keys))
            .map(Self)
            .ok_or(InvalidPageSize)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl From<InvalidPageSize> for Error {
    fn from(invalid: InvalidPageSize) -> Self {
        Self::new(ErrorKind::InvalidPageSize, Effect::NotApplied).with_source(invalid)
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PageSize {
    type Err = InvalidPageSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map_err(|_| InvalidPageSize)
            .and_then(Self::new)
    }
}

impl TryFrom<&str> for PageSize {
    type Error = InvalidPageSize;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for PageSize {
    type Error = InvalidPageSize;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Which page to look at, of the store or of a principal's sessions.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PageRequest {
    /// Where it begins; `None` for the first.
    pub cursor: Option<PageCursor>,
    /// About how many keys to look at.
    pub size: PageSize,
    /// Of a page of the store: the session whose fields are shown too. None are of any other.
    pub fields_of: Option<PublicId>,
}

impl PageRequest {
    /// The page that begins here, the first if no cursor is given.
    pub fn new(cursor: Option<&PageCursor>, size: PageSize) -> Self {
        Self {
            cursor: cursor.cloned(),
            size,
            fields_of: None,
        }
    }

    /// The same page of the store, with the application's fields of the session of this public id,
    /// if it is on it. No effect on a page of a principal's sessions.
    #[must_use]
    pub fn with_fields_of(mut self, public_id: PublicId) -> Self {
        self.fields_of = Some(public_id);
        self
    }
}

impl Default for PageRequest {
    /// The first page, as large as can be.
    fn default() -> Self {
        Self::new(None, PageSize::MAX)
    }
}

/// A place in a principal's list, as backends name it in cursors: right before the sessions of a
/// deadline, or right behind one of them. Ordered as the list is.
///
/// It names sessions that may come and go, and their order never changes: so pages that begin at
/// such places leave out nobody who lives throughout.
///
/// ```
/// use session_core::{ListPosition, PageRequest, PageSize, PublicId, UnixMillis};
///
/// let (deadline, public_id) = (UnixMillis::new(1_760_000_000_000), PublicId::random()?);
/// let cursor = ListPosition::behind(deadline, public_id).cursor();
/// let page = PageRequest::new(Some(&cursor), PageSize::DEFAULT);
/// let position = ListPosition::of(&page)?;
/// assert!(!position.is_before(deadline, public_id));
/// assert!(position.is_before(deadline.plus_millis(1), public_id));
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListPosition {
    deadline: UnixMillis,
    behind: Option<PublicId>,
}

impl ListPosition {
    /// Before all sessions.
    pub const BEGINNING: Self = Self::at(UnixMillis::new(0));

    /// Before all sessions of this deadline.
    pub const fn at(deadline: UnixMillis) -> Self {
        Self {
            deadline,
            behind: None,
        }
    }

    /// Behind the session of this deadline and this public id.
    pub const fn behind(deadline: UnixMillis, public_id: PublicId) -> Self {
        Self {
            deadline,
            behind: Some(public_id),
        }
    }

    /// Where the page begins.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCursor`] unless its cursor is one that [`cursor`](Self::cursor) returns.
    pub fn of(page: &PageRequest) -> Result<Self, Error> {
        let Some(cursor) = &page.cursor else {
            return Ok(Self::BEGINNING);
        };
        Self::parse(cursor.as_str())
            .ok_or_else(|| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied))
    }

    fn parse(text: &str) -> Option<Self> {
        let (millis, public_id) = match text.split_once('.') {
            Some((millis, public_id)) => (millis, Some(PublicId::parse(public_id).ok()?)),
            None => (text, None),
        };
        let position = Self {
            deadline: UnixMillis::new(millis.parse().ok()?),
            behind: public_id,
        };
        // One text for one position; no session has a deadline of 0.
        let is_one = public_id.is_none() || position.deadline > Self::BEGINNING.deadline;
        (is_one && position.cursor().as_str() == text).then_some(position)
    }

    /// The cursor of the page that begins here: the deadline and, behind a dot, the public id.
    pub fn cursor(&self) -> PageCursor {
        let millis = self.deadline.get();
        PageCursor(match self.behind {
            Some(public_id) => format!("{millis}.{public_id}"),
            None => millis.to_string(),
        })
    }

    /// The deadline of the sessions that it is before, or among.
    pub const fn deadline(&self) -> UnixMillis {
        self.deadline
    }

    /// Of the sessions of that deadline the one that it is behind; `None` before all of them.
    pub const fn public_id(&self) -> Option<PublicId> {
        self.behind
    }

    /// Whether the session of this deadline and this public id comes after it.
    pub fn is_before(&self, deadline: UnixMillis, public_id: PublicId) -> bool {
        *self < Self::behind(deadline, public_id)
    }
}

/// One page of a principal's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedPage {
    /// The live sessions of the page, nearest deadline first, those with the same deadline in order
    /// of their public ids. There may be none, though more pages follow.
    pub sessions: Vec<ListedSession>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<PageCursor>,
}

impl ListedPage {
    /// A page, and where the next one begins.
    pub fn new(sessions: Vec<ListedSession>, next: Option<PageCursor>) -> Self {
        Self { sessions, next }
    }
}

/// The outcome of one page of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokedPage {
    /// How many live sessions it ended.
    pub ended: u64,
    /// Where the next page begins; `None` when the revocation is done.
    pub next: Option<PageCursor>,
}

impl RevokedPage {
    /// A page that ended so many sessions, and where the next one begins.
    pub fn new(ended: u64, next: Option<PageCursor>) -> Self {
        Self { ended, next }
    }
}

/// Which sessions of a store an operator means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// All.
    All,
    /// Those of these public ids, as pages show them.
    Named(HashSet<PublicId>),
    /// Those whose `created_at` is before this time. It is the application's clock that has written
    /// it; a use, a log-in, a rotation keep it.
    CreatedBefore(Timestamp),
}

impl Selection {
    /// Whether a session is meant; `None` where that cannot be told: the stored `created_at` is no
    /// time.
    ///
    /// ```
    /// use session_core::{
    ///     ListedSession, PublicId, Remaining, Selection, SessionOverview, SessionTtl, Timestamp,
    /// };
    ///
    /// let at = "2026-04-02T12:34:56+00:00";
    /// let session = ListedSession::new(PublicId::random()?, at.into(), at.into(), None);
    /// let ttl = SessionTtl::from_secs(1800)?;
    /// let overview = SessionOverview::new(session, ttl, Remaining::NoExpiry);
    /// assert_eq!(Selection::All.includes(&overview), Some(true));
    /// let before = Timestamp::parse(at).expect("a time");
    /// assert_eq!(Selection::CreatedBefore(before).includes(&overview), Some(false));
    /// # Ok::<(), session_core::Error>(())
    /// ```
    pub fn includes(&self, overview: &SessionOverview) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::Named(public_ids) => Some(public_ids.contains(&overview.session.public_id)),
            Self::CreatedBefore(time) => Some(overview.session.created_at()? < *time),
        }
    }
}

/// End those sessions of this page that are meant.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevokeInPageRequest {
    /// The page.
    pub page: PageRequest,
    /// The sessions.
    pub which: Selection,
}

impl RevokeInPageRequest {
    /// These sessions of this page.
    pub fn new(page: PageRequest, which: Selection) -> Self {
        Self { page, which }
    }
}

/// One page of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionPage {
    /// The live sessions among the keys of the page, in no order.
    pub sessions: Vec<SessionOverview>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<PageCursor>,
}

impl SessionPage {
    /// A page.
    pub fn new(sessions: Vec<SessionOverview>, next: Option<PageCursor>) -> Self {
        Self { sessions, next }
    }
}

/// What an operator sees of a session. No id; fields of the application's only where the request
/// names the session ([`PageRequest::with_fields_of`]).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOverview {
    /// What the list of a principal shows, too. The public id is the session's own if it is bound,
    /// else the one that is derived from its id ([`PublicId::of_unbound`]).
    pub session: ListedSession,
    /// Whom it is bound to.
    pub principal: Option<Principal>,
    /// The sliding TTL that is stored.
    pub configured_ttl: SessionTtl,
    /// What remains of its life, if nobody uses it.
    pub ttl: Remaining,
    /// The end of its absolute lifetime.
    pub deadline: Option<UnixMillis>,
}

impl SessionOverview {
    /// The overview of a session that is bound to nobody and has no deadline.
    pub fn new(session: ListedSession, configured_ttl: SessionTtl, ttl: Remaining) -> Self {
        Self {
            session,
            principal: None,
            configured_ttl,
            ttl,
            deadline: None,
        }
    }

    /// The overview of a session of which so much remains. `of_unbound` derives the public id of a
    /// session that is bound to nobody, and is called only for such a one.
    pub fn of(
        session: &StoredSession,
        ttl: Remaining,
        of_unbound: impl FnOnce() -> PublicId,
    ) -> Self {
        Self {
            session: ListedSession::under(session.public_id_or(of_unbound), session),
            principal: session.principal(),
            configured_ttl: session.configured_ttl(),
            ttl,
            deadline: session.deadline(),
        }
    }
}

/// The outcome of a [`RevokeInPageRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokedInPage {
    /// The public ids of the live sessions that it has ended.
    pub ended: Vec<PublicId>,
    /// How many live sessions it has left alone because it cannot be told whether they are meant.
    pub undecided: u64,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<PageCursor>,
}

impl RevokedInPage {
    /// A page on which these sessions were ended, and where the next one begins.
    pub fn new(ended: Vec<PublicId>, next: Option<PageCursor>) -> Self {
        Self {
            ended,
            undecided: 0,
            next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_short_visible_texts() {
        for text in ["", "a b", "é", "\n", &"a".repeat(129)] {
            assert_eq!(
                text.parse::<PageCursor>(),
                Err(InvalidPageCursor),
                "{text:?}"
            );
        }
        assert!("a".repeat(128).parse::<PageCursor>().is_ok());
    }

    #[test]
    fn a_position_is_one_text_and_no_other() {
        let (deadline, public_id) = (UnixMillis::new(1_760), PublicId::from_digest(&[7; 32]));
        let before = ListPosition::at(deadline);
        let behind = ListPosition::behind(deadline, public_id);
        for position in [ListPosition::BEGINNING, before, behind] {
            let text = position.cursor().to_string();
            assert_eq!(ListPosition::parse(&text), Some(position));
            for (head, tail) in [
                ("+", ""),
                ("-", ""),
                ("0", ""),
                ("", "."),
                ("", "A"),
                (".", ""),
            ] {
                assert_eq!(ListPosition::parse(&format!("{head}{text}{tail}")), None);
            }
        }
        assert!(before.is_before(deadline, public_id) && !behind.is_before(deadline, public_id));
        let least = PublicId::parse("-".repeat(PublicId::LEN)).unwrap();
        assert!(before.is_before(deadline, least) && !behind.is_before(deadline, least));
    }

    #[test]
    fn a_page_has_a_size_that_a_server_bears() {
        assert_eq!(PageSize::new(0), Err(InvalidPageSize));
        assert_eq!(PageSize::new(257), Err(InvalidPageSize));
        assert_eq!(PageSize::new(256), Ok(PageSize::MAX));
        assert_eq!(PageSize::new(1).map(PageSize::get), Ok(1));
        assert_eq!(PageSize::DEFAULT.to_string().parse(), Ok(PageSize::DEFAULT));
        assert_eq!("-1".parse::<PageSize>(), Err(InvalidPageSize));
    }
}

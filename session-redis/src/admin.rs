//! The admin API: the store, page by page.
//!
//! A page is what one `SCAN` of one server looks at, in one script, so its sessions are as they are
//! at one moment. A cluster is scanned node by node, in the order of the least slot that each
//! serves.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::future::join_all;
use session_core::steps::{ReadOutcome, RemoveOutcome};
use session_core::{
    Effect, Error, ErrorKind, FieldValue, Fields, ListedSession, PageCursor, PageRequest,
    Principal, PublicId, Result, RevokeInPageRequest, RevokedInPage, SessionAdmin, SessionOverview,
    SessionPage, SessionTtl, async_trait,
};

use crate::backend::RedisBackend;
use crate::cluster::{Master, Masters};
use crate::connection::Connect;
use crate::operation::{Operation, Servers, after_eviction};
use crate::reply::{self, Outcome, Parts, Reply, corrupt};
use crate::script_call::{self, Owner};
use crate::server_error::{is_redirected, worse};

/// The admin API of a backend's sessions, created by [`RedisBackend::admin`].
///
/// A page is one round trip and one script, which looks at the page's keys by `SCAN` and at nothing
/// else: the server is never blocked for longer. In a Redis Cluster the nodes are scanned one after
/// another, and each scan begins with a look at the map of slots. The ACL needs `+scan` beside what
/// the backend needs. Sessions are shown that the backend would find: while two key formats are
/// read, those of both.
pub struct RedisAdmin<C: Connect>(RedisBackend<C>);

impl<C: Connect> RedisBackend<C> {
    /// The admin API of these sessions: lists all of them, and ends any. Over the same connections;
    /// the account needs the right to `SCAN` as well.
    pub fn admin(&self) -> RedisAdmin<C> {
        RedisAdmin(self.clone())
    }
}

impl<C: Connect> RedisAdmin<C> {
    pub(crate) fn backend(&self) -> &RedisBackend<C> {
        &self.0
    }
}

impl<C: Connect> Clone for RedisAdmin<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Connect> fmt::Debug for RedisAdmin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisAdmin").field(&self.0).finish()
    }
}

#[async_trait]
impl<C: Connect> SessionAdmin for RedisAdmin<C> {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        let operation = self.0.operation().await?;
        let (found, next) = operation.page(request).await?;
        let mut sessions = Vec::with_capacity(found.len());
        for mut found in found {
            let public_id = found.overview.session.public_id;
            if request.fields_of == Some(public_id) {
                match operation.fields(&found).await? {
                    Some(fields) => found.overview.session.fields = fields,
                    // It has ended since.
                    None => continue,
                }
            }
            sessions.push(found.overview);
        }
        Ok(SessionPage::new(sessions, next))
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        let operation = self.0.operation().await?;
        let (found, next) = operation.page(&request.page).await?;
        let (mut meant, mut undecided) = (Vec::new(), 0);
        for found in &found {
            match request.which.includes(&found.overview) {
                Some(true) => meant.push(found),
                Some(false) => {}
                None => undecided += 1,
            }
        }
        let endings = meant.into_iter().map(|found| async {
            // Where an unbound one was rotated meanwhile, its public id is another's: nobody's.
            let outcome = operation.end(&found.suffix, found.owner(), false).await?;
            let is_ended = outcome == RemoveOutcome::Removed;
            Ok(is_ended.then_some(found.overview.session.public_id))
        });
        let (mut ended, mut failure) = (Vec::new(), None);
        for outcome in join_all(endings).await {
            match outcome {
                Ok(public_id) => ended.extend(public_id),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        match failure {
            Some(error) => Err(after_eviction(!ended.is_empty(), error)),
            None => {
                let mut revoked = RevokedInPage::new(ended, next);
                revoked.undecided = undecided;
                Ok(revoked)
            }
        }
    }
}

/// A session of a page.
struct Found {
    /// Of its key.
    suffix: Bytes,
    /// It has a public id of its own.
    is_listed: bool,
    overview: SessionOverview,
}

impl Found {
    /// A bound session is to be that one still; an unbound one has no public id of its own.
    fn owner(&self) -> Option<Owner<'_>> {
        let principal = self.overview.principal.as_ref();
        let owner = principal.map(|principal| Owner {
            principal: principal.as_str().as_bytes(),
            public_id: self.overview.session.public_id.as_str().as_bytes(),
        });
        owner.filter(|_| self.is_listed)
    }
}

/// How many slots are tried to reach a node, while slots migrate.
const SLOTS_TO_TRY: usize = 8;

impl<C: Connect> Operation<'_, C> {
    /// The live sessions of a page, and where the next one begins.
    async fn page(&self, request: &PageRequest) -> Result<(Vec<Found>, Option<PageCursor>)> {
        let masters = match self.servers {
            Servers::Standalone(_) => Masters::standalone(),
            Servers::Cluster(cluster) => {
                let is_beginning = request.cursor.is_none();
                cluster.masters(is_beginning, self.deadline).await?
            }
        };
        let is_cluster = matches!(self.servers, Servers::Cluster(_));
        let first = masters.first().ok_or_else(corrupt)?;
        let position = match &request.cursor {
            Some(cursor) => Position::parse(cursor, is_cluster).ok_or_else(invalid_cursor)?,
            None if is_cluster => Position::beginning_of(first),
            None => Position::Standalone { scan: 0 },
        };
        let master = match position {
            Position::Standalone { .. } => first,
            // If it has changed hands since, the scan has to begin again.
            Position::Node {
                slot, fingerprint, ..
            } => masters.find(slot, fingerprint).ok_or_else(invalid_cursor)?,
        };
        let outcome = self.scan(master, position, request.size.get()).await?;
        let Outcome::Done(mut parts) = outcome else {
            return Err(corrupt());
        };
        let next = match number(parts.next())? {
            0 => match position {
                Position::Standalone { .. } => None,
                Position::Node { .. } => masters.after(master).map(Position::beginning_of),
            },
            scan => Some(position.at(scan)),
        };
        let next = next.map(|next| next.to_string().parse()).transpose()?;
        let mut sessions = Vec::new();
        while let Some(suffix) = parts.next() {
            let suffix = reply::bytes(Some(suffix))?;
            // Taken off in any case: the next session's parts follow.
            let shown = overview(&mut parts)?;
            let of_unbound = self.keys.public_id_of_unbound(&suffix);
            sessions.extend(of_unbound.map(|of_unbound| shown(suffix, of_unbound)));
        }
        Ok((sessions, next))
    }

    /// The application's fields of a session, if it is there still.
    async fn fields(&self, found: &Found) -> Result<Option<Fields>> {
        let key = self.keys.with_suffix(&found.suffix);
        match self.run(&script_call::peek(&key, found.owner())).await? {
            Outcome::Done(parts) => match reply::found(parts)? {
                ReadOutcome::Found(record) => Ok(Some(record.fields().clone())),
                _ => Ok(None),
            },
            Outcome::NotFound | Outcome::Rotated(_) => Ok(None),
            _ => Err(corrupt()),
        }
    }

    /// What the node says. A slot of its own that is migrating leads to another node, whose keys
    /// are not meant: then another slot is tried.
    async fn scan(&self, master: &Master, position: Position, size: u16) -> Result<Outcome> {
        let mut failure = None;
        for slot in master.slots_to_try(SLOTS_TO_TRY) {
            let call = script_call::scan::page(self.keys, slot, position.scan(), size);
            match self.run(&call).await {
                Err(error) if is_redirected(&error) => failure = Some(error),
                outcome => return outcome,
            }
        }
        Err(failure.unwrap_or_else(corrupt))
    }
}

fn invalid_cursor() -> Error {
    Error::new(ErrorKind::InvalidCursor, Effect::NotApplied)
}

fn number<T: FromStr>(reply: Option<Reply>) -> Result<T> {
    let text = reply::bytes(reply)?;
    let text = std::str::from_utf8(&text).map_err(|_| corrupt())?;
    text.parse().map_err(|_| corrupt())
}

/// What a page shows of one session, once its key is known for a session's.
fn overview(parts: &mut Parts) -> Result<impl FnOnce(Bytes, PublicId) -> Found + use<>> {
    let created_at = FieldValue::from(reply::bytes(parts.next())?);
    let last_accessed_at = FieldValue::from(reply::bytes(parts.next())?);
    let seconds = u64::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
    let configured_ttl = SessionTtl::from_secs(seconds).map_err(|_| corrupt())?;
    let ttl = reply::remaining(parts.next())?;
    let deadline = reply::deadline(parts.next())?;
    let principal = reply::text_or_nil(parts.next())?;
    let public_id = reply::text_or_nil(parts.next())?;
    let login_at = reply::stored_time(parts.next())?;
    Ok(move |suffix, of_unbound| {
        let principal = principal.and_then(|name| {
            let name = std::str::from_utf8(&name).ok()?;
            Principal::new(name).ok()
        });
        let own = public_id.and_then(|text| PublicId::parse(&text).ok());
        let own = own.filter(|_| principal.is_some());
        let session = ListedSession::new(
            own.unwrap_or(of_unbound),
            created_at,
            last_accessed_at,
            login_at,
        );
        let mut overview = SessionOverview::new(session, configured_ttl, ttl);
        overview.deadline = deadline;
        overview.principal = principal;
        Found {
            suffix,
            is_listed: own.is_some() && deadline.is_some(),
            overview,
        }
    })
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Of one server, here in its `SCAN`.
    Standalone { scan: u64 },
    /// Of a cluster, on the node whose least slot this is and whose fingerprint this, here in its
    /// `SCAN`.
    Node {
        slot: u16,
        fingerprint: u16,
        scan: u64,
    },
}

impl Position {
    fn parse(cursor: &PageCursor, is_cluster: bool) -> Option<Self> {
        let mut numbers = cursor.as_str().split('.');
        let position = if is_cluster {
            Self::Node {
                slot: numbers.next()?.parse().ok()?,
                fingerprint: numbers.next()?.parse().ok()?,
                scan: numbers.next()?.parse().ok()?,
            }
        } else {
            Self::Standalone {
                scan: numbers.next()?.parse().ok()?,
            }
        };
        // One text for one position.
        (position.to_string() == cursor.as_str()).then_some(position)
    }

    fn beginning_of(master: &Master) -> Self {
        Self::Node {
            slot: master.least_slot(),
            fingerprint: master.fingerprint(),
            scan: 0,
        }
    }

    /// Where the next page of the same `SCAN` begins.
    fn at(self, scan: u64) -> Self {
        match self {
            Self::Standalone { .. } => Self::Standalone { scan },
            Self::Node {
                slot, fingerprint, ..
            } => Self::Node {
                slot,
                fingerprint,
                scan,
            },
        }
    }

    fn scan(self) -> u64 {
        match self {
            Self::Standalone { scan } | Self::Node { scan, .. } => scan,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standalone { scan } => write!(f, "{scan}"),
            Self::Node {
                slot,
                fingerprint,
                scan,
            } => write!(f, "{slot}.{fingerprint}.{scan}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_one_text_and_no_other() {
        let parse = |text: &str, is_cluster| Position::parse(&text.parse().unwrap(), is_cluster);
        let standalone = Position::Standalone { scan: u64::MAX };
        assert_eq!(parse(&standalone.to_string(), false), Some(standalone));
        assert_eq!(parse(&standalone.to_string(), true), None);
        let node = Position::Node {
            slot: 16_383,
            fingerprint: 7,
            scan: u64::MAX,
        };
        assert_eq!(parse(&node.to_string(), true), Some(node));
        assert_eq!(parse(&node.to_string(), false), None);
        for text in [
            "0.", ".0", "-1", "0.-1", "00", "0.01", "0.1.1.1", "+1", "x", "256.0", "0.0.",
        ] {
            assert_eq!(parse(text, false), None, "{text}");
            assert_eq!(parse(text, true), None, "{text}");
        }
    }
}

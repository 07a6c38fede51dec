//! The steps of an administration: the store, page by page.
//!
//! A page is what one `SCAN` of one server looks at, in one script, so its sessions are as they are at one
//! moment. A cluster is looked through node by node, in the order of the least slot that each serves.

use bytes::Bytes;
use session_core::{
    ConvertedPage, Effect, Error, ErrorKind, FieldValue, PageCursor, PageRequest, Principal,
    RevokeInPageRequest, RevokedInPage, SessionOverview, SessionPage, SessionTtl,
};

use super::Dialogue;
use super::apart::Apart;
use super::course::{Course, Server};
use crate::call::pages::{self as calls, Shows};
use crate::cluster::{Master, Masters};
use crate::fault::{is_redirected, worse};
use crate::key::{Form, KeySpace, Topology};
use crate::reply::{self, Outcome, Reply, corrupt};

/// See [`SessionAdmin::page`](session_core::SessionAdmin::page).
pub fn page<'a>(
    keys: &'a KeySpace,
    request: &'a PageRequest,
    masters: Masters,
) -> impl Dialogue<Answer = SessionPage> + use<'a> {
    Course::of(|server| async move {
        let scan = Scan::of(keys, request, &masters)?;
        let (mut parts, next) = scan.ask(&server, Shows::Sessions).await?;
        let mut sessions = Vec::new();
        while let Some(name) = parts.next() {
            sessions.extend(overview(keys, &reply::bytes(Some(name))?, &mut parts)?);
        }
        Ok(SessionPage::new(sessions, next))
    })
}

/// See [`SessionAdmin::revoke_in_page`](session_core::SessionAdmin::revoke_in_page).
pub fn revoke_in_page<'a>(
    keys: &'a KeySpace,
    request: &'a RevokeInPageRequest,
    masters: Masters,
) -> impl Dialogue<Answer = RevokedInPage> + use<'a> {
    Course::of(|server| async move {
        let scan = Scan::of(keys, &request.page, &masters)?;
        let (names, next) = scan.ask_names(&server).await?;
        let is_meant = |name: &Bytes| keys.handle_in_use(name).as_ref() == Some(&request.handle);
        let Some(name) = names.into_iter().find(is_meant) else {
            return Ok(RevokedInPage::new(false, next));
        };
        let apart = Apart { keys, server };
        let mut is_revoked = false;
        for name in keys.names_from(name) {
            is_revoked = is_revoked || apart.end(calls::end(keys, &name), name).await?;
        }
        // There is no other session of this handle.
        Ok(RevokedInPage::new(is_revoked, None))
    })
}

/// See [`SessionAdmin::convert_page`](session_core::SessionAdmin::convert_page).
pub fn convert_page<'a>(
    keys: &'a KeySpace,
    request: &'a PageRequest,
    masters: Masters,
) -> impl Dialogue<Answer = ConvertedPage> + use<'a> {
    Course::of(|server| async move {
        let scan = Scan::of(keys, request, &masters)?;
        if keys.form() == Form::Plain || keys.topology() == Topology::Cluster {
            return nothing_is_in_other_form(&scan, &server).await;
        }
        let (names, next) = scan.ask_names(&server).await?;
        let convert = |name: &Bytes| Some(calls::convert(keys, name, &keys.plain_id(name)?));
        let converting = names.iter().filter_map(convert).collect();
        let (mut converted, mut failure) = (0, None);
        for answer in server.ask_all(converting).await {
            match answer.and_then(reply::outcome) {
                Ok(Outcome::Done(_)) => converted += 1,
                // It has ended meanwhile; or there is a session of its id already, which is the one in use.
                Ok(Outcome::Gone | Outcome::IdTaken) => {}
                Ok(_) => return Err(corrupt()),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        match failure {
            None => Ok(ConvertedPage::new(converted, next)),
            Some(error) if converted == 0 => Err(error),
            Some(error) => Err(error.with_effect(Effect::Unknown)),
        }
    })
}

/// Where sessions are not converted: to plain ones never, and in a cluster not at all, as a session's two keys
/// are in different slots and no script moves it. So a page has no session in the other form, or this cannot
/// be done.
async fn nothing_is_in_other_form(
    scan: &Scan<'_>,
    server: &Server,
) -> Result<ConvertedPage, Error> {
    let (names, next) = scan.ask_names(server).await?;
    let others = names.iter().filter(|name| scan.keys.is_in_other_form(name));
    let peek = others.map(|name| calls::peek(scan.keys, name)).collect();
    for answer in server.ask_all(peek).await {
        match reply::outcome(answer?)? {
            Outcome::Gone => {}
            Outcome::Done(_) => {
                return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied));
            }
            _ => return Err(corrupt()),
        }
    }
    Ok(ConvertedPage::new(0, next))
}

/// By how many slots a node is tried to be reached, while slots move.
const WAYS: usize = 8;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Of one server, at this place of the `SCAN` of this pass.
    OneServer { pass: u8, place: u64 },
    /// Of a cluster, on the node whose least slot this is and whose mark this, at this place of its `SCAN`.
    Node { slot: u16, mark: u16, place: u64 },
}

impl Position {
    fn parse(cursor: &PageCursor, keys: &KeySpace) -> Option<Self> {
        let mut numbers = cursor.as_str().split('.');
        let position = match keys.topology() {
            Topology::OneServer => Self::OneServer {
                pass: numbers.next()?.parse().ok()?,
                place: numbers.next()?.parse().ok()?,
            },
            Topology::Cluster => Self::Node {
                slot: numbers.next()?.parse().ok()?,
                mark: numbers.next()?.parse().ok()?,
                place: numbers.next()?.parse().ok()?,
            },
        };
        // One text for one position.
        (position.to_string() == cursor.as_str()).then_some(position)
    }

    fn beginning_of(master: &Master) -> Self {
        Self::Node {
            slot: master.least_slot(),
            mark: master.mark(),
            place: 0,
        }
    }

    /// Where the next page of the same `SCAN` begins.
    fn at(self, place: u64) -> Self {
        match self {
            Self::OneServer { pass, .. } => Self::OneServer { pass, place },
            Self::Node { slot, mark, .. } => Self::Node { slot, mark, place },
        }
    }

    fn place(self) -> u64 {
        match self {
            Self::OneServer { place, .. } | Self::Node { place, .. } => place,
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneServer { pass, place } => write!(f, "{pass}.{place}"),
            Self::Node { slot, mark, place } => write!(f, "{slot}.{mark}.{place}"),
        }
    }
}

/// A page to look at.
struct Scan<'a> {
    keys: &'a KeySpace,
    masters: &'a Masters,
    master: &'a Master,
    from: Position,
    size: u16,
}

impl<'a> Scan<'a> {
    fn of(keys: &'a KeySpace, request: &PageRequest, masters: &'a Masters) -> Result<Self, Error> {
        let first = masters.first().ok_or_else(corrupt)?;
        let from = match &request.cursor {
            Some(cursor) => Position::parse(cursor, keys),
            None => Some(match keys.topology() {
                Topology::OneServer => Position::OneServer { pass: 0, place: 0 },
                Topology::Cluster => Position::beginning_of(first),
            }),
        };
        let from_master = from.and_then(|from| match from {
            Position::OneServer { pass, .. } => (pass < passes(keys)).then_some((from, first)),
            // If it has changed hands since, the walk has to begin again.
            Position::Node { slot, mark, .. } => Some((from, masters.find(slot, mark)?)),
        });
        let (from, master) =
            from_master.ok_or_else(|| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied))?;
        Ok(Self {
            keys,
            masters,
            master,
            from,
            size: request.size.get(),
        })
    }

    /// What the page shows, and where the next one begins.
    async fn ask(
        &self,
        server: &Server,
        shows: Shows,
    ) -> Result<(std::vec::IntoIter<Reply>, Option<PageCursor>), Error> {
        let Outcome::Done(mut parts) = reply::outcome(self.answer(server, shows).await?)? else {
            return Err(corrupt());
        };
        let place = reply::bytes(parts.next())?;
        let place = std::str::from_utf8(&place).map_err(|_| corrupt())?;
        let next = match place.parse().map_err(|_| corrupt())? {
            0 => self.after_this_scan(),
            place => Some(self.from.at(place)),
        };
        let next = next.map(|next| next.to_string().parse()).transpose()?;
        Ok((parts, next))
    }

    /// The node's answer. A slot of its own that is on its way leads to another node, whose keys are not
    /// meant: then another slot is tried.
    async fn answer(&self, server: &Server, shows: Shows) -> Result<Reply, Error> {
        let mut failure = None;
        for slot in self.master.ways(WAYS) {
            let call = calls::scan(self.keys, slot, self.from.place(), self.size, shows);
            match server.ask(call).await {
                Err(error) if is_redirected(&error) => failure = Some(error),
                answer => return answer,
            }
        }
        Err(failure.unwrap_or_else(corrupt))
    }

    fn after_this_scan(&self) -> Option<Position> {
        match self.from {
            Position::OneServer { pass, .. } => {
                let pass = pass + 1;
                (pass < passes(self.keys)).then_some(Position::OneServer { pass, place: 0 })
            }
            Position::Node { .. } => self.masters.after(self.master).map(Position::beginning_of),
        }
    }

    async fn ask_names(&self, server: &Server) -> Result<(Vec<Bytes>, Option<PageCursor>), Error> {
        let (parts, next) = self.ask(server, Shows::Names).await?;
        let names: Result<_, Error> = parts.map(|name| reply::bytes(Some(name))).collect();
        Ok((names?, next))
    }
}

/// How often a walk goes through the keys of one server. A session that is converted meanwhile gets a key that
/// the walk may have passed, in the place of one that it has not reached. That happens to a session once, so
/// the second pass finds it.
fn passes(keys: &KeySpace) -> u8 {
    if keys.is_between_forms() { 2 } else { 1 }
}

/// What a page shows of one session; nothing, if none is looked for under its name.
fn overview(
    keys: &KeySpace,
    name: &[u8],
    parts: &mut std::vec::IntoIter<Reply>,
) -> Result<Option<SessionOverview>, Error> {
    let handle = keys.handle_in_use(name);
    let created_at = FieldValue::from(reply::bytes(parts.next())?);
    let last_accessed_at = FieldValue::from(reply::bytes(parts.next())?);
    let seconds = u64::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
    let ttl = SessionTtl::from_secs(seconds).map_err(|_| corrupt())?;
    let remaining = reply::remaining(parts.next())?;
    let deadline = reply::deadline(parts.next())?;
    let principal = reply::principal(parts.next())?;
    Ok(handle.map(|handle| {
        let mut overview =
            SessionOverview::new(handle, created_at, last_accessed_at, ttl, remaining);
        overview.deadline = deadline;
        overview.principal = principal.and_then(|name| {
            let name = std::str::from_utf8(&name).ok()?;
            Principal::new(name).ok()
        });
        overview
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyPrefix;
    use session_core::IdStorage;

    #[test]
    fn a_cursor_is_one_text_and_no_other() {
        let one = KeySpace::new(KeyPrefix::default(), IdStorage::Plain);
        let cluster = one.clone().at(Topology::Cluster);
        let parse = |text: &str, keys| Position::parse(&text.parse().unwrap(), keys);
        let (pass, place) = (1, u64::MAX);
        let position = Position::OneServer { pass, place };
        assert_eq!(parse(&position.to_string(), &one), Some(position));
        assert_eq!(parse(&position.to_string(), &cluster), None);
        let (slot, mark) = (16_383, 7);
        let position = Position::Node { slot, mark, place };
        assert_eq!(parse(&position.to_string(), &cluster), Some(position));
        assert_eq!(parse(&position.to_string(), &one), None);
        for text in [
            "0", "0.", ".0", "-1.0", "0.-1", "00.1", "0.01", "0.1.1.1", "+1.0", "x.1", "256.0",
            "0.0.",
        ] {
            assert_eq!(parse(text, &one), None, "{text}");
            assert_eq!(parse(text, &cluster), None, "{text}");
        }
    }
}

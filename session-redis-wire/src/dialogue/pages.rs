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
use crate::cluster::Masters;
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
                Err(error) => failure = Some(error),
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
    let (mut parts, next) = scan.ask(server, Shows::Sessions).await?;
    while let Some(name) = parts.next() {
        let name = reply::bytes(Some(name))?;
        if scan.keys.is_in_other_form(&name) {
            return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied));
        }
        overview(scan.keys, &name, &mut parts)?;
    }
    Ok(ConvertedPage::new(0, next))
}

/// Where a page begins: on the node that serves this slot, at this place of its `SCAN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    slot: u16,
    place: u64,
}

impl Position {
    fn parse(cursor: &PageCursor) -> Option<Self> {
        let (slot, place) = cursor.as_str().split_once('.')?;
        let position = Self {
            slot: slot.parse().ok().filter(|slot| *slot < 16_384)?,
            place: place.parse().ok()?,
        };
        // One text for one position.
        (position.to_string() == cursor.as_str()).then_some(position)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.slot, self.place)
    }
}

/// A page to look at.
struct Scan<'a> {
    keys: &'a KeySpace,
    masters: &'a Masters,
    from: Position,
    size: u16,
}

impl<'a> Scan<'a> {
    fn of(keys: &'a KeySpace, request: &PageRequest, masters: &'a Masters) -> Result<Self, Error> {
        let from = match &request.cursor {
            None => Position {
                slot: masters.first(),
                place: 0,
            },
            Some(cursor) => Position::parse(cursor)
                .filter(|from| from.slot == 0 || keys.topology() == Topology::Cluster)
                .ok_or_else(|| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied))?,
        };
        Ok(Self {
            keys,
            masters,
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
        let Position { slot, place } = self.from;
        let call = calls::scan(self.keys, slot, place, self.size, shows);
        let Outcome::Done(mut parts) = reply::outcome(server.ask(call).await?)? else {
            return Err(corrupt());
        };
        let next_place = reply::bytes(parts.next())?;
        let next_place = std::str::from_utf8(&next_place).map_err(|_| corrupt())?;
        let next = match next_place.parse().map_err(|_| corrupt())? {
            0 => self
                .masters
                .after(slot)
                .map(|slot| Position { slot, place: 0 }),
            place => Some(Position { slot, place }),
        };
        let next = next.map(|next| next.to_string().parse()).transpose()?;
        Ok((parts, next))
    }

    async fn ask_names(&self, server: &Server) -> Result<(Vec<Bytes>, Option<PageCursor>), Error> {
        let (parts, next) = self.ask(server, Shows::Names).await?;
        let names: Result<_, Error> = parts.map(|name| reply::bytes(Some(name))).collect();
        Ok((names?, next))
    }
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

    #[test]
    fn a_cursor_is_one_text_and_no_other() {
        let parse = |text: &str| Position::parse(&text.parse().unwrap());
        let position = Position {
            slot: 16_383,
            place: u64::MAX,
        };
        assert_eq!(parse(&position.to_string()), Some(position));
        for text in [
            "0", "0.", ".0", "16384.0", "-1.0", "0.-1", "00.1", "0.01", "0.1.1", "+1.0", "x.1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

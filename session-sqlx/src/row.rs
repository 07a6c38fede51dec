//! A row of the table, and the session or tombstone that it is.

use session_core::rules::State;
use session_core::{
    FieldValue, ListPosition, Principal, PublicId, Remaining, StoredSession, Tombstone, UnixMillis,
    reserved,
};

use crate::text::{bytes, object, pairs, text};

/// Bytes of a row's key: the SHA-256 of the session's id.
pub(crate) const KEY_LEN: usize = 32;

/// What a row is found under: the SHA-256 of the session's id, so that who reads the table holds
/// nobody's session.
pub(crate) type Key = [u8; KEY_LEN];

/// The columns that make a session, a tombstone, or something that is neither.
///
/// A reserved text that its column cannot hold stands in `fields` under its own name. Only such of
/// an operator's or another program's making are.
#[derive(Clone, Default)]
pub(crate) struct Columns {
    pub(crate) expires_at: Option<i64>,
    pub(crate) deadline: Option<i64>,
    /// Seconds; only a session has it.
    pub(crate) ttl: Option<i64>,
    pub(crate) created_at: Option<String>,
    pub(crate) last_accessed_at: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) public_id: Option<String>,
    pub(crate) login_at: Option<i64>,
    pub(crate) persistent: Option<i64>,
    /// Until when a tombstone counts; only a tombstone has it.
    pub(crate) rotated_until: Option<i64>,
    pub(crate) successor: Option<Vec<u8>>,
    /// A JSON object.
    pub(crate) fields: String,
}

/// A row as a statement returned it.
pub(crate) struct Row {
    /// Whether the statement has changed it.
    pub(crate) is_changed: bool,
    /// The database's clock, read once for the statement.
    pub(crate) now: UnixMillis,
    pub(crate) id: Vec<u8>,
    pub(crate) columns: Columns,
}

/// What a row is at a moment.
pub(crate) enum Content {
    Live(State),
    /// A tombstone that counts, and the key that the session has moved to.
    Rotated(Option<Key>),
    /// No session, or one that has ended.
    Nothing,
}

/// Milliseconds or seconds as the database counts them.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn millis(time: UnixMillis) -> i64 {
    integer(time.get())
}

fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(u64::try_from(millis).unwrap_or(0))
}

fn number(value: &[u8]) -> Option<i64> {
    UnixMillis::parse(value).map(millis)
}

impl Row {
    pub(crate) fn new(is_changed: bool, now: i64, id: Vec<u8>, columns: Columns) -> Self {
        Self {
            is_changed,
            now: time(now),
            id,
            columns,
        }
    }

    pub(crate) fn key(&self) -> Key {
        Key::try_from(self.id.as_slice()).unwrap_or_default()
    }

    /// What remains of its life.
    pub(crate) fn ttl(&self) -> Remaining {
        let expires_at = self.columns.expires_at.map(time);
        expires_at.map_or(Remaining::NoExpiry, |at| Remaining::In(at.since(self.now)))
    }

    /// The session of the row, whether or not it is live.
    pub(crate) fn into_state(self) -> Option<State> {
        let expires_at = self.columns.expires_at.map(time);
        let session = self.columns.into_session()?;
        Some(State {
            session,
            expires_at,
        })
    }

    pub(crate) fn into_content(self) -> Content {
        let now = self.now;
        if let Some(until) = self.columns.rotated_until {
            let is_over = self.columns.expires_at.is_some_and(|at| time(at) < now);
            let successor = self.columns.successor.as_deref();
            return match now <= time(until) && !is_over {
                true => Content::Rotated(successor.and_then(|key| Key::try_from(key).ok())),
                false => Content::Nothing,
            };
        }
        match self.into_state() {
            Some(state) if state.is_live(now) => Content::Live(state),
            _ => Content::Nothing,
        }
    }

    /// Where the session is in the list of its principal.
    pub(crate) fn position(&self) -> Option<ListPosition> {
        let public_id = PublicId::parse(self.columns.public_id.as_deref()?).ok()?;
        Some(ListPosition::behind(
            time(self.columns.deadline?),
            public_id,
        ))
    }

    /// Whether a key is here: what has expired is as good as deleted.
    pub(crate) fn is_taken(&self) -> bool {
        self.columns
            .expires_at
            .is_none_or(|at| self.now <= time(at))
    }
}

impl Columns {
    /// The row of a session.
    pub(crate) fn of(state: &State) -> Self {
        let mut columns = Self::of_session(&state.session);
        columns.expires_at = state.expires_at.map(millis);
        columns
    }

    /// The row of a session, without its expiry.
    pub(crate) fn of_session(session: &StoredSession) -> Self {
        let mut columns = Self::default();
        let mut fields = session.to_hash();
        fields.retain(|(name, value)| {
            let name = std::str::from_utf8(name).unwrap_or_default();
            !columns.hold(name, value.as_bytes())
        });
        let fields = fields
            .iter()
            .map(|(name, value)| (text(name), Some(text(value.as_bytes()))));
        columns.fields = object(fields);
        columns
    }

    /// The row of a tombstone.
    pub(crate) fn of_tombstone(tombstone: &Tombstone) -> Self {
        let until = Some(millis(tombstone.until()));
        Self {
            expires_at: until,
            rotated_until: until,
            successor: tombstone.successor().map(<[u8]>::to_vec),
            fields: "{}".to_owned(),
            ..Self::default()
        }
    }

    /// Puts a reserved field into its column, if there is one that holds its text.
    fn hold(&mut self, name: &str, value: &[u8]) -> bool {
        let as_text = || std::str::from_utf8(value).ok();
        match name {
            reserved::CREATED_AT => self.created_at = Some(text(value).into_owned()),
            reserved::LAST_ACCESSED_AT => self.last_accessed_at = Some(text(value).into_owned()),
            reserved::SESSION_TTL => self.ttl = number(value),
            reserved::SESSION_DEADLINE => self.deadline = number(value),
            reserved::SESSION_PRINCIPAL => {
                let principal = as_text().and_then(|text| Principal::new(text).ok());
                self.principal = principal.map(|it| text(it.as_str().as_bytes()).into_owned());
                return self.principal.is_some();
            }
            reserved::SESSION_PUBLIC_ID => {
                self.public_id = PublicId::parse(value).ok().map(|id| id.as_str().to_owned());
                return self.public_id.is_some();
            }
            reserved::SESSION_LOGIN_AT => {
                self.login_at = number(value);
                return self.login_at.is_some();
            }
            reserved::SESSION_PERSISTENT => {
                self.persistent = match value {
                    b"0" => Some(0),
                    b"1" => Some(1),
                    _ => None,
                };
                return self.persistent.is_some();
            }
            _ => return false,
        }
        true
    }

    fn into_session(self) -> Option<StoredSession> {
        let ttl = self.ttl?;
        let numbers = [
            (reserved::SESSION_TTL, Some(ttl)),
            (reserved::SESSION_DEADLINE, self.deadline),
            (reserved::SESSION_LOGIN_AT, self.login_at),
            (reserved::SESSION_PERSISTENT, self.persistent),
        ];
        let texts = [
            (reserved::CREATED_AT, self.created_at),
            (reserved::LAST_ACCESSED_AT, self.last_accessed_at),
            (reserved::SESSION_PRINCIPAL, self.principal),
            (reserved::SESSION_PUBLIC_ID, self.public_id),
        ];
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, number)| Some((name, FieldValue::from(number?))));
        let texts = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, FieldValue::from(bytes(text?)))));
        let columns = numbers.chain(texts);
        let columns = columns.map(|(name, value)| (name.as_bytes().to_vec(), value));
        let fields = pairs(&self.fields)?.into_iter();
        let fields = fields.map(|(name, value)| (name, FieldValue::from(value)));
        StoredSession::parse(columns.chain(fields)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(now: u64, columns: Columns) -> Row {
        Row::new(false, integer(now), vec![7; KEY_LEN], columns)
    }

    /// What its column cannot hold stands among the fields, and comes back.
    #[test]
    fn a_session_is_its_row_whatever_its_reserved_texts_are() {
        let odd: &[u8] = b"\xff\0";
        for (name, value) in [
            ("session_deadline", &b"9000"[..]),
            ("session_principal", b""),
            ("session_principal", odd),
            ("session_public_id", odd),
            ("session_login_at", b"01"),
            ("session_login_at", b"17"),
            ("session_persistent", b"yes"),
            ("session_persistent", b"0"),
            ("created_at", b"base64:"),
            ("n\0", odd),
        ] {
            let mut hash = vec![
                ("created_at", b"yesterday".to_vec()),
                ("last_accessed_at", odd.to_vec()),
                ("session_ttl", b"15".to_vec()),
                ("\"a\\", b"1".to_vec()),
            ];
            hash.retain(|(other, _)| *other != name);
            hash.push((name, value.to_vec()));
            let session = StoredSession::parse(hash).unwrap();
            let state = State {
                session,
                expires_at: Some(UnixMillis::new(500)),
            };
            let columns = Columns::of(&state);
            assert!(!columns.fields.contains('\0'), "{name}");
            let found = row(500, columns.clone()).into_state();
            assert_eq!(found, Some(state), "{name}");
            let content = row(501, columns).into_content();
            assert!(matches!(content, Content::Nothing), "{name}");
        }
    }

    #[test]
    fn a_tombstone_counts_through_its_last_millisecond() {
        let key = [7; KEY_LEN];
        for (successor, expected) in [(Some(&key[..]), Some(key)), (None, None)] {
            let successor = successor.map(FieldValue::from);
            let lifetime = session_core::Lifetime::MIN;
            let tombstone = Tombstone::new(UnixMillis::new(9_000), lifetime, successor);
            let columns = Columns::of_tombstone(&tombstone);
            let at = |now| row(now, columns.clone()).into_content();
            assert!(matches!(at(10_000), Content::Rotated(found) if found == expected));
            assert!(matches!(at(10_001), Content::Nothing));
        }
    }
}

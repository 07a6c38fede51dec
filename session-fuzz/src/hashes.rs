//! The hash of a session.

use std::collections::BTreeMap;

use session_core::rules::State;
use session_core::{FieldValue, Principal, StoredSession, UnixMillis, reserved};

type Hash = BTreeMap<Vec<u8>, Vec<u8>>;

/// Each line is the name of a field, `=`, and its value. The hash is a session exactly if it has
/// the reserved fields, each well-formed; the session is the hash, and nothing shows its values.
pub fn hashes(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let pair = |line: &[u8]| {
        let end = line.iter().position(|byte| *byte == b'=')?;
        let (name, value) = line.split_at(end);
        Some((name.to_vec(), value.get(1..)?.to_vec()))
    };
    let hash: Hash = lines.filter_map(pair).collect();
    let Ok(session) = parse(&hash) else {
        return assert!(!is_valid(&hash));
    };
    assert!(is_valid(&hash));
    let same: Hash = session
        .to_hash()
        .into_iter()
        .map(|(name, value)| (name.to_vec(), value.as_bytes().to_vec()))
        .collect();
    assert_eq!(same, hash);
    assert_eq!(parse(&same), Ok(session.clone()));

    let now = UnixMillis::new(1_800_000_000_000);
    let deadline = text(&hash, reserved::SESSION_DEADLINE).and_then(|it| it.parse::<u64>().ok());
    let is_over = deadline.is_some_and(|deadline| deadline <= now.get());
    let state = State {
        session: session.clone(),
        expires_at: None,
    };
    assert_eq!(state.is_live(now), !is_over);

    // What is shown of the session does not depend on what its fields hold.
    let mut other = hash;
    for (name, value) in &mut other {
        let is_reserved = reserved::ALL
            .iter()
            .any(|it| it.as_bytes() == name.as_slice());
        if !is_reserved {
            value.fill(b'x');
        }
    }
    let shown = |session: &StoredSession| format!("{session:?}");
    assert_eq!(parse(&other).as_ref().map(shown), Ok(shown(&session)));
}

fn parse(hash: &Hash) -> Result<StoredSession, session_core::InvalidHash> {
    let pairs = hash.iter();
    StoredSession::parse(pairs.map(|(name, value)| (name.clone(), FieldValue::from(value.clone()))))
}

/// As the text of the contract has it.
fn is_valid(hash: &Hash) -> bool {
    let has = |name: &str| hash.contains_key(name.as_bytes());
    let number = |name| {
        let text = text(hash, name)?;
        let number = text.parse::<u64>().ok()?;
        (number > 0 && number.to_string() == text).then_some(number)
    };
    let principal = text(hash, reserved::SESSION_PRINCIPAL);
    let is_bound = principal.is_some_and(|it| Principal::new(it).is_ok());
    let has_deadline = has(reserved::SESSION_DEADLINE);
    let deadline = number(reserved::SESSION_DEADLINE);
    has(reserved::CREATED_AT)
        && has(reserved::LAST_ACCESSED_AT)
        && number(reserved::SESSION_TTL).is_some_and(|ttl| u32::try_from(ttl).is_ok())
        && (!has_deadline || deadline.is_some_and(|it| it < 1_000_000_000_000_000))
        && (has_deadline || !is_bound)
        && !has(reserved::SESSION_ROTATED)
}

fn text<'a>(hash: &'a Hash, name: &str) -> Option<&'a str> {
    std::str::from_utf8(hash.get(name.as_bytes())?).ok()
}

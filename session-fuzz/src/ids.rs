//! The ids of sessions, public ids and cursors.

use session_core::{ListPosition, PageCursor, PageRequest, PageSize, PublicId, SessionId};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An id is so many characters of canonical base64url, and nothing else; it is its text, which its
/// `Debug` does not show.
pub fn ids(data: &[u8]) {
    match SessionId::parse(data) {
        Ok(id) => {
            assert!(is_canonical(data, 43, 4));
            assert_eq!(id.expose().as_bytes(), data);
            assert_eq!(format!("{id:?}").len(), "SessionId(sha256:12345678)".len());
            assert_eq!(PublicId::of_unbound(&id).as_str().len(), PublicId::LEN);
        }
        Err(_) => assert!(!is_canonical(data, 43, 4)),
    }
    match PublicId::parse(data) {
        Ok(id) => {
            assert!(is_canonical(data, 16, 1));
            assert_eq!(id.to_string().as_bytes(), data);
        }
        Err(_) => assert!(!is_canonical(data, 16, 1)),
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let is_cursor = (1..=128).contains(&data.len()) && data.iter().all(u8::is_ascii_graphic);
    let cursor = text.parse::<PageCursor>();
    assert_eq!(cursor.is_ok(), is_cursor);
    if let Ok(cursor) = cursor {
        let page = PageRequest::new(Some(&cursor), PageSize::MAX);
        if let Ok(position) = ListPosition::of(&page) {
            assert_eq!(position.cursor(), cursor);
        }
    }
}

/// So many characters, of the last of which only the bits above `step` are used.
fn is_canonical(text: &[u8], length: usize, step: usize) -> bool {
    let index = |byte| ALPHABET.iter().position(|of_alphabet| of_alphabet == byte);
    let last = text.last().and_then(index);
    text.len() == length
        && text.iter().all(|byte| index(byte).is_some())
        && last.is_some_and(|last| last % step == 0)
}

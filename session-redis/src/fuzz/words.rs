//! Replies as words: `:7` is a number, `-` nothing, `[` and `]` are about an array, all else is a
//! string.

use bytes::Bytes;

use crate::reply::Reply;

/// How deep arrays are nested.
const DEEPEST: usize = 9;

/// The reply that the words say. Arrays that are not closed end with the words.
pub(super) fn reply(data: &[u8]) -> Reply {
    let mut open = vec![Vec::new()];
    for word in data
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
    {
        let reply = match word {
            b"[" if open.len() < DEEPEST => {
                open.push(Vec::new());
                continue;
            }
            b"]" if open.len() > 1 => Reply::Array(open.pop().unwrap_or_default()),
            b"-" => Reply::Nil,
            [b':', digits @ ..] => {
                let digits = std::str::from_utf8(digits).unwrap_or_default();
                Reply::Integer(digits.parse().unwrap_or_default())
            }
            word => Reply::Bytes(Bytes::copy_from_slice(word)),
        };
        if let Some(parts) = open.last_mut() {
            parts.push(reply);
        }
    }
    let close = |inner: Vec<Reply>, mut outer: Vec<Reply>| {
        outer.push(Reply::Array(inner));
        outer
    };
    let mut parts = open.into_iter().rev().reduce(close).unwrap_or_default();
    match parts.len() {
        1 => parts.pop().unwrap_or(Reply::Nil),
        _ => Reply::Array(parts),
    }
}

pub(super) fn array(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(parts) => parts,
        _ => &[],
    }
}

pub(super) fn text(reply: &Reply) -> &[u8] {
    match reply {
        Reply::Bytes(text) => text,
        _ => &[],
    }
}

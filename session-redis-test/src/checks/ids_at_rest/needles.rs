//! What of an id must be nowhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::SessionId;

/// A piece of so many bytes gives an id away: 72 bits of its text, which no other text has by
/// chance.
const WINDOW: usize = 12;
/// The characters of an id that a hashed name shows.
const TAG: usize = 3;

/// The ids of which there is a piece in one of these texts, each with the place of its first one.
/// Pieces are of their texts behind the first three characters, of their 32 bytes, and of the
/// hexadecimal digits of those: the whole of a form cannot be somewhere without its pieces.
pub(super) fn found_in<'a>(
    texts: &[Vec<u8>],
    ids: &'a BTreeSet<SessionId>,
) -> BTreeMap<&'a SessionId, String> {
    let mut pieces = HashMap::new();
    for id in ids {
        for (form, bytes) in forms(id) {
            let windows = bytes.windows(WINDOW).map(<[u8]>::to_vec);
            pieces.extend(windows.map(|piece| (piece, (id, form))));
        }
    }
    let mut found = BTreeMap::new();
    for text in texts {
        for (at, piece) in text.windows(WINDOW).enumerate() {
            if let Some((id, form)) = pieces.get(piece) {
                let place = || format!("{form} at byte {at} of {}", text.len());
                found.entry(*id).or_insert_with(place);
            }
        }
    }
    found
}

fn forms(id: &SessionId) -> [(&'static str, Vec<u8>); 4] {
    let text = id.expose();
    let bytes = URL_SAFE_NO_PAD.decode(text).expect("an id is base64url");
    let hex = |digit: fn(&u8) -> String| bytes.iter().map(digit).collect::<String>().into_bytes();
    [
        ("text", text.bytes().skip(TAG).collect()),
        ("hex", hex(|byte| format!("{byte:02x}"))),
        ("HEX", hex(|byte| format!("{byte:02X}"))),
        ("bytes", bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_each_form_is_found_and_a_hashed_name_is_not() {
        let ids: BTreeSet<_> = [(); 2].map(|()| SessionId::random().unwrap()).into();
        for id in &ids {
            for (form, bytes) in forms(id) {
                let text = [b"\r\n$43 ", &bytes[5..5 + WINDOW], b"\0"].concat();
                let found = found_in(&[b"session:".to_vec(), text], &ids);
                assert_eq!(found.keys().collect::<Vec<_>>(), [&id], "{form}");
            }
            let (tag, _) = id.expose().split_at(TAG);
            let name = format!("{{{tag}}}{}", URL_SAFE_NO_PAD.encode(id.digest()));
            assert!(found_in(&[name.into()], &ids).is_empty());
        }
    }
}

//! What of an id must be nowhere.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::SessionId;

/// A piece of so many bytes gives an id away: 72 bits of its text, which no other text has by chance.
const WINDOW: usize = 12;
/// The characters of an id that a hashed name shows.
const TAG: usize = 3;

/// Every piece of some ids: of their texts behind the first three characters, of their 32 bytes, and of the
/// hexadecimal digits of those. The whole of a form cannot be somewhere without its pieces.
pub(super) struct Needles<'a> {
    pieces: HashMap<Vec<u8>, (&'a SessionId, &'static str)>,
}

impl<'a> Needles<'a> {
    pub(super) fn of(ids: impl IntoIterator<Item = &'a SessionId>) -> Self {
        let mut pieces = HashMap::new();
        for id in ids {
            for (form, bytes) in forms(id) {
                let windows = bytes.windows(WINDOW).map(|piece| piece.to_vec());
                pieces.extend(windows.map(|piece| (piece, (id, form))));
            }
        }
        Self { pieces }
    }

    /// The ids of which there is a piece in one of these texts, each with the place of its first one.
    pub(super) fn found_in(&self, texts: &[Vec<u8>]) -> BTreeMap<&'a SessionId, String> {
        let mut found = BTreeMap::new();
        for text in texts {
            for (at, piece) in text.windows(WINDOW).enumerate() {
                if let Some((id, form)) = self.pieces.get(piece) {
                    let place = || format!("{form} at byte {at} of {}", text.len());
                    found.entry(*id).or_insert_with(place);
                }
            }
        }
        found
    }
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
    fn a_piece_of_each_form_is_found_wherever_it_begins() {
        let ids = [(); 3].map(|()| SessionId::random().unwrap());
        let needles = Needles::of(&ids);
        for id in &ids {
            for (form, bytes) in forms(id) {
                for piece in bytes.windows(WINDOW) {
                    let text = [b"\r\n$43 ", piece, b"\0"].concat();
                    let found = needles.found_in(&[b"session:".to_vec(), text]);
                    assert_eq!(found.keys().collect::<Vec<_>>(), [&id], "{form}");
                }
            }
        }
    }

    #[test]
    fn three_characters_and_a_digest_are_not_found() {
        let id = SessionId::random().unwrap();
        let (tag, _) = id.expose().split_at(TAG);
        let name = format!("{{{tag}}}{}", URL_SAFE_NO_PAD.encode(id.digest()));
        assert!(Needles::of([&id]).found_in(&[name.into()]).is_empty());
    }
}

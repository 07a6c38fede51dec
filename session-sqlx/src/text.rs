//! Bytes as the database's texts hold them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde::ser::Serializer as _;

/// What the text begins with where it is not the bytes themselves.
const MARK: &str = "base64:";

/// Bytes as a text, one text for each: as they are where they are UTF-8, without the NUL that
/// PostgreSQL's texts cannot hold; base64url behind a mark where they are not, or begin with the
/// mark.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') && !text.starts_with(MARK) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes))),
    }
}

/// The bytes that a text stands for. What is behind a mark and no base64 stands for itself.
pub(crate) fn bytes(text: String) -> Vec<u8> {
    let decoded = text.strip_prefix(MARK);
    let decoded = decoded.and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
    decoded.unwrap_or_else(|| text.into_bytes())
}

/// A JSON object of texts.
pub(crate) fn object<'a>(
    pairs: impl IntoIterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)>,
) -> String {
    let mut json = Vec::with_capacity(128);
    // Texts into memory: nothing of it can fail.
    let written = serde_json::Serializer::new(&mut json).collect_map(pairs);
    written
        .ok()
        .and_then(|()| String::from_utf8(json).ok())
        .unwrap_or_else(|| "{}".to_owned())
}

/// A JSON array of texts.
pub(crate) fn array<'a>(texts: impl IntoIterator<Item = Cow<'a, str>>) -> String {
    let texts = serde_json::Value::Array(
        texts
            .into_iter()
            .map(|text| serde_json::Value::String(text.into_owned()))
            .collect(),
    );
    texts.to_string()
}

/// The pairs of a JSON object of texts; `None` when it is something else.
pub(crate) fn pairs(json: &str) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(Vec<u8>, Vec<u8>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, String>()? {
                pairs.push((bytes(name), bytes(value)));
            }
            Ok(pairs)
        }
    }

    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_map(Pairs).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back_and_no_two_have_one_text() {
        let all: Vec<u8> = (0..=255).collect();
        let cases: [&[u8]; 9] = [
            b"",
            b"plain",
            b"a\0b",
            b"\0",
            b"base64:",
            b"base64:YQ",
            b"base64:not base64!",
            &[0xff, 0xfe],
            &all,
        ];
        let mut texts: Vec<_> = cases.map(|case| text(case).into_owned()).to_vec();
        for (case, text) in cases.into_iter().zip(&texts) {
            assert!(!text.contains('\0'));
            assert_eq!(bytes(text.clone()), case, "{text}");
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), cases.len());
        assert_eq!(text("naïve \u{1}".as_bytes()), "naïve \u{1}");
        // Another program's.
        assert_eq!(bytes("base64:!".into()), b"base64:!");
    }

    #[test]
    fn an_object_is_its_pairs() {
        let of = [("a\"\\", Some("1")), ("", None), ("é", Some("\u{1}"))];
        let json = object(of.map(|(name, value)| (name.into(), value.map(Cow::from))));
        assert_eq!(json, "{\"a\\\"\\\\\":\"1\",\"\":null,\"é\":\"\\u0001\"}");
        assert_eq!(pairs(&json), None);
        let json = object([("a\"".into(), Some("b".into()))]);
        assert_eq!(pairs(&json), Some(vec![(b"a\"".to_vec(), b"b".to_vec())]));
        for other in ["null", "[]", "{\"a\":1}", "", "\"text\""] {
            assert_eq!(pairs(other), None, "{other}");
        }
        assert_eq!(array(["a\"".into(), "b".into()]), "[\"a\\\"\",\"b\"]");
    }
}

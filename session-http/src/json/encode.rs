//! From values to fields.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

const NO_JSON: &str = "it has no JSON form";

/// Text as it is, null as nothing, everything else as JSON.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<Option<String>, &'static str> {
    let json = serde_json::to_string(value).map_err(|_| NO_JSON)?;
    if json.starts_with('"') {
        serde_json::from_str(&json).map(Some).map_err(|_| NO_JSON)
    } else {
        Ok((json != "null").then_some(json))
    }
}

/// The members of a struct (or the entries of a map), each as [`to_text`] has it.
pub(super) fn to_members<T: Serialize>(
    value: &T,
) -> Result<BTreeMap<String, String>, &'static str> {
    let Value::Object(members) = serde_json::to_value(value).map_err(|_| NO_JSON)? else {
        return Err("it is neither a struct with named members nor a map");
    };
    let text = |value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    Ok(members
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_the_rest_is_json() {
        for (text, expected) in [
            (to_text("an \"drew\n"), Some("an \"drew\n")),
            (to_text(&'x'), Some("x")),
            (to_text(&5_i64), Some("5")),
            (to_text(&true), Some("true")),
            (to_text(&["a", "b"]), Some("[\"a\",\"b\"]")),
            (to_text(&None::<String>), None),
            (to_text(&Some("null")), Some("null")),
            (to_text(&i128::MAX), Some(&*i128::MAX.to_string())),
            (to_text(&BTreeMap::from([("k", 1)])), Some("{\"k\":1}")),
        ] {
            assert_eq!(text.unwrap().as_deref(), expected);
        }
        let no_text_keys = BTreeMap::from([(vec![1], 1)]);
        assert_eq!(to_text(&no_text_keys), Err(NO_JSON));
    }

    #[test]
    fn only_structs_and_maps_have_members() {
        let map = BTreeMap::from([("a", Some(1)), ("b", None)]);
        let members = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        assert_eq!(to_members(&map), Ok(members));
        assert!(to_members(&5).is_err());
        assert!(to_members(&[1]).is_err());
    }
}

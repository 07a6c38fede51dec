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
        let text = |value: &dyn erased::Json| value.text();
        assert_eq!(text(&"an \"drew\n"), Ok(Some("an \"drew\n".to_owned())));
        assert_eq!(text(&'x'), Ok(Some("x".to_owned())));
        assert_eq!(text(&5_i64), Ok(Some("5".to_owned())));
        assert_eq!(text(&true), Ok(Some("true".to_owned())));
        assert_eq!(text(&vec!["a", "b"]), Ok(Some("[\"a\",\"b\"]".to_owned())));
        assert_eq!(text(&None::<String>), Ok(None));
        assert_eq!(text(&Some("null")), Ok(Some("null".to_owned())));
        assert_eq!(text(&i128::MAX), Ok(Some(i128::MAX.to_string())));
    }

    #[test]
    fn only_structs_and_maps_have_members() {
        let map = BTreeMap::from([("a", Some(1)), ("b", None)]);
        assert_eq!(
            to_members(&map),
            Ok(BTreeMap::from([("a".to_owned(), "1".to_owned())]))
        );
        assert!(to_members(&5).is_err());
        assert!(to_members(&[1]).is_err());
    }

    #[test]
    fn what_has_no_json_form_is_refused() {
        let map = BTreeMap::from([(vec![1], 1)]);
        assert_eq!(to_text(&map), Err(NO_JSON));
    }

    mod erased {
        pub(super) trait Json {
            fn text(&self) -> Result<Option<String>, &'static str>;
        }

        impl<T: serde::Serialize> Json for T {
            fn text(&self) -> Result<Option<String>, &'static str> {
                super::super::to_text(self)
            }
        }
    }
}

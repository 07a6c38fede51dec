use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_core::FieldName;

use super::*;
use crate::json::encode::{to_members, to_text};

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
enum Plan {
    Free,
    Team { seats: u8 },
    Named(String),
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Token(String);

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Account {
    name: String,
    visits: i64,
    #[serde(default)]
    tags: Vec<String>,
    plan: Plan,
    nickname: Option<String>,
}

fn from_text<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, SessionError> {
    from_value(&text.into(), name)
}

fn back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    from_text(&to_text(value).unwrap().unwrap(), "f").unwrap()
}

#[test]
fn values_come_back() {
    for text in ["", "5", "null", "\"quoted\"", "{\"a\":1}", "ünï\0\r\n"] {
        assert_eq!(back(&text.to_owned()), text);
        assert_eq!(back(&Token(text.to_owned())), Token(text.to_owned()));
        assert_eq!(back(&Some(text.to_owned())), Some(text.to_owned()));
    }
    assert_eq!(back(&'é'), 'é');
    assert_eq!(back(&i64::MIN), i64::MIN);
    assert_eq!(back(&u128::MAX), u128::MAX);
    assert!((back(&0.1_f32) - 0.1_f32).abs() < f32::EPSILON);
    assert_eq!(back(&(1, "a".to_owned())), (1, "a".to_owned()));
    assert_eq!(back(&vec![Some(1), None]), vec![Some(1), None]);
    for plan in [Plan::Free, Plan::Team { seats: 3 }, Plan::Named("x".into())] {
        assert_eq!(back(&plan), plan);
    }
    let map = BTreeMap::from([("k".to_owned(), vec![1, 2])]);
    assert_eq!(back(&map), map);
}

#[test]
fn the_type_decides_what_a_text_is() {
    assert_eq!(from_text::<String>("5", "f").unwrap(), "5");
    assert_eq!(from_text::<i64>("5", "f").unwrap(), 5);
    assert_eq!(from_text::<Value>("5", "f").unwrap(), Value::from(5));
    assert_eq!(
        from_text::<Value>("andrew", "f").unwrap(),
        Value::from("andrew")
    );
    assert!(from_text::<i64>("5 apples", "f").is_err());
    assert!(from_text::<Vec<u8>>("[1,2] ,", "f").is_err());
    assert!(from_text::<Plan>("Gold", "f").is_err());
}

#[test]
fn an_error_names_the_field_and_the_type_and_no_value() {
    let error = from_text::<Vec<u8>>("[\"s3cret\"]", "sizes").unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("`sizes`") && text.contains("Vec<u8>"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

fn fields(pairs: &[(&'static str, &'static str)]) -> Fields {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (FieldName::new(*name).unwrap(), FieldValue::from(*value)))
        .collect()
}

#[test]
fn a_struct_is_its_fields_and_no_others() {
    let account = Account {
        name: "5".into(),
        visits: 3,
        tags: vec!["a".into()],
        plan: Plan::Team { seats: 2 },
        nickname: None,
    };
    let members = to_members(&account).unwrap();
    assert_eq!(members["name"], "5");
    assert_eq!(members["visits"], "3");
    assert_eq!(members["plan"], "{\"Team\":{\"seats\":2}}");
    assert!(!members.contains_key("nickname"));
    let mut stored: Fields = members
        .into_iter()
        .map(|(name, text)| (FieldName::new(name).unwrap(), text.into()))
        .collect();
    stored.insert(FieldName::new("other").unwrap(), vec![0xff].into());
    assert_eq!(from_fields::<Account>(&stored).unwrap(), account);
}

#[test]
fn absent_members_take_their_defaults_or_are_named() {
    let known = fields(&[("name", "ann"), ("visits", "1"), ("plan", "Free")]);
    let account = from_fields::<Account>(&known).unwrap();
    assert!(account.tags.is_empty() && account.nickname.is_none());
    let error = from_fields::<Account>(&fields(&[("name", "ann")])).unwrap_err();
    assert!(error.to_string().contains("`visits` is missing"), "{error}");
    let map: BTreeMap<String, String> = from_fields(&known).unwrap();
    assert_eq!(map.len(), 3);
    assert!(from_fields::<Vec<String>>(&known).is_err());
}

#[test]
fn bytes_that_are_not_text_do_not_fit() {
    let mut known = fields(&[("visits", "1"), ("plan", "Free")]);
    known.insert(FieldName::new("name").unwrap(), vec![0xff].into());
    assert!(from_fields::<Account>(&known).is_err());
}

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt::Debug;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use session_core::{FieldName, Fields};

use super::decode::{Form, from_fields, from_value};
use super::encode::{to_json, to_members, to_text};
use super::*;

/// Texts that could be taken for something else.
const TEXTS: [&str; 12] = [
    "",
    "5",
    "-0.5",
    "1e3",
    "null",
    "true",
    "{}",
    "[1]",
    "\"quoted\"",
    "{\"a\":1}",
    " x ",
    "ü\0\r\n\"\\",
];

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
struct Holder<T> {
    member: T,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Newtype<T>(T);

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
struct Unit;

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
enum Plan<T> {
    Free,
    #[serde(rename = "{odd", alias = "other")]
    Odd,
    Named(T),
    Pair(u8, T),
    Team {
        seats: T,
    },
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
#[serde(tag = "kind")]
enum Internal {
    Free,
    Team { name: String },
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
#[serde(tag = "kind", content = "of")]
enum Adjacent<T> {
    Free,
    Named(T),
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: Holder<String>,
}

fn fields(texts: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Fields {
    let texts = texts.into_iter();
    texts
        .filter_map(|(name, text)| Some((FieldName::new(name).unwrap(), text?.into())))
        .collect()
}

/// The same for each value of a kind: it comes back (the expectation is empty), or is refused with
/// this, as a field, as a member of a struct, and as the JSON of a field.
#[track_caller]
fn each<T>(values: impl IntoIterator<Item = T>, [field, member, json]: [&str; 3])
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug + Clone,
{
    for value in values {
        let as_field = to_text(&value).and_then(|text| match text {
            Some(text) => from_value(&text.into(), Form::Field),
            // What is no field is read as `None`.
            None => from_value(&"null".into(), Form::Json),
        });
        expect(as_field, &value, field);
        let holder = Holder {
            member: value.clone(),
        };
        let as_member = to_members(&holder).and_then(|members| from_fields(&fields(members)));
        expect(as_member.map(|held: Holder<T>| held.member), &value, member);
        let as_json = to_json(&value).and_then(|json| {
            assert_eq!(json, serde_json::to_string(&value).unwrap());
            from_value(&json.into(), Form::Json)
        });
        expect(as_json, &value, json);
        let within = to_json(&[&value]).and_then(|json| from_value(&json.into(), Form::Field));
        expect(within.map(|[value]: [T; 1]| value), &value, json);
    }
}

#[track_caller]
fn expect<T: PartialEq + Debug>(back: Result<T, Fault>, value: &T, refused: &str) {
    match back {
        Ok(back) => assert_eq!((&back, refused), (value, "")),
        Err(fault) => assert!(
            !refused.is_empty() && fault.to_string().contains(refused),
            "{value:?}: {fault}, not {refused:?}"
        ),
    }
}

/// They come back, as whatever they are stored.
const BACK: [&str; 3] = [""; 3];

/// They come back as JSON, and a type that takes anything is never read from a field.
const JSON_ONLY: [&str; 3] = ["`get_json`", "`get_json`", ""];
const NO_FIELD: [&str; 3] = ["null, which is no field", "null, which is no field", ""];
const NOT_FINITE: [&str; 3] = ["not a finite number"; 3];
const SOME_NULL: [&str; 3] = ["`Some` of null"; 3];
const NO_KEY: [&str; 3] = ["neither text nor a number"; 3];

#[test]
fn each_kind_of_value_comes_back_or_is_refused() {
    let texts = || TEXTS.map(str::to_owned);
    let held = || texts().map(|member| Holder { member });
    each(texts(), BACK);
    each(texts().map(Newtype), BACK);
    each(texts().map(Some), BACK);
    each(held(), BACK);
    each(TEXTS.iter().flat_map(|text| text.chars()), BACK);
    each([true, false], BACK);
    each([u8::MIN, u8::MAX], BACK);
    each([u16::MIN, u16::MAX], BACK);
    each([u32::MIN, u32::MAX], BACK);
    each([u64::MIN, u64::MAX], BACK);
    each([u128::MIN, u128::MAX], BACK);
    each([i8::MIN, -1, i8::MAX], BACK);
    each([i16::MIN, -1, i16::MAX], BACK);
    each([i32::MIN, -1, i32::MAX], BACK);
    each([i64::MIN, -1, i64::MAX], BACK);
    each([i128::MIN, -1, i128::MAX], BACK);
    each([Some(u128::MAX), None], BACK);
    each([0.1, -0.0, f32::MIN, f32::MIN_POSITIVE], BACK);
    each([1.0, -0.0, f64::MAX, 5e-324, 0.3 - 0.1], BACK);
    each((1..999).map(|n| 1e17 / f64::from(n).powi(7)), BACK);
    each([f64::NAN, f64::INFINITY, -f64::INFINITY], NOT_FINITE);
    each([f32::NAN, f32::INFINITY], NOT_FINITE);
    each([vec![0.5, f64::NAN]], NOT_FINITE);
    each([Plan::Named(f64::NAN)], NOT_FINITE);
    each([Some(Some(1)), None], BACK);
    each([Some(None::<u8>)], SOME_NULL);
    each([vec![Some(None::<u8>)]], SOME_NULL);
    each([Some(())], SOME_NULL);
    each([()], NO_FIELD);
    each([Unit], NO_FIELD);
    each([Value::Null], NO_FIELD);
    each([vec![None, Some(1)], vec![]], BACK);
    each([vec![()]], BACK);
    each([[[1_u8, 2], [3, 4]]], BACK);
    each(texts().map(|text| (i128::MAX, text, 'x')), BACK);
    each([CString::default(), CString::from(c"\xff\x01")], BACK);
    each(texts().map(Plan::Named), BACK);
    each(texts().map(|seats| Plan::Team { seats }), BACK);
    each(texts().map(|text| Plan::Pair(1, text)), BACK);
    each([Plan::Named(u128::MAX), Plan::Free, Plan::Odd], BACK);
    each(texts().map(Adjacent::Named), BACK);
    each([Adjacent::Named(u128::MAX), Adjacent::Free], BACK);
    each(texts().map(Ok::<_, u8>), BACK);
    each(texts().map(|text| by(text.clone(), text)), BACK);
    each([by(u128::MAX, 'x')], BACK);
    each([by(true, 'x')], BACK);
    each([by(Newtype(-5), 'x')], BACK);
    each([by('"', Unit)], BACK);
    each([by(Some("null".to_owned()), 1)], BACK);
    each([by(vec![1], 'x')], NO_KEY);
    each([by(None::<u8>, 'x')], NO_KEY);
    // As a part of JSON it works as far as serde has it work.
    each(held().map(|rest| Flat { id: 1, rest }), BACK);
    each(texts().map(|name| [Internal::Team { name }]), BACK);
    each(texts().map(|text| [Untagged::Text(text)]), BACK);
    each([[Untagged::Number(5)]], BACK);
    each([[json!({"a": [1, -1, 0.5, null, true, "5", {}]})]], BACK);
    each(texts().map(|name| Internal::Team { name }), JSON_ONLY);
    each([Internal::Free], JSON_ONLY);
    each(texts().map(Untagged::Text), JSON_ONLY);
    each([Untagged::Number(5)], JSON_ONLY);
    each(texts().map(Value::from), JSON_ONLY);
    each([json!(5), json!([1]), json!({"a": null})], JSON_ONLY);
}

fn by<K: Ord, V>(key: K, value: V) -> BTreeMap<K, V> {
    BTreeMap::from([(key, value)])
}

#[test]
fn text_is_stored_as_it_is_and_the_rest_as_json() {
    #[track_caller]
    fn stored(value: impl Serialize, expected: impl Into<Option<&'static str>>) {
        assert_eq!(to_text(&value).unwrap().as_deref(), expected.into());
    }
    stored("an \"drew\n", "an \"drew\n");
    stored('"', "\"");
    stored(Plan::<u8>::Free, "Free");
    stored("null", "null");
    stored(None::<u8>, None);
    stored(5, "5");
    stored(0.1_f32, "0.1");
    stored(["a", "b"], "[\"a\",\"b\"]");
    stored(
        Plan::Team { seats: "\"" },
        "{\"Team\":{\"seats\":\"\\\"\"}}",
    );
    let raw = serde_json::value::RawValue::from_string("[1,\"a\"]".to_owned()).unwrap();
    stored([raw], "[[1,\"a\"]]");
}

#[test]
fn only_a_struct_that_says_its_members_lives_in_a_session() {
    let flat = Flat {
        id: 1,
        rest: Holder {
            member: "5".to_owned(),
        },
    };
    assert!(to_members(&flat).is_err());
    for stored in [
        fields([]),
        fields([
            ("id", Some("1".to_owned())),
            ("member", Some("x".to_owned())),
        ]),
    ] {
        for refused in [
            from_fields::<Flat>(&stored).map(drop),
            from_fields::<BTreeMap<String, String>>(&stored).map(drop),
            from_fields::<Vec<u8>>(&stored).map(drop),
            from_fields::<Value>(&stored).map(drop),
            from_fields::<Plan<u8>>(&stored).map(drop),
            from_fields::<String>(&stored).map(drop),
        ] {
            let error = refused.unwrap_err().undecodable::<Flat>().to_string();
            assert!(error.starts_with("the session does not fit"), "{error}");
            assert!(
                error.contains("only a struct with named members"),
                "{error}"
            );
        }
    }
}

const CANARY: &str = "s3cret";

/// A type whose errors quote the value.
#[derive(Debug)]
struct Talkative;

impl<'de> Deserialize<'de> for Talkative {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Err(D::Error::custom(format!(
            "invalid type: {text}, expected {text}"
        )))
    }
}

impl Serialize for Talkative {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(CANARY))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Item {
    name: String,
    #[serde(default)]
    price: u32,
    #[serde(default)]
    plan: Option<Plan<u8>>,
    #[serde(default)]
    prices: BTreeMap<String, Vec<Option<i8>>>,
    #[serde(default)]
    said: Option<Talkative>,
    #[serde(default)]
    choice: Option<Untagged>,
}

#[test]
fn an_error_says_where_and_what_was_expected_and_shows_no_value() {
    fn why<T: for<'de> Deserialize<'de>>(text: &str) -> String {
        let read = from_value::<T>(&text.into(), Form::Field).map(drop);
        let fault = read.unwrap_err().in_field("cart");
        let error = fault.undecodable::<T>();
        assert!(
            !format!("{error:?} {fault:?}").contains(CANARY),
            "{error:?}"
        );
        let error = error.to_string().replace("the field ", "");
        error.replace(&format!(" does not fit {}", std::any::type_name::<T>()), "")
    }
    let item = |member: &str| why::<Vec<Item>>(&format!(r#"[{{"name":"a",{member}}}]"#));
    for (error, expected) in [
        (why::<u32>(CANARY), "`cart`: expected u32"),
        (why::<u8>("256"), "`cart`: expected u8"),
        (why::<i64>("5 apples"), "`cart`: expected i64"),
        (why::<bool>("TRUE"), "`cart`: expected a boolean"),
        (why::<char>(CANARY), "`cart`: expected a character"),
        (why::<Plan<u8>>(CANARY), "`cart`: expected one of Free, "),
        (why::<Plan<u8>>("Named"), "`cart`: expected newtype variant"),
        (why::<Vec<u8>>("[1,2] ,"), "`cart`: expected a sequence"),
        (
            why::<(u8, u8)>("[1,2,3]"),
            "`cart`: expected fewer elements",
        ),
        // An integer that is too great for the type is no float.
        (
            why::<[Value; 1]>(&format!("[{}]", u128::MAX)),
            "`cart[0]`: its type refuses the value",
        ),
        (why::<(u8, u8)>("[1]"), "`cart`: expected a tuple of size 2"),
        (why::<Item>("{}"), "`cart.name`: it is missing"),
        (
            why::<Item>(&"[".repeat(100_000)),
            "`cart`: expected struct Item",
        ),
        (
            item(r#""name":"s3cret""#),
            "`cart[0].name`: it is there twice",
        ),
        (item(r#""price":"s3cret""#), "`cart[0].price`: expected u32"),
        (
            item(r#""s3cret":1"#),
            "`cart[0]`: expected no members but name, ",
        ),
        (
            item(r#""plan":{"Free":null,"s3cret":2}"#),
            "`cart[0].plan`: expected enum Plan",
        ),
        (
            item(r#""plan":{"Team":{"seats":"s3cret"}}"#),
            "`cart[0].plan.seats`: expected u8",
        ),
        (
            item(r#""prices":{"s3cret":[null,"s3cret"]}"#),
            "`cart[0].prices[key][1]`: expected i8",
        ),
        (
            item(r#""said":"s3cret""#),
            "`cart[0].said`: its type refuses the value",
        ),
        (
            item(r#""choice":["s3cret"]"#),
            "`cart[0].choice`: its type refuses the value",
        ),
    ] {
        assert!(error.starts_with(expected), "{error}, not {expected}");
    }
}

#[test]
fn an_error_of_writing_says_where_and_shows_no_value() {
    fn why(value: impl Serialize) -> String {
        let fault = to_text(&value).unwrap_err().in_field("cart");
        let error = fault.unencodable::<u8>();
        assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
        error.to_string()
    }
    fn holder<T>(member: T) -> Holder<T> {
        Holder { member }
    }
    let by_key = BTreeMap::from([(CANARY, vec![1.0, f64::NAN])]);
    for (error, place) in [
        (why(f32::NAN), "cart"),
        (why([holder(1.0), holder(f64::INFINITY)]), "cart[1].member"),
        (why(Plan::Team { seats: f64::NAN }), "cart.seats"),
        (why(holder(by_key)), "cart.member[key][1]"),
    ] {
        let expected = format!("the field `{place}` cannot be written: it is not a finite number");
        assert_eq!(error, expected);
    }
    assert_eq!(
        why([Talkative]),
        "the field `cart[0]` cannot be written: its type refuses to be written"
    );
}

#[test]
fn a_type_without_an_end_ends_where_the_json_is_too_deep() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Nest(Vec<Nest>);
    let nest = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let read = |depth| from_value::<Nest>(&nest(depth).into(), Form::Field);
    assert!(read(100).is_ok());
    let fault = read(10_000).unwrap_err();
    assert_eq!(fault.to_string(), "it is nested too deeply");
}

#[test]
fn absent_members_take_their_defaults_and_other_fields_do_not_matter() {
    let mut stored = fields([("name", Some("ann".to_owned()))]);
    stored.insert(FieldName::new("other").unwrap(), vec![0xff].into());
    let item = from_fields::<Item>(&stored).unwrap();
    assert!(item.prices.is_empty() && item.plan.is_none());
    stored.insert(FieldName::new("plan").unwrap(), vec![0xff].into());
    for (stored, expected) in [
        (fields([]), "the field `name`: it is missing"),
        (stored, "the field `plan`: expected text"),
    ] {
        let error = from_fields::<Item>(&stored)
            .unwrap_err()
            .undecodable::<Item>();
        let type_name = std::any::type_name::<Item>();
        let error = error
            .to_string()
            .replace(&format!(" does not fit {type_name}"), "");
        assert_eq!(error, expected);
    }
    let refused = from_fields::<Holder<Option<Value>>>(&fields([("member", Some("5".to_owned()))]));
    assert!(refused.unwrap_err().to_string().contains("`get_json`"));
}

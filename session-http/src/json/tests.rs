use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use session_core::{FieldName, FieldValue, Fields};

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

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
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

#[derive(Debug, Serialize, Deserialize, PartialEq, Clone)]
struct Bytes(#[serde(with = "bytes")] Vec<u8>);

mod bytes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Collect;

        impl<'de> serde::de::Visitor<'de> for Collect {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut a: A,
            ) -> Result<Vec<u8>, A::Error> {
                std::iter::from_fn(|| a.next_element().transpose()).collect()
            }
        }

        from.deserialize_byte_buf(Collect)
    }
}

fn fields(texts: impl IntoIterator<Item = (&'static str, String)>) -> Fields {
    let texts = texts.into_iter();
    texts
        .map(|(name, text)| (FieldName::new(name).unwrap(), FieldValue::from(text)))
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
            Some(text) => from_value(&text.into(), Form::Field).map(Some),
            None => Ok(None),
        });
        match as_field {
            // What is no field is `None`, and that is what is read of it.
            Ok(None) => assert_eq!((to_json(&value).unwrap().as_str(), field), ("null", "")),
            as_field => expect(as_field.map(Option::unwrap), &value, field),
        }
        let holder = Holder {
            member: value.clone(),
        };
        let as_member = to_members(&holder).and_then(|members| from_fields(&fields(members)));
        expect(as_member.map(|held: Holder<T>| held.member), &value, member);
        for (is_within, json_of) in [(false, to_json(&value)), (true, to_json(&[&value]))] {
            let back = json_of.and_then(|json| {
                // Other JSON writers agree.
                assert_eq!(json == serde_json::to_string(&value).unwrap(), !is_within);
                if is_within {
                    from_value::<Vec<T>>(&json.into(), Form::Json).map(|mut list| list.remove(0))
                } else {
                    from_value(&json.into(), Form::Json)
                }
            });
            expect(back, &value, json);
        }
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

#[test]
fn each_kind_of_value_comes_back_or_is_refused() {
    let texts = || TEXTS.map(str::to_owned);
    each(texts(), BACK);
    each(texts().map(Newtype), BACK);
    each(texts().map(Some), BACK);
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
    each(
        [
            0.1,
            -0.0,
            1.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            0.3 - 0.1,
            5e-324,
        ],
        BACK,
    );
    // Each text of digits is read as the one float that it stands for.
    each((1..2000).map(|part| 1e17 / f64::from(part).powi(7)), BACK);
    each(
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
        ["not a finite"; 3],
    );
    each([f32::NAN, f32::INFINITY], ["not a finite"; 3]);
    each([vec![0.5, f64::NAN]], ["not a finite"; 3]);
    each([Some(Some(1)), None], BACK);
    each([Some(None::<u8>)], ["`Some` of null"; 3]);
    each([vec![Some(None::<u8>)]], ["`Some` of null"; 3]);
    each([Some(())], ["`Some` of null"; 3]);
    each(
        [()],
        ["null, which is no field", "null, which is no field", ""],
    );
    each(
        [Unit],
        ["null, which is no field", "null, which is no field", ""],
    );
    each([vec![None, Some(1)], vec![]], BACK);
    each([vec![()]], BACK);
    each([[[1_u8, 2], [3, 4]]], BACK);
    each(texts().map(|text| (i128::MAX, text, 'x')), BACK);
    each([Bytes(vec![]), Bytes(vec![0, 255])], BACK);
    each(texts().map(Plan::Named), BACK);
    each(texts().map(|seats| Plan::Team { seats }), BACK);
    each(texts().map(|text| Plan::Pair(1, text)), BACK);
    each([Plan::Named(u128::MAX), Plan::Free, Plan::Odd], BACK);
    each([Plan::Named(f64::NAN)], ["not a finite"; 3]);
    each(texts().map(Adjacent::Named), BACK);
    each([Adjacent::Named(u128::MAX), Adjacent::Free], BACK);
    each(texts().map(Ok::<_, u8>), BACK);
    each(texts().map(|member| Holder { member }), BACK);
    each(
        texts().map(|text| BTreeMap::from([(text.clone(), text)])),
        BACK,
    );
    each([BTreeMap::from([(u128::MAX, 'x')])], BACK);
    each([BTreeMap::from([(true, 'x')])], BACK);
    each([BTreeMap::from([(Newtype(-5), 'x')])], BACK);
    each([BTreeMap::from([('"', Unit)])], BACK);
    each([BTreeMap::from([(Some("null".to_owned()), 1)])], BACK);
    each(
        [BTreeMap::from([(vec![1], 'x')])],
        ["neither text nor a number"; 3],
    );
    each(
        [BTreeMap::from([(None::<u8>, 'x')])],
        ["neither text nor a number"; 3],
    );
    // As a part of JSON it works as far as serde has it work.
    each(
        texts().map(|member| Flat {
            id: 1,
            rest: Holder { member },
        }),
        BACK,
    );
    each(
        texts().map(|name| vec![Internal::Team { name }, Internal::Free]),
        BACK,
    );
    each(
        texts().map(|text| vec![Untagged::Text(text), Untagged::Number(5)]),
        BACK,
    );
    each(
        [vec![
            json!({"a": [1, -1, 0.5, null, true, "5", {}], "b": u64::MAX}),
        ]],
        BACK,
    );
    each(texts().map(|name| Internal::Team { name }), JSON_ONLY);
    each([Internal::Free], JSON_ONLY);
    each(texts().map(Untagged::Text), JSON_ONLY);
    each([Untagged::Number(5)], JSON_ONLY);
    each(texts().map(Value::from), JSON_ONLY);
    each(
        [json!(5), json!([1]), json!({"a": null}), json!(true)],
        JSON_ONLY,
    );
    each(
        [Value::Null],
        ["null, which is no field", "null, which is no field", ""],
    );
}

impl PartialOrd for Newtype<i32> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Newtype<i32> {}

impl Ord for Newtype<i32> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
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
        fields([("id", "1".to_owned()), ("member", "x".to_owned())]),
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
            assert!(
                error.starts_with("the session cannot be read as"),
                "{error}"
            );
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
        let type_name = std::any::type_name::<T>();
        let middle = format!(" cannot be read as {type_name}: ");
        let (what, why) = error
            .to_string()
            .split_once(&middle)
            .map(|(what, why)| (what.to_owned(), why.to_owned()))
            .unwrap();
        format!("{what}: {why}")
    }
    type Items = Vec<Item>;
    for (error, expected) in [
        (why::<u32>(CANARY), "`cart`: expected u32"),
        (why::<u8>("256"), "`cart`: expected u8"),
        (why::<i64>("5 apples"), "`cart`: expected i64"),
        (why::<bool>("TRUE"), "`cart`: expected a boolean"),
        (why::<char>(CANARY), "`cart`: expected a character"),
        (
            why::<Plan<u8>>(CANARY),
            "`cart`: expected one of Free, other, {odd, Named, Pair, Team",
        ),
        (why::<Plan<u8>>("Named"), "`cart`: expected newtype variant"),
        (
            why::<Plan<u8>>("{\"Named\":1,\"s3cret\":2}"),
            "`cart`: expected enum Plan",
        ),
        (why::<Vec<u8>>("[1,2] ,"), "`cart`: expected a sequence"),
        (
            why::<(u8, u8)>("[1,2,3]"),
            "`cart`: expected fewer elements",
        ),
        (why::<(u8, u8)>("[1]"), "`cart`: expected a tuple of size 2"),
        (
            why::<Items>("[{},{\"name\":\"s3cret\"}]"),
            "`cart[0].name`: it is missing",
        ),
        (
            why::<Items>("[{\"name\":1}]"),
            "`cart[0].name`: expected a string",
        ),
        (
            why::<Items>("[{\"name\":\"a\",\"price\":\"s3cret\"}]"),
            "`cart[0].price`: expected u32",
        ),
        (
            why::<Items>("[{\"name\":\"a\",\"name\":\"s3cret\"}]"),
            "`cart[0].name`: it is there twice",
        ),
        (
            why::<Item>("{\"s3cret\":1}"),
            "`cart`: expected no members but name, price, plan, prices, said, choice",
        ),
        (
            why::<Item>("{\"name\":\"a\",\"plan\":{\"Team\":{\"seats\":\"s3cret\"}}}"),
            "`cart.plan.seats`: expected u8",
        ),
        (
            why::<Item>("{\"name\":\"a\",\"prices\":{\"s3cret\":[null,\"s3cret\"]}}"),
            "`cart.prices[key][1]`: expected i8",
        ),
        (
            why::<Item>("{\"name\":\"a\",\"said\":\"s3cret\"}"),
            "`cart.said`: its type refuses the value",
        ),
        (
            why::<Item>("{\"name\":\"a\",\"choice\":[\"s3cret\"]}"),
            "`cart.choice`: its type refuses the value",
        ),
        (
            why::<Item>(&"[".repeat(100_000)),
            "`cart`: expected struct Item",
        ),
    ] {
        let error = error.replace("the field ", "");
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
    let mut stored = fields([("name", "ann".to_owned())]);
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
            .replace(&format!(" cannot be read as {type_name}"), "");
        assert_eq!(error, expected);
    }
    let refused = from_fields::<Holder<Option<Value>>>(&fields([("member", "5".to_owned())]));
    assert!(refused.unwrap_err().to_string().contains("`get_json`"));
}

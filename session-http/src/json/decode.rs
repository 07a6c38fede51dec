//! From fields to values.

use std::borrow::Cow;
use std::fmt;
use std::vec;

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer,
    MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::value::RawValue;
use session_core::{FieldValue, Fields};

use super::fault::{Fault, Step};

const TAKES_ANYTHING: &str = "the type takes any form, so that nothing tells text from JSON: keep \
                              it with `insert_json` and `get_json`";
const NO_MEMBERS: &str = "only a struct with named members, none of them flattened, can be loaded";
/// As deep as serde_json goes.
const DEEPEST: u8 = 127;

/// How a text stands for a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// Text is itself, and all else JSON: a field.
    Field,
    /// As a field, and text where the type does not decide: the key of a map.
    Key,
    Json,
    /// Not at all: these are fields of their own.
    Fields(&'a Fields),
}

/// Reads the value that a field's bytes stand for.
pub(crate) fn from_value<T: DeserializeOwned>(
    value: &FieldValue,
    form: Form<'_>,
) -> Result<T, Fault> {
    let node = Node::new(text(value)?, Form::Field);
    T::deserialize(match form {
        Form::Json => node.part(node.json(&"JSON")?),
        _ => node,
    })
}

/// Reads a struct from the fields that its members are named after.
pub(super) fn from_fields<T: DeserializeOwned>(fields: &Fields) -> Result<T, Fault> {
    T::deserialize(Node::new("", Form::Fields(fields)))
}

fn text(value: &FieldValue) -> Result<&str, Fault> {
    value.as_str().map_err(|_| Fault::new("expected text"))
}

/// What a value is read from.
#[derive(Clone, Copy)]
struct Node<'a> {
    text: &'a str,
    form: Form<'a>,
    depth: u8,
}

type Name = &'static str;
type Names = &'static [Name];

impl<'a> Node<'a> {
    fn new(text: &'a str, form: Form<'a>) -> Self {
        let depth = 0;
        Node { text, form, depth }
    }

    fn part(self, json: &'a RawValue) -> Self {
        let depth = self.depth.saturating_add(1);
        let whole = Self::new(json.get(), Form::Json);
        Node { depth, ..whole }
    }

    fn json<T: Deserialize<'a>>(self, expected: &dyn Expected) -> Result<T, Fault> {
        match self.form {
            Form::Fields(_) => Err(Fault::of_type(NO_MEMBERS)),
            _ if self.depth > DEEPEST => Err(Fault::new("it is nested too deeply")),
            _ => serde_json::from_str(self.text).map_err(|_| Fault::expected(expected)),
        }
    }

    fn string(self, expected: &dyn Expected) -> Result<Cow<'a, str>, Fault> {
        match self.form {
            Form::Field | Form::Key => Ok(Cow::Borrowed(self.text)),
            _ => self.json::<String>(expected).map(Cow::Owned),
        }
    }

    fn elements(self, expected: &dyn Expected) -> Result<Parts<'a>, Fault> {
        let elements: Vec<&RawValue> = self.json(expected)?;
        let part = |(index, json)| (String::new(), Step::Index(index), self.part(json));
        Ok(Parts::new(elements.into_iter().enumerate().map(part)))
    }

    fn members(self, known: Names, expected: &dyn Expected) -> Result<Parts<'a>, Fault> {
        let Members(members) = self.json(expected)?;
        let part = |(key, json): (String, _)| {
            // What the type itself says is no value.
            let is_known = known.contains(&key.as_str());
            let step = is_known.then(|| Step::Name(key.clone()));
            (key, step.unwrap_or(Step::Key), self.part(json))
        };
        Ok(Parts::new(members.into_iter().map(part)))
    }

    /// Other fields of the session are none of the struct's business.
    fn own_fields(fields: &'a Fields, members: Names) -> Result<Parts<'a>, Fault> {
        let mut parts = Vec::with_capacity(members.len());
        for name in members.iter().copied() {
            if let Some(value) = fields.get(name) {
                let text = text(value).map_err(|fault| fault.in_field(name))?;
                let step = Step::Name(name.to_owned());
                parts.push((name.to_owned(), step, Node::new(text, Form::Field)));
            }
        }
        Ok(Parts::new(parts.into_iter()))
    }
}

/// Each method by what it is given beside the visitor, and how it visits.
macro_rules! read {
    ($(
        $method:ident($($given:pat => $type:ty),*) |$node:ident, $visitor:ident| $read:expr;
    )*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($given: $type,)*
            $visitor: V,
        ) -> Result<V::Value, Fault> {
            let $node = self;
            $read
        }
    )*};
}

macro_rules! read_scalars {
    ($($method:ident $visit:ident;)*) => {
        read! {$(
            $method() |node, visitor| {
                let value = node.json(&visitor)?;
                visitor.$visit(value)
            };
        )*}
    };
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Fault;

    read_scalars! {
        deserialize_bool visit_bool;
        deserialize_i8 visit_i8; deserialize_i16 visit_i16; deserialize_i32 visit_i32;
        deserialize_i64 visit_i64; deserialize_i128 visit_i128;
        deserialize_u8 visit_u8; deserialize_u16 visit_u16; deserialize_u32 visit_u32;
        deserialize_u64 visit_u64; deserialize_u128 visit_u128;
        deserialize_f32 visit_f32; deserialize_f64 visit_f64;
    }

    read! {
        deserialize_str() |node, visitor| {
            let text = node.string(&visitor)?;
            visitor.visit_str(&text)
        };
        deserialize_string() |node, visitor| node.deserialize_str(visitor);
        deserialize_char() |node, visitor| node.deserialize_str(visitor);
        deserialize_identifier() |node, visitor| node.deserialize_str(visitor);

        deserialize_seq() |node, visitor| {
            let mut parts = node.elements(&visitor)?;
            let value = visitor.visit_seq(&mut parts)?;
            let is_whole = parts.rest.len() == 0;
            is_whole.then_some(value).ok_or_else(|| Fault::new("expected fewer elements"))
        };
        deserialize_tuple(_ => usize) |node, visitor| node.deserialize_seq(visitor);
        deserialize_tuple_struct(_ => Name, _ => usize) |node, visitor| {
            node.deserialize_seq(visitor)
        };
        deserialize_bytes() |node, visitor| node.deserialize_seq(visitor);
        deserialize_byte_buf() |node, visitor| node.deserialize_seq(visitor);

        deserialize_map() |node, visitor| node.deserialize_struct("", &[], visitor);
        deserialize_struct(_ => Name, members => Names) |node, visitor| {
            let parts = match node.form {
                Form::Fields(fields) if !members.is_empty() => Node::own_fields(fields, members)?,
                _ => node.members(members, &visitor)?,
            };
            visitor.visit_map(parts)
        };
        deserialize_enum(_ => Name, variants => Names) |node, visitor| {
            if variants.contains(&node.text) || !node.text.starts_with('{') {
                let text = node.string(&visitor)?;
                return visitor.visit_enum(text.into_deserializer());
            }
            let parts = node.members(variants, &visitor)?;
            match parts.rest.len() {
                1 => visitor.visit_enum(parts),
                _ => Err(Fault::expected(&visitor)),
            }
        };
        deserialize_newtype_struct(_ => Name) |node, visitor| visitor.visit_newtype_struct(node);

        // A field is never null: that is stored as no field.
        deserialize_option() |node, visitor| match node.form {
            Form::Json if node.text == "null" => visitor.visit_none(),
            _ => visitor.visit_some(node),
        };
        deserialize_unit() |node, visitor| { node.json::<()>(&visitor)?; visitor.visit_unit() };
        deserialize_unit_struct(_ => Name) |node, visitor| node.deserialize_unit(visitor);
        deserialize_ignored_any() |_node, visitor| visitor.visit_unit();
        deserialize_any() |node, visitor| match (node.form, node.text.as_bytes().first()) {
            (Form::Fields(_), _) => Err(Fault::of_type(NO_MEMBERS)),
            (Form::Field, _) => Err(Fault::of_type(TAKES_ANYTHING)),
            (Form::Key, _) | (_, Some(b'"')) => node.deserialize_str(visitor),
            (_, Some(b'{')) => node.deserialize_map(visitor),
            (_, Some(b'[')) => node.deserialize_seq(visitor),
            (_, Some(b'n')) => node.deserialize_unit(visitor),
            (_, Some(b't' | b'f')) => node.deserialize_bool(visitor),
            _ if node.text.contains(['.', 'e', 'E']) => node.deserialize_f64(visitor),
            // An integer must not come back as a float, however great it is.
            _ if node.json::<u64>(&visitor).is_ok() => node.deserialize_u64(visitor),
            _ if node.json::<i64>(&visitor).is_ok() => node.deserialize_i64(visitor),
            _ if node.json::<u128>(&visitor).is_ok() => node.deserialize_u128(visitor),
            _ => node.deserialize_i128(visitor),
        };
    }
}

/// The elements of a sequence, or the members of an object: the key, the way to the value, and the
/// value.
struct Parts<'a> {
    rest: vec::IntoIter<Part<'a>>,
    /// The one whose key was read last.
    current: Option<Part<'a>>,
}

type Part<'a> = (String, Step, Node<'a>);

impl<'a> Parts<'a> {
    fn new(parts: impl Iterator<Item = Part<'a>>) -> Self {
        let rest = parts.collect::<Vec<_>>().into_iter();
        let current = None;
        Self { rest, current }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.current = self.rest.next();
        let is_there = self.current.is_some();
        is_there.then(|| self.next_value_seed(seed)).transpose()
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.rest.next();
        let Some((key, ..)) = &self.current else {
            return Ok(None);
        };
        seed.deserialize(Node::new(key, Form::Key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let part = self.current.take();
        let (_, step, node) = part.ok_or_else(|| Fault::new("its type reads it out of turn"))?;
        seed.deserialize(node).map_err(|fault| fault.at(step))
    }
}

/// The only member of an object is a variant with its content.
impl<'de, 'a> EnumAccess<'de> for Parts<'a> {
    type Error = Fault;
    type Variant = Node<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        mut self,
        seed: V,
    ) -> Result<(V::Value, Node<'a>), Fault> {
        let variant = self.next_key_seed(seed)?.zip(self.current);
        let variant = variant.map(|(name, (_, _, node))| (name, node));
        variant.ok_or_else(|| Fault::new("expected a variant"))
    }
}

impl<'de> VariantAccess<'de> for Node<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, names: Names, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_struct("", names, visitor)
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                std::iter::from_fn(|| map.next_entry().transpose()).collect()
            }
        }

        json.deserialize_map(Collect).map(Self)
    }
}

//! From fields to values.

use std::any::type_name;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use session_core::{FieldValue, Fields};

use crate::error::SessionError;

/// Reads the value that a field's bytes stand for.
pub(crate) fn from_value<T: DeserializeOwned>(
    value: &FieldValue,
    name: &str,
) -> Result<T, SessionError> {
    let read = match text(value) {
        Some(text) => T::deserialize(text),
        None => Err(Mismatch::NotText),
    };
    read.map_err(|why| undecodable::<T>(format!("the field `{name}`"), &why))
}

/// Reads a struct from the fields that its members are named after.
pub(super) fn from_fields<T: DeserializeOwned>(fields: &Fields) -> Result<T, SessionError> {
    T::deserialize(Members(fields)).map_err(|why| undecodable::<T>("the session".to_owned(), &why))
}

fn undecodable<T>(what: String, why: &Mismatch) -> SessionError {
    SessionError::Decode {
        what,
        type_name: type_name::<T>(),
        why: why.to_string(),
    }
}

/// Why a text is not a value of the type. serde's own words may quote the value, which has no
/// place in an error: only those that cannot are kept.
#[derive(Debug)]
pub(super) enum Mismatch {
    Missing(&'static str),
    NotText,
    Unfit,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(member) => write!(f, "the field `{member}` is missing"),
            Self::NotText => f.write_str("it is not UTF-8"),
            Self::Unfit => f.write_str("a value does not fit"),
        }
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Unfit
    }

    fn missing_field(member: &'static str) -> Self {
        Self::Missing(member)
    }
}

/// The text of one field: the type that is read decides whether it is text or JSON.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl<'de> Text<'de> {
    fn json<T>(
        self,
        read: impl FnOnce(
            &mut serde_json::Deserializer<serde_json::de::StrRead<'de>>,
        ) -> Result<T, serde_json::Error>,
    ) -> Result<T, Mismatch> {
        let mut json = serde_json::Deserializer::from_str(self.0);
        let value = read(&mut json).map_err(|_| Mismatch::Unfit)?;
        json.end().map_err(|_| Mismatch::Unfit)?;
        Ok(value)
    }
}

macro_rules! as_json {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.json(|json| json.$method(visitor))
        }
    )*};
}

macro_rules! as_text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            visitor.visit_borrowed_str(self.0)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Mismatch;

    as_text! { deserialize_str deserialize_string deserialize_char deserialize_identifier }

    as_json! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if serde_json::from_str::<IgnoredAny>(self.0).is_ok() {
            self.json(|json| json.deserialize_any(visitor))
        } else {
            visitor.visit_borrowed_str(self.0)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        // What is null is stored as no field.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if self.0.starts_with('{') {
            self.json(|json| json.deserialize_enum(name, variants, visitor))
        } else {
            visitor.visit_enum(self.0.into_deserializer())
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.json(|json| json.deserialize_struct(name, members, visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

impl<'de> IntoDeserializer<'de, Mismatch> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The fields of a session, as the members of a struct.
struct Members<'a>(&'a Fields);

impl<'de> Deserializer<'de> for Members<'de> {
    type Error = Mismatch;

    /// A map, or a struct that does not say which members it has: all that is text.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let texts = self.0.iter();
        let texts = texts.filter_map(|(name, value)| Some((name.as_str(), text(value)?)));
        visitor.visit_map(MapDeserializer::new(texts))
    }

    /// Other fields of the session are none of the struct's business.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let mut own = Vec::with_capacity(members.len());
        for member in members {
            if let Some(value) = self.0.get(member) {
                own.push((*member, text(value).ok_or(Mismatch::Unfit)?));
            }
        }
        visitor.visit_map(MapDeserializer::new(own.into_iter()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn text(value: &FieldValue) -> Option<Text<'_>> {
    value.as_str().ok().map(Text)
}

#[cfg(test)]
mod tests;

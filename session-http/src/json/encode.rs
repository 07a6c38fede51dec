//! From values to fields.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::fault::{Fault, Step};

const UNIT: &str = "it is null, which is no field: `insert_json` keeps it";
const SOME_NOTHING: &str = "a `Some` of null would come back as `None`";
const NOT_FINITE: &str = "it is not a finite number";
const NO_KEY: &str = "a key of a map is neither text nor a number";
const NO_MEMBERS: &str = "only a struct with named members, none of them flattened, has fields";

/// The fields of a struct, by their names, as [`to_text`] has them.
pub(super) type MemberTexts = BTreeMap<&'static str, Option<String>>;

/// Text as it is, `None` as nothing, everything else as JSON.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<Option<String>, Fault> {
    let mut text = String::new();
    match value.serialize(Writer::new(&mut text, Form::Text))? {
        Written::Nothing => Ok(None),
        Written::Unit => Err(Fault::new(UNIT)),
        Written::Scalar | Written::Parts => Ok(Some(text)),
    }
}

/// JSON, also of text and null.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    let mut json = String::new();
    value.serialize(Writer::new(&mut json, Form::Json))?;
    Ok(json)
}

/// The members of a struct, each as [`to_text`] has it.
pub(super) fn to_members<T: Serialize>(value: &T) -> Result<MemberTexts, Fault> {
    let (mut text, mut members) = (String::new(), None);
    let mut writer = Writer::new(&mut text, Form::Json);
    writer.members = Some(&mut members);
    value.serialize(writer)?;
    members.ok_or_else(|| Fault::new(NO_MEMBERS))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Text as it is: a field, or the key of a map.
    Text,
    Json,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// `None`, which is null.
    Nothing,
    /// What is null, too.
    Unit,
    Scalar,
    /// It has parts, and is JSON in each form.
    Parts,
}

struct Writer<'a> {
    out: &'a mut String,
    form: Form,
    /// Where the members of a struct go, if the value is to be one.
    members: Option<&'a mut Option<MemberTexts>>,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut String, form: Form) -> Self {
        let members = None;
        Self { out, form, members }
    }

    /// What has one form.
    fn plain(self, text: impl Display) -> Result<Written, Fault> {
        self.out.push_str(&text.to_string());
        Ok(Written::Scalar)
    }

    fn open(self, opening: &str, closing: &'static str) -> Parts<'a> {
        self.out.push_str(opening);
        Parts {
            out: self.out,
            members: None,
            closing,
            count: 0,
        }
    }

    fn open_variant(self, variant: &str, opening: &str, closing: &'static str) -> Parts<'a> {
        let name = quoted(variant);
        self.open(&format!("{{{name}:{opening}"), closing)
    }
}

macro_rules! plain {
    ($($serialize:ident $type:ty,)*) => {$(
        fn $serialize(self, value: $type) -> Result<Written, Fault> {
            self.plain(value)
        }
    )*};
}

macro_rules! floats {
    ($($serialize:ident $type:ty,)*) => {$(
        fn $serialize(self, value: $type) -> Result<Written, Fault> {
            match serde_json::to_string(&value) {
                Ok(text) if value.is_finite() => self.plain(text),
                _ => Err(Fault::new(NOT_FINITE)),
            }
        }
    )*};
}

impl<'a> Serializer for Writer<'a> {
    type Ok = Written;
    type Error = Fault;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    plain! {
        serialize_bool bool,
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
        serialize_i128 i128, serialize_u128 u128,
    }

    floats! { serialize_f32 f32, serialize_f64 f64, }

    fn serialize_str(self, text: &str) -> Result<Written, Fault> {
        match self.form {
            Form::Text => self.plain(text),
            Form::Json => self.plain(quoted(text)),
        }
    }

    fn serialize_char(self, text: char) -> Result<Written, Fault> {
        self.serialize_str(text.encode_utf8(&mut [0; 4]))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Written, Fault> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<Written, Fault> {
        self.serialize_unit().and(Ok(Written::Nothing))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, Fault> {
        match value.serialize(self)? {
            Written::Nothing | Written::Unit => Err(Fault::new(SOME_NOTHING)),
            written => Ok(written),
        }
    }

    fn serialize_unit(self) -> Result<Written, Fault> {
        if self.form == Form::Json {
            self.out.push_str("null");
        }
        Ok(Written::Unit)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Written, Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Written, Fault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Written, Fault> {
        let parts = self.open_variant(variant, "", "}");
        value.serialize(Writer::new(&mut *parts.out, Form::Json))?;
        parts.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Fault> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Fault> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Fault> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Fault> {
        Ok(self.open_variant(variant, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Fault> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Fault> {
        let mut writer = self;
        // How serde_json hands ready JSON to a serializer.
        if name.starts_with("$serde_json::private::") {
            return Ok(writer.open("", ""));
        }
        let members = writer.members.take();
        let members = members.map(|members| members.insert(MemberTexts::new()));
        let parts = writer.open("{", "}");
        Ok(Parts { members, ..parts })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Fault> {
        Ok(self.open_variant(variant, "{", "}}"))
    }
}

/// The parts of a value.
struct Parts<'a> {
    out: &'a mut String,
    /// Where the members go, if each of them is a field.
    members: Option<&'a mut MemberTexts>,
    /// Nothing, where the only member is ready JSON.
    closing: &'static str,
    count: usize,
}

impl Parts<'_> {
    fn next(&mut self) {
        if self.count > 0 {
            self.out.push(',');
        }
        self.count += 1;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let index = self.count;
        self.next();
        self.value(value, Step::Index(index))
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        let mut text = String::new();
        if key.serialize(Writer::new(&mut text, Form::Text))? != Written::Scalar {
            return Err(Fault::new(NO_KEY));
        }
        self.name(&text);
        Ok(())
    }

    fn member<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        if let Some(members) = &mut self.members {
            let text = to_text(value).map_err(|fault| fault.in_field(name))?;
            members.insert(name, text);
            return Ok(());
        }
        if self.closing.is_empty() {
            let written = value.serialize(Writer::new(self.out, Form::Text));
            return written.map(drop);
        }
        self.name(name);
        self.value(value, Step::Name(name.to_owned()))
    }

    fn name(&mut self, name: &str) {
        self.next();
        self.out.extend([&quoted(name), ":"]);
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T, step: Step) -> Result<(), Fault> {
        let written = value.serialize(Writer::new(self.out, Form::Json));
        written.map(drop).map_err(|fault| fault.at(step))
    }

    fn close(self) -> Result<Written, Fault> {
        self.out.push_str(self.closing);
        Ok(Written::Parts)
    }
}

macro_rules! of_elements {
    ($($trait:ident $add:ident,)*) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = Written;
            type Error = Fault;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.element(value)
            }

            fn end(self) -> Result<Written, Fault> {
                self.close()
            }
        }
    )*};
}

macro_rules! of_members {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = Written;
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Fault> {
                self.member(name, value)
            }

            fn end(self) -> Result<Written, Fault> {
                self.close()
            }
        }
    )*};
}

of_elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

of_members! { SerializeStruct, SerializeStructVariant, }

impl ser::SerializeMap for Parts<'_> {
    type Ok = Written;
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.value(value, Step::Key)
    }

    fn end(self) -> Result<Written, Fault> {
        self.close()
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

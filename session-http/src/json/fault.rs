//! What is in the way of a value, and where.

use std::any::type_name;
use std::fmt::{self, Display};

use serde::{de, ser};

use crate::error::SessionError;

/// Why a value cannot be read or written.
///
/// No text of it comes from a value. What types say of themselves is kept: what they expect, and
/// the names of members and variants. What they say of a value, and the keys of maps, is not.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Where, from the inside out.
    steps: Vec<Step>,
    why: String,
    /// Whether it is the type that cannot be read, whatever the field holds.
    pub(crate) is_of_type: bool,
}

/// One step of the way from a field to a value inside of it.
#[derive(Debug)]
pub(super) enum Step {
    Name(String),
    Index(usize),
    /// The key of a map, which is a value.
    Key,
}

impl Fault {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            steps: Vec::new(),
            why: why.into(),
            is_of_type: false,
        }
    }

    pub(super) fn expected(expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {expected}"))
    }

    pub(super) fn of_type(why: &str) -> Self {
        let is_of_type = true;
        Self {
            is_of_type,
            ..Self::new(why)
        }
    }

    #[must_use]
    pub(super) fn at(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    #[must_use]
    pub(crate) fn in_field(self, name: &str) -> Self {
        self.at(Step::Name(name.to_owned()))
    }

    /// The field that it is in.
    pub(crate) fn field(&self) -> Option<&str> {
        match self.steps.last() {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn undecodable<T>(&self) -> SessionError {
        SessionError::Decode {
            what: self.place("the session"),
            type_name: type_name::<T>(),
            why: self.why.clone(),
        }
    }

    pub(crate) fn unencodable<T>(self) -> SessionError {
        SessionError::Encode {
            what: self.place(type_name::<T>()),
            why: self.why,
        }
    }

    fn place(&self, whole: &str) -> String {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => path.extend([".", name]),
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key => path.push_str("[key]"),
            }
        }
        if path.is_empty() {
            whole.to_owned()
        } else {
            format!("the field `{path}`")
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: Display>(_: T) -> Self {
        Self::new("its type refuses to be written")
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(_: T) -> Self {
        Self::new("its type refuses the value")
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_length(_: usize, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", known.join(", ")))
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("expected no members but {}", known.join(", ")))
    }

    fn missing_field(member: &'static str) -> Self {
        Self::new("it is missing").in_field(member)
    }

    fn duplicate_field(member: &'static str) -> Self {
        Self::new("it is there twice").in_field(member)
    }
}

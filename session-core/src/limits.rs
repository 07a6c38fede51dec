//! How large names, values and sessions may be.

use crate::error::{Error, Limit, Result};
use crate::field::{FieldName, FieldValue};

/// How large names, values and sessions may be. What exceeds a limit is refused with
/// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded), and nothing is changed.
///
/// Bytes per name and value are checked before anything is sent; the number of fields, and the
/// bytes in all, in the same atomic step as the write. Reserved fields do not count. A session that
/// another client made larger can be read, shrunk and changed in place; only growing it further is
/// refused.
///
/// | limit | default |
/// |---|---|
/// | bytes per field name | 128 |
/// | bytes per field value | 64 KiB |
/// | fields per session | 128 |
/// | bytes per session | not checked: the check reads the whole hash on each write that grows it |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    name_bytes: usize,
    value_bytes: usize,
    fields: u32,
    session_bytes: Option<u32>,
}

impl Limits {
    /// The length of the longest number a counter can hold: a value limit below it is raised to it,
    /// so that no increment can grow a value beyond the limit.
    pub const LONGEST_COUNTER: usize = 20;

    /// Bytes per field name.
    #[must_use]
    pub fn with_name_bytes(mut self, bytes: usize) -> Self {
        self.name_bytes = bytes;
        self
    }

    /// Bytes per field value; at least [`Limits::LONGEST_COUNTER`].
    #[must_use]
    pub fn with_value_bytes(mut self, bytes: usize) -> Self {
        self.value_bytes = bytes.max(Self::LONGEST_COUNTER);
        self
    }

    /// Fields per session.
    #[must_use]
    pub fn with_fields(mut self, fields: u32) -> Self {
        self.fields = fields;
        self
    }

    /// Bytes of all names and values of a session. Checking them reads the whole hash on each write
    /// that may grow it.
    #[must_use]
    pub fn with_session_bytes(mut self, bytes: u32) -> Self {
        self.session_bytes = Some(bytes);
        self
    }

    /// Fields per session.
    pub fn fields(&self) -> u32 {
        self.fields
    }

    /// Bytes of all names and values of a session, if limited.
    pub fn session_bytes(&self) -> Option<u32> {
        self.session_bytes
    }

    /// What can be known before anything is sent: whether a name and its value are short enough.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded), with a source that names the
    /// field and the limit.
    pub fn check(&self, name: &FieldName, value: &FieldValue) -> Result<()> {
        self.check_name(name)?;
        let max = self.value_bytes;
        within(value.len(), max, Limit::ValueBytes).map_err(|limit| {
            let (name, actual) = (name.as_str(), value.len());
            Error::from(limit).with_source(format!(
                "the value of the field `{name}` has {actual} bytes, and Limits::with_value_bytes \
                 allows {max}"
            ))
        })
    }

    pub(crate) fn check_name(&self, name: &FieldName) -> Result<()> {
        let (name, max) = (name.as_str(), self.name_bytes);
        within(name.len(), max, Limit::NameBytes).map_err(|limit| {
            let (actual, begin) = (name.len(), name.chars().take(32).collect::<String>());
            Error::from(limit).with_source(format!(
                "the field name that begins with `{begin}` has {actual} bytes, and \
                 Limits::with_name_bytes allows {max}"
            ))
        })
    }

    /// The names of fields that are asked for: each, and how many.
    pub(crate) fn check_names(&self, names: &[FieldName]) -> Result<()> {
        names.iter().try_for_each(|name| self.check_name(name))?;
        Ok(within(names.len(), to_usize(self.fields), Limit::Fields)?)
    }

    /// The limits of a whole session of this size, which had `before` fields and bytes.
    pub(crate) fn check_size(&self, before: Size, after: Size) -> Result<(), Limit> {
        if after.fields > before.fields {
            within(after.fields, to_usize(self.fields), Limit::Fields)?;
        }
        match self.session_bytes {
            Some(max) if after.bytes > before.bytes => {
                within(after.bytes, to_usize(max), Limit::SessionBytes)
            }
            _ => Ok(()),
        }
    }
}

/// The size of a session: fields that are not reserved, and the bytes of their names and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    pub(crate) fields: usize,
    pub(crate) bytes: usize,
}

impl Size {
    /// With one more field, whose value has so many bytes.
    pub(crate) fn with(mut self, name: &FieldName, value_bytes: usize) -> Self {
        self.fields += 1;
        self.bytes += name.as_str().len() + value_bytes;
        self
    }

    /// Without a field that it counts.
    pub(crate) fn without(mut self, name: &FieldName, value_bytes: usize) -> Self {
        self.fields -= 1;
        self.bytes -= name.as_str().len() + value_bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name_bytes: 128,
            value_bytes: 64 * 1024,
            fields: 128,
            session_bytes: None,
        }
    }
}

fn within(actual: usize, max: usize, limit: Limit) -> Result<(), Limit> {
    if actual <= max { Ok(()) } else { Err(limit) }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_can_read_the_limits_that_it_checks() {
        let limits = Limits::default();
        assert_eq!((limits.fields(), limits.session_bytes()), (128, None));
        let limits = limits.with_fields(5).with_session_bytes(900);
        assert_eq!((limits.fields(), limits.session_bytes()), (5, Some(900)));
    }
}

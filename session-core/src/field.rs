//! The name and the value of one session field.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::str::{FromStr, Utf8Error};

use bytes::Bytes;

use crate::error::{Effect, Error, ErrorKind};

/// The names of the fields that carry the session itself. The first three are the Redis guide's and
/// always present; the others exist only when their feature is used.
pub mod reserved {
    /// When the session was created, by the application's clock, to the second.
    pub const CREATED_AT: &str = "created_at";
    /// When the session was last used, by the application's clock, to the second.
    pub const LAST_ACCESSED_AT: &str = "last_accessed_at";
    /// The sliding time to live, in decimal seconds.
    pub const SESSION_TTL: &str = "session_ttl";
    /// The end of the absolute lifetime: decimal milliseconds since the Unix epoch, by the
    /// backend's clock.
    pub const SESSION_DEADLINE: &str = "session_deadline";
    /// The principal the session is bound to.
    pub const SESSION_PRINCIPAL: &str = "session_principal";

    /// The public id of a session that is bound to a principal.
    pub const SESSION_PUBLIC_ID: &str = "session_public_id";
    /// When the session was last bound: decimal milliseconds since the Unix epoch, by the backend's
    /// clock.
    pub const SESSION_LOGIN_AT: &str = "session_login_at";
    /// Whether the browser is to keep the session beyond its own end: `1` or `0`, where the log-in
    /// said so.
    pub const SESSION_PERSISTENT: &str = "session_persistent";
    /// Until when a tombstone of a rotation counts.
    pub const SESSION_ROTATED: &str = "session_rotated";

    /// All reserved names.
    pub const ALL: [&str; 9] = [
        CREATED_AT,
        LAST_ACCESSED_AT,
        SESSION_TTL,
        SESSION_DEADLINE,
        SESSION_PRINCIPAL,
        SESSION_PUBLIC_ID,
        SESSION_LOGIN_AT,
        SESSION_PERSISTENT,
        SESSION_ROTATED,
    ];
}

/// The name of a session field: any UTF-8 text that is not reserved.
///
/// A reserved name cannot be built, so no path of the API can set, remove or increment a reserved
/// field. (The Redis guide skips them silently on create and update, and lets its `incrementField`
/// change them.)
///
/// ```
/// use session_core::{FieldName, ReservedFieldName};
///
/// let name = FieldName::new("cart")?;
/// assert_eq!(name.as_str(), "cart");
/// assert_eq!(FieldName::new("session_ttl"), Err(ReservedFieldName));
/// # Ok::<(), ReservedFieldName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(Cow<'static, str>);

/// The name belongs to the session itself and cannot be used by a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the field name is reserved for the session itself")]
pub struct ReservedFieldName;

impl From<ReservedFieldName> for Error {
    fn from(reserved: ReservedFieldName) -> Self {
        Self::new(ErrorKind::ReservedField, Effect::NotApplied).with_source(reserved)
    }
}

impl FieldName {
    /// A field name. A `&'static str` is kept without copying; a text that is borrowed for less
    /// is copied by [`str::parse`].
    ///
    /// # Errors
    /// [`ReservedFieldName`] for one of [`reserved::ALL`].
    ///
    /// # Example
    /// ```
    /// use session_core::{FieldName, ReservedFieldName};
    ///
    /// fn of_item(item: &str) -> Result<FieldName, ReservedFieldName> {
    ///     item.parse()
    /// }
    ///
    /// assert_eq!(of_item("hat")?, FieldName::new("hat")?);
    /// assert_eq!(FieldName::new(String::from("hat"))?, FieldName::new("hat")?);
    /// # Ok::<(), ReservedFieldName>(())
    /// ```
    ///
    /// This one does not compile, since the name may outlive the text:
    /// ```compile_fail,E0521
    /// use session_core::{FieldName, ReservedFieldName};
    ///
    /// fn of_item(item: &str) -> Result<FieldName, ReservedFieldName> {
    ///     FieldName::new(item)
    /// }
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, ReservedFieldName> {
        let name = name.into();
        if reserved::ALL.contains(&name.as_ref()) {
            Err(ReservedFieldName)
        } else {
            Ok(Self(name))
        }
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for FieldName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for FieldName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<&'static str> for FieldName {
    type Error = ReservedFieldName;

    fn try_from(name: &'static str) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl TryFrom<String> for FieldName {
    type Error = ReservedFieldName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

/// Copies the text. A `&'static str` is kept as it is by [`FieldName::new`].
impl FromStr for FieldName {
    type Err = ReservedFieldName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name.to_owned())
    }
}

/// What a method takes that is given a field's name: a `&str`, a `String`, a [`FieldName`], or a
/// reference to one of these.
///
/// A `&str` is copied. To spare the copy, keep a [`FieldName`].
///
/// ```
/// use session_core::{FieldName, IntoFieldName, ReservedFieldName};
///
/// fn insert(name: impl IntoFieldName) -> Result<FieldName, ReservedFieldName> {
///     name.into_field_name()
/// }
///
/// let item = String::from("hat");
/// assert_eq!(insert(&item)?.as_str(), "hat");
/// assert_eq!(insert(format!("item:{item}"))?.as_str(), "item:hat");
/// assert_eq!(insert("session_ttl"), Err(ReservedFieldName));
/// # Ok::<(), ReservedFieldName>(())
/// ```
///
/// What is no text is refused by the compiler, which says what would do:
/// ```compile_fail,E0277
/// # use session_core::{FieldName, IntoFieldName, ReservedFieldName};
/// # fn insert(name: impl IntoFieldName) -> Result<FieldName, ReservedFieldName> {
/// #     name.into_field_name()
/// # }
/// insert(42)?;
/// # Ok::<(), ReservedFieldName>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a session field",
    label = "expected the name of a field",
    note = "a name is a `&str`, a `String`, a `FieldName`, or a reference to one of these; \
            for a number write `number.to_string()`"
)]
pub trait IntoFieldName {
    /// The name of the field.
    ///
    /// # Errors
    /// [`ReservedFieldName`] for one of [`reserved::ALL`].
    fn into_field_name(self) -> Result<FieldName, ReservedFieldName>;
}

impl IntoFieldName for FieldName {
    fn into_field_name(self) -> Result<FieldName, ReservedFieldName> {
        Ok(self)
    }
}

impl IntoFieldName for &FieldName {
    fn into_field_name(self) -> Result<FieldName, ReservedFieldName> {
        Ok(self.clone())
    }
}

impl IntoFieldName for &str {
    fn into_field_name(self) -> Result<FieldName, ReservedFieldName> {
        self.parse()
    }
}

impl IntoFieldName for String {
    fn into_field_name(self) -> Result<FieldName, ReservedFieldName> {
        FieldName::new(self)
    }
}

impl IntoFieldName for &String {
    fn into_field_name(self) -> Result<FieldName, ReservedFieldName> {
        self.parse()
    }
}

/// The value of a session field: bytes, usually text. Cheap to clone: a short one is copied, which
/// needs no allocation, and a long one is shared.
///
/// `Debug` shows the length only: values are user data and have no place in logs.
///
/// How long it may be is said by [`Limits`](crate::Limits). On Redis a session with a value of more
/// than 64 bytes takes about twice the memory: it leaves the compact encoding of small hashes
/// (`hash-max-listpack-value`).
///
/// ```
/// use session_core::FieldValue;
///
/// let value = FieldValue::from("andrew");
/// assert_eq!(value.as_str(), Ok("andrew"));
/// assert_eq!(format!("{value:?}"), "FieldValue(6 bytes)");
/// ```
#[derive(Clone)]
pub struct FieldValue(Repr);

#[derive(Clone)]
enum Repr {
    // As large as the other, which it needs no room beside: most values are short, and a store that
    // holds millions of them has one allocation less for each.
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Bytes),
}

/// How long a value is at most that needs no allocation.
const SHORT: usize = 23;
/// How long a value is at most that is copied rather than shared when it is stored: about as fast,
/// and smaller, since no count of references goes with it.
const SMALL: usize = 64;

impl FieldValue {
    /// A value that refers to static text, without copying.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Long(Bytes::from_static(text.as_bytes())))
    }

    /// The value's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Long(bytes) => bytes,
        }
    }

    /// The value as text.
    ///
    /// # Errors
    /// When the bytes are not UTF-8.
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.as_bytes())
    }

    /// The value's length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the value has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes themselves; those of a long value without copying.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Short { .. } => Bytes::copy_from_slice(self.as_bytes()),
            Repr::Long(bytes) => bytes,
        }
    }

    /// The same value, to be kept.
    pub(crate) fn detached(&self) -> Self {
        if self.len() <= SMALL {
            Self::from(self.as_bytes())
        } else {
            self.clone()
        }
    }

    fn short(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        let len = u8::try_from(value.len()).ok()?;
        Some(Self(Repr::Short { len, bytes }))
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldValue({} bytes)", self.len())
    }
}

impl Default for FieldValue {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl PartialEq for FieldValue {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for FieldValue {}

impl PartialOrd for FieldValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FieldValue {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for FieldValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl From<Bytes> for FieldValue {
    fn from(bytes: Bytes) -> Self {
        Self::short(&bytes).unwrap_or(Self(Repr::Long(bytes)))
    }
}

impl From<Vec<u8>> for FieldValue {
    fn from(bytes: Vec<u8>) -> Self {
        // Without room to grow, which would be kept, and make `Bytes` keep its size elsewhere.
        Self::short(&bytes).unwrap_or_else(|| Self(Repr::Long(bytes.into_boxed_slice().into())))
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<&[u8]> for FieldValue {
    fn from(bytes: &[u8]) -> Self {
        Self::short(bytes).unwrap_or_else(|| Self(Repr::Long(Bytes::copy_from_slice(bytes))))
    }
}

impl From<i64> for FieldValue {
    fn from(number: i64) -> Self {
        let mut text = [0; SHORT];
        let mut rest = &mut text[..];
        // The longest has 20 characters, so there is room for all.
        let written = write!(rest, "{number}");
        debug_assert!(written.is_ok());
        let len = SHORT - rest.len();
        text.get(..len).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_cannot_be_built() {
        for name in reserved::ALL {
            assert_eq!(FieldName::new(name), Err(ReservedFieldName));
            assert_eq!(FieldName::new(name.to_owned()), Err(ReservedFieldName));
        }
    }

    #[test]
    fn names_that_only_resemble_reserved_ones_are_ordinary() {
        for name in [
            "",
            "Created_at",
            "created_at\0",
            " session_ttl",
            "session_ttl\r\n",
            "ｓession_ttl",
        ] {
            assert_eq!(FieldName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_are_made_of_what_is_at_hand() {
        let text = String::from("cart");
        let name = FieldName::new("cart").unwrap();
        assert_eq!(text.as_str().into_field_name(), Ok(name.clone()));
        assert_eq!((&text).into_field_name(), Ok(name.clone()));
        assert_eq!((&name).into_field_name(), Ok(name.clone()));
        assert_eq!(text.parse(), Ok(name.clone()));
        assert_eq!(FieldName::try_from("cart"), Ok(name.clone()));
        assert_eq!(text.into_field_name(), Ok(name));
        for name in reserved::ALL {
            assert_eq!(name.into_field_name(), Err(ReservedFieldName));
            assert_eq!(name.to_owned().into_field_name(), Err(ReservedFieldName));
            assert_eq!(name.parse::<FieldName>(), Err(ReservedFieldName));
        }
    }

    #[test]
    fn values_keep_every_byte_however_long_they_are() {
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, SMALL, SMALL + 1, 1000] {
            let mut bytes = [0, 0xff, b'\r', b'\n'].repeat(len);
            bytes.truncate(len);
            for value in [
                FieldValue::from(bytes.clone()),
                FieldValue::from(&bytes[..]),
                FieldValue::from(Bytes::from(bytes.clone())),
                FieldValue::from(&bytes[..]).detached(),
            ] {
                assert_eq!((value.as_bytes(), value.len()), (&bytes[..], len));
                assert_eq!(value.as_str().is_err(), len > 1);
                assert_eq!(value.clone().into_bytes(), bytes);
            }
        }
        assert_eq!(FieldValue::from_static("a"), FieldValue::from("a"));
        for number in [0, -7, i64::MIN, i64::MAX] {
            assert_eq!(
                FieldValue::from(number),
                FieldValue::from(number.to_string())
            );
        }
    }

    #[test]
    fn a_value_has_the_size_of_what_long_ones_need() {
        assert_eq!(size_of::<FieldValue>(), size_of::<Bytes>());
    }
}

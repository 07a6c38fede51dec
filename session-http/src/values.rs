//! Typed values outside of a request: for jobs, and for sessions of other devices.

use serde::Serialize;
use serde::de::DeserializeOwned;
use session_core::{Delta, Fields, IntoFieldName, ListedSession, SessionRecord};

use crate::error::SessionError;
use crate::json::decode::{self, Form};
use crate::json::encode;
use crate::session::unless_unencodable;

/// Typed values in a [`Delta`], in the form in which the request's [`Session`](crate::Session)
/// stores and reads them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_http::SessionError> {
/// # use session_core::{NewSession, Principal, SessionBackend};
/// # let backend = session_memory::MemoryBackend::new();
/// # let new = NewSession::default().bind(Principal::new("user:42")?);
/// # let id = backend.create_session(new).await?.id;
/// use session_core::Delta;
/// use session_http::{DeltaExt, FieldsExt};
///
/// // A job that has found out the user's country.
/// let delta = Delta::new().insert("countries", ["NL", "BE"])?.returning_record();
/// if let Some(written) = backend.update_session(&id, delta).await? {
///     let record = written.record.expect("it was asked for");
///     let countries: Option<Vec<String>> = record.get_as("countries")?;
///     assert_eq!(countries.map_or(0, |countries| countries.len()), 2);
/// }
/// # Ok(())
/// # }
/// ```
pub trait DeltaExt: Sized {
    /// Sets a field to a value of any serializable type, as
    /// [`Session::insert`](crate::Session::insert) does; `None` removes it.
    ///
    /// # Errors
    /// A reserved name, and [`SessionError::Encode`].
    fn insert(self, name: impl IntoFieldName, value: impl Serialize) -> Result<Self, SessionError>;
}

impl DeltaExt for Delta {
    fn insert(self, name: impl IntoFieldName, value: impl Serialize) -> Result<Self, SessionError> {
        let name = name.into_field_name()?;
        Ok(match unless_unencodable(&name, encode::to_text(&value))? {
            Some(text) => self.set(name, text),
            None => self.remove(name),
        })
    }
}

/// Typed values of a session's fields, as [`Session::get`](crate::Session::get) reads them.
pub trait FieldsExt {
    /// The value of a field, as this type; `None` when it is absent.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else.
    fn get_as<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError>;
}

impl FieldsExt for Fields {
    fn get_as<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        let decoded = self
            .get(name)
            .map(|value| decode::from_value(value, Form::Field));
        let decoded = decoded.transpose();
        decoded.map_err(|fault| fault.in_field(name).undecodable::<T>())
    }
}

impl FieldsExt for SessionRecord {
    fn get_as<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.fields().get_as(name)
    }
}

impl FieldsExt for ListedSession {
    fn get_as<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.fields.get_as(name)
    }
}

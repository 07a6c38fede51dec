//! Typed values by serde.

mod decode;
mod encode;
mod typed;

use serde::Serialize;
use serde::de::DeserializeOwned;
use session_core::FieldName;

pub use self::typed::Typed;
use crate::error::SessionError;
use crate::read_session::ReadSession;
use crate::session::{Session, field_name};
use crate::state::Purpose;

/// # Typed values
///
/// **Text is stored as it is, everything else as JSON.** So `insert_typed("name", "andrew")` and
/// `insert("name", "andrew")` store the same, a number has the form that counters have, other
/// languages' clients of the same session find what they expect, and a `Vec` or a struct is JSON.
/// What serializes as null (`None`) is stored as no field.
///
/// Whether a stored `5` is the number or the text is decided by the type that is read. A
/// type that takes anything (`serde_json::Value`, an untagged enum) reads JSON if it is JSON.
impl Session {
    /// The value of a field, as this type.
    ///
    /// # Returns
    /// `None` when the field is absent, and when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_tower::Session) -> Result<(), session_tower::SessionError> {
    /// session.insert_typed("sizes", &[38, 39])?;
    /// assert_eq!(session.get_typed::<Vec<u8>>("sizes").await?, Some(vec![38, 39]));
    /// assert_eq!(session.get_str("sizes").await?.as_deref(), Some("[38,39]"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_typed<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        get_typed(self, name, Purpose::Use).await
    }

    /// Sets a field to a value of any serializable type; one that is null removes it.
    ///
    /// # Errors
    /// [`SessionError::Encode`] when the value has no JSON form; otherwise as
    /// [`insert`](Session::insert).
    pub fn insert_typed<N, T>(&self, name: N, value: &T) -> Result<(), SessionError>
    where
        N: TryInto<FieldName, Error: Into<SessionError>>,
        T: Serialize + ?Sized,
    {
        let name = field_name(name)?;
        let text = encode::to_text(value).map_err(|why| SessionError::Encode {
            what: format!("the field `{name}`"),
            why,
        })?;
        match text {
            Some(text) => self.insert(name, text),
            None => self.remove(name),
        }
    }

    /// A struct whose members are fields of the session, one each.
    ///
    /// [`Typed::store`] then changes only the fields whose members have changed, so that concurrent
    /// requests that change different members do not lose each other's.
    ///
    /// # Returns
    /// The struct, with serde's defaults for members whose fields are absent: `None` for an
    /// `Option`, what `#[serde(default)]` says for others. Without a session all fields are absent.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when a field holds something else than its member's type, or is
    /// absent and has no default; and [`SessionError::Backend`].
    ///
    /// # Example
    /// ```
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, Default)]
    /// #[serde(default)]
    /// struct Visitor {
    ///     username: Option<String>,
    ///     cart: Vec<u32>,
    /// }
    ///
    /// # async fn example(session: session_tower::Session) -> Result<(), session_tower::SessionError> {
    /// let mut visitor = session.load_struct::<Visitor>().await?;
    /// visitor.cart.push(7);
    /// visitor.store()?; // changes the field `cart`, and no other
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load_struct<T>(&self) -> Result<Typed<T>, SessionError>
    where
        T: Serialize + DeserializeOwned,
    {
        let fields = self.fields().await?;
        Typed::new(decode::from_fields(&fields)?, self.clone())
    }
}

impl ReadSession {
    /// The value of a field, as this type; otherwise as [`Session::get_typed`].
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    pub async fn get_typed<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        get_typed(self.session(), name, Purpose::Peek).await
    }
}

async fn get_typed<T: DeserializeOwned>(
    session: &Session,
    name: &str,
    purpose: Purpose,
) -> Result<Option<T>, SessionError> {
    let text = session.get_str_for(name, purpose).await?;
    text.map(|text| decode::from_text(&text, name)).transpose()
}

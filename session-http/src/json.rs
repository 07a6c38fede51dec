//! Typed values by serde.

pub(crate) mod decode;
pub(crate) mod encode;
mod typed;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::typed::Typed;
use crate::error::SessionError;
use crate::session::Session;

/// # Structs
///
/// A struct can live in the session, one field per member, each stored as
/// [`insert`](Session::insert) stores it.
impl Session {
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
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
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
